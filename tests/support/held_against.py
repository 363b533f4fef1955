"""A copy held against its original, with readings that a test prepared."""

from ekyc.ocr.compare import compare_with_reading
from ekyc.ocr.documents import interpret_document


def held_against(originals, copies, reader):
    """The comparison; ``reader.read_page`` gives what the originals' pages say, in order."""
    read = tuple(reader.read_page(page) for page in originals)
    return compare_with_reading(
        interpret_document(read, duration_ms=0.0), originals, copies, reader
    )
