"""What hostile bytes must never do to the parsers of the chip and of pages, one function per way in.

Each target takes any bytes and returns, or raises because a promise was broken: an untyped error, a code of another
family, a verdict that nobody earned. ``tests/fuzz/run.py`` drives them with atheris; ``tests/fuzz/test_targets.py`` runs
the kept corpus and a few thousand mutations of the seeds through them everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path

import fuzz_audit
import fuzz_credentials
import fuzz_pdf_tail
import fuzz_signatures
from fuzz_frames import container, container_seeds, jpeg_facts, jpeg_seeds
from fuzz_pages import page_seeds, pages, pdf, pdf_rendering, pdf_seeds, picture, qr, qr_seeds

from ekyc.chip import ChainVerdict, inspect_signed_file
from ekyc.chip.access_key import MrzKey
from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.evidence import verify_session
from ekyc.chip.file_reading import FileReader
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.dg2 import parse_dg2
from ekyc.chip.lds.dg3 import parse_dg3
from ekyc.chip.lds.dg5 import parse_dg5
from ekyc.chip.lds.dg11 import parse_dg11
from ekyc.chip.lds.dg12 import parse_dg12
from ekyc.chip.lds.dg13 import parse_dg13
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.dg16 import parse_dg16
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.lds.sod import parse_sod
from ekyc.chip.program import PlainChannel, run_program
from ekyc.chip.protocol_infos import offered_chip_authentication, offered_pace
from ekyc.chip.reader import AccessProtocol, read_chip
from ekyc.chip.relay import (
    CardWork,
    Hello,
    RelayClient,
    RelayMode,
    RelayPlan,
    RelaySession,
    encode_frame,
    parse_any,
)
from ekyc.chip.relay.frames import Commands, FileFrame, HandoverFrame, Responses
from ekyc.chip.sim import CitizenData, SimulatedIssuer
from ekyc.chip.sim.files import build_dg2, build_dg13, build_security_object
from ekyc.chip.tlv import MAX_ELEMENTS, Tlv, parse_tlv
from ekyc.errors import ChipError, EkycError, InputError
from ekyc.mrz import build_td1, build_td2, build_td3, parse_mrz
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore, der, parse_certificate, parse_signed_data, verify_master_list
from ekyc.pki.masterlist import CONTENT_TYPE, _parse_list
from ekyc.pki.signatures import ECDSA_PLAIN
from ekyc.testing import FixedClock
from ekyc.values import Redacted

AT = datetime(2026, 1, 15, tzinfo=UTC)
_NOBODY = TrustStore()
_JPEG = b"\xff\xd8\xff\xe0 no picture \xff\xd9"


def tlv(data: bytes) -> None:
    """Whatever the outer tag: a tree within its bounds, or ``chip.tlv.*``."""
    try:
        tree = parse_tlv(data, data[0] if data else 0x61)
    except ChipError as error:
        assert error.code.startswith("chip.tlv."), error.code
        return
    assert _count(tree) <= MAX_ELEMENTS
    assert len(tree.value) < len(data)


def sod(data: bytes) -> None:
    """EF.SOD and EF.CardSecurity: no verdict without a signer, no trust without an anchor."""
    try:
        found = parse_sod(data)
    except ChipError as error:
        assert error.code in {"chip.sod_malformed", "chip.sod_unsupported", "chip.tlv.malformed"}
    else:
        assert set(found.security_object.hashes) <= set(range(1, 17))
    try:
        report = inspect_signed_file(data, trust=_NOBODY, at=AT)
    except ChipError as error:
        assert error.code == "chip.not_a_signed_file", error.code
        return
    assert report.chain_verdict is not ChainVerdict.CHAINED
    assert report.outcome is not Outcome.PASSED


def dg2(data: bytes) -> None:
    """Both generations of face records. What comes out stood in what went in."""
    try:
        found = parse_dg2(data)
    except ChipError as error:
        assert error.code.startswith(("chip.tlv.", "chip.dg2_")), error.code
        return
    assert found.images
    assert all(image.encoded in data for image in found.images)


def dg13(data: bytes) -> None:
    """The Vietnamese group. Nothing is read twice, and nothing unreadable is read."""
    try:
        found = parse_dg13(data)
    except ChipError as error:
        assert error.code in {"chip.dg13_malformed", "chip.tlv.limit"}, error.code
        return
    read = [*found.texts, *found.names, *found.unknown]
    assert len(set(read)) == len(read)
    assert not set(read) & set(found.unreadable)


def security_infos(data: bytes) -> None:
    """DG14, EF.CardAccess: entries by place, each once; offers only of keys that lie in their group."""
    parse = parse_dg14 if data[:1] == b"\x6e" else partial(parse_security_infos, subject="fuzz")
    try:
        found = parse(data)
    except ChipError as error:
        assert error.code in {
            "chip.security_infos_malformed",
            "chip.tlv.malformed",
            "chip.tlv.limit",
        }
        return
    assert len(found.infos) + len(found.unreadable) <= 64
    assert found.active_authentication_digest in {None, *ECDSA_PLAIN.values()}
    offered_pace(found)
    for offer in offered_chip_authentication(found):
        assert offer.key.group.decode(offer.key.encoded) == offer.key.public


_DETAIL_PARSERS: dict[int, Callable[[bytes], object]] = {
    0x63: parse_dg3,
    0x65: parse_dg5,
    0x6B: parse_dg11,
    0x6C: parse_dg12,
    0x70: parse_dg16,
}


def details(data: bytes) -> None:
    """DG3, DG5, DG11, DG12 and DG16, told by their tag."""
    parse = _DETAIL_PARSERS.get(data[0] if data else 0, parse_dg11)
    try:
        parse(data)
    except ChipError as error:
        assert error.code.startswith("chip.tlv."), error.code


def mrz(data: bytes) -> None:
    """Zones of all formats. One that passes has fields of its alphabet and shows nothing of itself."""
    text = data.decode("latin-1")
    try:
        found = parse_mrz(text)
    except InputError as error:
        assert error.code.startswith("mrz."), error.code
        return
    assert found.surname
    assert repr(found) == f"Mrz({found.format}, issuer={found.issuer!r}, …)"
    assert len(found.birth_yymmdd) == len(found.expiry_yymmdd) == 6


def csca_list(data: bytes) -> None:
    """Master lists: whole, their content behind the signature, and single certificates."""
    for parse in (verify_master_list, parse_certificate):
        try:
            parse(data)
        except EkycError as error:
            assert error.code.startswith(("cms.", "pki.", "asn1.")), error.code
    try:
        signed = parse_signed_data(data)
        content = signed.content if signed.content_type == CONTENT_TYPE else data
    except EkycError:
        content = data
    try:
        with der.malformed_as(InputError, code="pki.masterlist_malformed"):
            _parse_list(content)
    except InputError as error:
        assert error.code == "pki.masterlist_malformed", error.code


class _Answers:
    """A chip that answers with the bytes of the input: one octet says how long each answer is."""

    max_command_bytes = 261
    extended_length = False

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._asked = 0

    def transceive(self, command: bytes) -> bytes:
        CommandApdu.parse(command)
        self._asked += 1
        assert self._asked < 10_000, "the reader never gives up"
        size, self._data = self._data[:1], self._data[1:]
        answer, self._data = (
            self._data[: size[0]] if size else b"",
            self._data[size[0] if size else 0 :],
        )
        return answer or b"\x6a\x82"


class _Bytes:
    def token_bytes(self, count: int) -> bytes:
        return hashlib.sha256(b"fuzz").digest()[:count].ljust(count, b"\x5a")


def apdu(data: bytes) -> None:
    """Responses: one alone, those of a file in pieces, and those of a whole reading."""
    for parse in (ResponseApdu.parse, CommandApdu.parse):
        try:
            found = parse(data)
        except ChipError as error:
            assert error.code == "chip.apdu.malformed", error.code
        else:
            assert parse(found.encode()) == found
    reader = FileReader(PlainChannel())
    whole = read_chip(MrzKey("185012345", "850419", "450419"), random=_Bytes())
    for program in (reader.read(ElementaryFile.COM), whole):
        try:
            run_program(program, _Answers(data))
        except EkycError as error:
            assert error.code.startswith("chip."), error.code


_RELAY_TOKEN = "0123456789abcdef"
_RELAY_LINK = Hello(
    token=Redacted(_RELAY_TOKEN),
    max_command_bytes=261,
    max_response_bytes=258,
    extended_length=False,
)


def relay(data: bytes) -> None:
    """Frames, one a line, to a server in either mode and to a client. What is read is written alike."""
    lines = data.decode("latin-1").split("\n")
    for line in lines:
        try:
            frame = parse_any(line)
        except InputError as error:
            assert error.code.startswith("chip.relay_"), error.code
        else:
            assert parse_any(encode_frame(frame)) == frame
    key = MrzKey("185012345", "850419", "450419")
    for plan in (
        RelayPlan(session_id="fuzz", access_key=key, nonce=bytes(8)),
        RelayPlan(session_id="fuzz", mode=RelayMode.HYBRID, nonce=bytes(8)),
    ):
        session = RelaySession(plan, _RELAY_LINK, random=_Bytes(), clock=FixedClock())
        session.start()
        _feed(session.receive, lines)
        assert session.record is None or verify_session(session.record) == session.reading
    client = RelayClient(Redacted(_RELAY_TOKEN), _Answers(data))
    _feed(lambda line: _work(client, client.receive(line)), lines)


def _feed(take: Callable[[str], object], lines: list[str]) -> None:
    for line in lines:
        try:
            take(line)
        except EkycError as error:
            assert error.code.startswith("chip."), error.code
            return


def _work(client: RelayClient, step: object) -> None:
    if isinstance(step, CardWork):
        client.carry_out(step)


TARGETS: dict[str, Callable[[bytes], None]] = (
    {
        target.__name__: target
        for target in (
            apdu,
            container,
            csca_list,
            details,
            dg2,
            dg13,
            jpeg_facts,
            mrz,
            pages,
            pdf,
            pdf_rendering,
            picture,
            qr,
            relay,
            security_infos,
            sod,
            tlv,
        )
    }
    | fuzz_audit.TARGETS
    | fuzz_credentials.TARGETS
    | fuzz_pdf_tail.TARGETS
    | fuzz_signatures.TARGETS
)
SLOW = frozenset({"pdf"})
"""Targets that start a process for every input."""


@cache
def seeds() -> dict[str, tuple[bytes, ...]]:
    """A few sound inputs per target, made here: nothing of a real document."""
    citizen = CitizenData(
        personal_number="048185012345",
        full_name="NGUYỄN THỊ MẪU",
        birth_date=date(1985, 4, 19),
        sex="F",
        residence="Tổ 12, phường Hòa Thuận Tây, quận Hải Châu, thành phố Đà Nẵng",
        father_name="NGUYỄN VĂN MẪU",
        spouse_name="TRẦN VĂN MẪU",
        issue_date=date(2023, 8, 21),
    )
    issuer = SimulatedIssuer.create(clock=FixedClock())
    signed = issuer.sign_security_object(build_security_object({1: b"a", 2: b"b"}))
    csca = issuer.csca_certificate_der
    card = issuer.issue_card(citizen, _JPEG)
    group = card.files.get(ElementaryFile.DG14) or b""
    card_access = card.access_files.get(ElementaryFile.CARD_ACCESS) or b""
    com = bytes.fromhex("601a5f0104303130375f36063034303030305c0861756b6c6d6e6f70")
    face = der.encode(0xA0, der.encode(0x80, _JPEG), der.encode(0xA1, b"\xa0\x03\x80\x01\x02"))
    newer = der.encode(
        0xA1,
        der.encode(
            0x65,
            b"\xa0\x07\x80\x01\x03\x81\x02\x07\xe3",
            der.encode(0xA1, der.encode(0x30, der.encode(0xA1, der.encode(0xA0, face)))),
        ),
    )
    template = der.encode(0x7F60, der.encode(0x7F2E, newer))
    person = der.encode(0x5F0E, b"SMITH<<JOHN") + der.encode(0x5F2B, b"19700101")
    entry = der.encode(0x5F50, b"20020101") + der.encode(0x5F51, b"BROWN<<MARY")
    zone = {
        "document_number": "D23145890",
        "birth_yymmdd": "740812",
        "sex": "F",
        "expiry_yymmdd": "120415",
        "surname": "ERIKSSON",
        "given_names": "ANNA MARIA",
    }
    pieces = (b"\x90\x00", com[:4] + b"\x90\x00", com + b"\x90\x00", b"\x62\x82", b"\x69\x82")
    return {
        "apdu": (b"".join(bytes((len(piece),)) + piece for piece in pieces), bytes.fromhex("6108")),
        "container": container_seeds(),
        "csca_list": (der.encode(0x30, b"\x02\x01\x00", der.encode(0x31, csca)), csca, signed[4:]),
        "details": (
            der.encode(0x6B, der.encode(0x5C, b"\x5f\x0e\x5f\x2b"), person),
            der.encode(0x6C, der.encode(0xA0, b"\x02\x01\x01", der.encode(0x5F1A, b"A<<B"))),
            der.encode(0x70, b"\x02\x01\x01", der.encode(0xA1, entry)),
            der.encode(0x65, b"\x02\x01\x01", der.encode(0x5F40, _JPEG)),
            der.encode(0x63, der.encode(0x7F61, b"\x02\x01\x00")),
        ),
        "dg2": (build_dg2(_JPEG), der.encode(0x75, der.encode(0x7F61, b"\x02\x01\x01", template))),
        "dg13": (build_dg13(citizen),),
        "jpeg_facts": jpeg_seeds(),
        "relay": (_relayed(com), _handed_over(com)),
        "mrz": tuple(build(**zone).encode() for build in (build_td1, build_td2, build_td3)),
        "pages": page_seeds(),
        "pdf": pdf_seeds(),
        "pdf_rendering": pdf_seeds(),
        "picture": page_seeds(),
        "qr": qr_seeds(),
        "security_infos": (group, group[2:] if group[1] < 0x80 else group[3:], card_access),
        "sod": (signed,),
        "tlv": (com, der.encode(0x61, der.encode(0x5F1F, b"P<"))),
        **fuzz_audit.audit_seeds(),
        **fuzz_credentials.credential_seeds(),
        **fuzz_pdf_tail.tail_seeds(),
        **fuzz_signatures.signature_seeds(),
    }


def _relayed(com: bytes) -> bytes:
    """Answers of a chip without PACE, up to a refused BAC; commands for the client after them."""
    answers = (b"\x6d\x00",), (b"\x6a\x82",), (b"\x90\x00",), (bytes(8) + b"\x90\x00",)
    frames = [
        *(Responses(sequence=n, responses=given) for n, given in enumerate(answers, start=1)),
        Responses(sequence=5, responses=(com + b"\x90\x00", b"\x69\x88")),
        Commands(sequence=1, commands=(b"\x00\xa4\x02\x0c\x02\x01\x1e", b"\x00\xb0\x00\x00\x04")),
    ]
    return "\n".join(map(encode_frame, frames)).encode()


def _handed_over(com: bytes) -> bytes:
    """A file, a session, an answer in it."""
    frames = [
        FileFrame(name=ElementaryFile.COM, content=com),
        HandoverFrame(
            access=AccessProtocol.BAC,
            suite="3DES",
            encryption=bytes(16),
            mac=bytes(16),
            counter=bytes(8),
        ),
        Responses(sequence=1, responses=(com + b"\x90\x00",)),
    ]
    return "\n".join(map(encode_frame, frames)).encode()


def corpus(name: str) -> tuple[bytes, ...]:
    """Inputs that an earlier run found worth keeping, one a line in hexadecimal digits; all grown from the seeds."""
    file = Path(__file__).resolve().parents[1] / "fuzz" / "corpus" / f"{name}.hex"
    lines = file.read_text(encoding="ascii").splitlines() if file.is_file() else []
    return tuple(bytes.fromhex(line) for line in lines)


def _count(tree: Tlv) -> int:
    return 1 + sum(_count(child) for child in tree.children)
