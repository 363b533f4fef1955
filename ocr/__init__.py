"""Reading print: pages, identity cards, civil-status papers, and a copy against its original.

Models come in from outside (:class:`ekyc.ports.Model`); this room knows how to prepare pictures for them, decode
their output and judge what was read. Everything read is untrusted text.
"""

from ekyc.ocr.alignment import DifferenceClass, TextDifference, text_differences
from ekyc.ocr.card_facts import CardFacts, Source, Verdict
from ekyc.ocr.card_sides import CardSide, read_side
from ekyc.ocr.cards import CardReading, read_card
from ekyc.ocr.compare import DocumentComparison, compare_copy, compare_with_reading
from ekyc.ocr.copy_lines import CopyDifference, DifferenceScope, DifferenceStatus
from ekyc.ocr.copy_pages import PageComparison, PageStatus
from ekyc.ocr.copy_verdict import FieldOutcome, FieldVerdict
from ekyc.ocr.cross_check import (
    FieldComparison,
    FieldMatch,
    compare_sources,
    cross_check_card,
    match_card,
)
from ekyc.ocr.documents import DocumentReading, read_document
from ekyc.ocr.fields import ReadField
from ekyc.ocr.id_number import PersonalNumber, parse_personal_number
from ekyc.ocr.lines import ReadLine
from ekyc.ocr.mrz_reader import MrzReading, read_mrz
from ekyc.ocr.page_matching import PageMatching
from ekyc.ocr.page_views import PageView, straighten_page, view_page
from ekyc.ocr.qr import CardQr, parse_card_qr
from ekyc.ocr.reading import PageReading, Reader, TextReader
from ekyc.ocr.recognise import LineRecogniser, LineText, load_vocabulary

__all__ = [
    "CardFacts",
    "CardQr",
    "CardReading",
    "CardSide",
    "CopyDifference",
    "DifferenceClass",
    "DifferenceScope",
    "DifferenceStatus",
    "DocumentComparison",
    "DocumentReading",
    "FieldComparison",
    "FieldMatch",
    "FieldOutcome",
    "FieldVerdict",
    "LineRecogniser",
    "LineText",
    "MrzReading",
    "PageComparison",
    "PageMatching",
    "PageReading",
    "PageStatus",
    "PageView",
    "PersonalNumber",
    "ReadField",
    "ReadLine",
    "Reader",
    "Source",
    "TextDifference",
    "TextReader",
    "Verdict",
    "compare_copy",
    "compare_sources",
    "compare_with_reading",
    "cross_check_card",
    "load_vocabulary",
    "match_card",
    "parse_card_qr",
    "parse_personal_number",
    "read_card",
    "read_document",
    "read_mrz",
    "read_side",
    "straighten_page",
    "text_differences",
    "view_page",
]
