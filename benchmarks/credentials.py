"""Suite ``credentials``: how small is a result, and what do checking it, publishing its status and logging it cost?

CPU milliseconds of the process, one call at a time. Birth extracts are drawn with all twelve fields: names, places and
offices from lists that are partly in the packing's dictionary and partly not, as in a real register. The status list has a
million places with one in a hundred revoked, at random places.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ekyc.benchmarks.evidence_log import measure_log
from ekyc.outcomes import Outcome
from ekyc.signing.credentials import (
    CredentialSigner,
    EcSigner,
    Ed25519Signer,
    KeyUse,
    Result,
    StatusArray,
    StatusList,
    StatusReference,
    TrustAnchor,
    TrustedIssuer,
    TrustedKey,
    TrustList,
    encode_cwt,
    encode_result,
    encode_trust_list,
    inspect_result,
    read_result,
    read_status_list,
    read_trust_list,
    schema_of,
)
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import SoftwareKey

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder, RunOptions

_NOW: Final = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
_ISSUER: Final = "https://ketqua.mau.gov.vn"
_LIST: Final = f"{_ISSUER}/tt/1"
_PLACES: Final = 1_000_000
_REVOKED: Final = 10_000
_FAMILIES: Final = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Võ",
    "Đặng",
    "Bùi",
    "Hồ",
    "Cao",
    "Lò",
    "Giàng",
    "Thạch",
    "Tôn-Nữ",
    "Âu",
]
_MIDDLES: Final = [
    "Thị",
    "Văn",
    "Hữu",
    "Ngọc",
    "Thị-Thanh",
    "Minh",
    "Quốc",
    "Hồng",
    "Xuân",
    "Đình",
    "Kim",
    "Phúc-Gia",
]
_GIVEN: Final = [
    "Hà",
    "Nam",
    "Bích-Ngọc",
    "Khánh-Quyên",
    "Pâng",
    "Ksor",
    "Trâm-Anh",
    "Đạt",
    "Thục-Đoan",
    "Huy",
    "Lan",
    "Ý",
    "Khôi-Nguyên",
]
_WARDS: Final = [
    "Hòa-Thuận-Tây",
    "Phạm-Ngũ-Lão",
    "Mường-Giôn",
    "Tân-Định",
    "Quang-Hanh",
    "Ea-Tam",
    "Cẩm-Phô",
    "Bến-Nghé",
]
_TOWNS: Final = [
    "Hải-Châu",
    "Quỳnh-Nhai",
    "Cẩm-Phả",
    "Ngũ-Hành-Sơn",
    "Buôn-Đôn",
    "Hoàng-Mai",
    "Tân-Phước",
]
_PROVINCES: Final = (
    "thành phố Đà Nẵng",
    "thành phố Hồ Chí Minh",
    "tỉnh Sơn La",
    "tỉnh Quảng Ninh",
    "tỉnh Đắk Lắk",
    "tỉnh Thừa Thiên - Huế",
)
_CLINICS: Final = ("Bệnh viện đa khoa", "Trạm y tế xã", "Bệnh viện Phụ sản", "Tại nhà, tổ 4,")


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question; no data and no models needed."""
    dice = random.Random(options.seed)  # noqa: S311  # drawn records, no keys
    repetitions = 20 if options.quick else 300
    records = [_record(dice) for _ in range(repetitions)]
    status_signer = Ed25519Signer.generate()
    ec_signer = EcSigner(SoftwareKey.generate(SignatureAlgorithm.ECDSA_P256))
    sizes: list[int] = []
    for signer in (ec_signer, Ed25519Signer.generate()):
        sizes += _measure_results(recorder, dice, records, signer, status_signer)
    _measure_sizes(recorder, sorted(sizes))
    _measure_lists(recorder, dice, status_signer, 3 if options.quick else 20)
    measure_log(recorder, quick=options.quick)
    recorder.must("birth_extract_characters_longest", at_most=520)
    recorder.must("verify_es256_cpu_ms", at_most=1.0)
    recorder.must("verify_ed25519_cpu_ms", at_most=1.0)
    recorder.must("status_list_1_bit_bytes", at_most=130_000)
    recorder.must("status_list_2_bits_bytes", at_most=130_000)
    recorder.must("status_lookup_cpu_ms", at_most=0.1)


def _measure_results(
    recorder: Recorder,
    dice: random.Random,
    records: list[dict[str, str]],
    signer: CredentialSigner,
    status_signer: CredentialSigner,
) -> list[int]:
    """Times; the characters of each code."""
    name = signer.public.algorithm.jose.lower()
    anchor = _anchor(signer, status_signer)
    listed = encode_cwt(_status_list(1024, 2, []), signer=status_signer)
    codes = [_code(dice, record, signer) for record in records]

    def verify(code: str) -> None:
        read_result(code).verify(signer.public)

    def judge(code: str) -> None:
        report = inspect_result(code, anchor=anchor, status_lists=[listed], at=_NOW)
        if report.outcome is not Outcome.PASSED:
            raise AssertionError("a benchmark of results that fail would measure the wrong thing")

    recorder.samples(f"verify_{name}_cpu_ms", [_cpu_ms(verify, code) for code in codes], unit="ms")
    recorder.samples(
        f"judge_with_lists_{name}_cpu_ms", [_cpu_ms(judge, code) for code in codes], unit="ms"
    )
    sizes = [len(code) for code in codes]
    recorder.observe(signer=name, characters=sorted(sizes))
    return sizes


def _measure_sizes(recorder: Recorder, sizes: list[int]) -> None:
    """Of the codes of both kinds of key, in order."""
    count, unit = len(sizes), "characters"
    recorder.samples("birth_extract_characters", sizes, unit=unit)
    p95 = sizes[int(0.95 * (count - 1))]
    recorder.exact("birth_extract_characters_p95", p95, n=count, unit=unit)
    recorder.exact("birth_extract_characters_longest", sizes[-1], n=count, unit=unit)


def _measure_lists(
    recorder: Recorder, dice: random.Random, signer: CredentialSigner, repetitions: int
) -> None:
    revoked = dice.sample(range(_PLACES), _REVOKED)
    for bits, name in ((1, "1_bit"), (2, "2_bits")):
        statuses = [(index, 1) for index in revoked]
        data = encode_cwt(_status_list(_PLACES, bits, statuses), signer=signer)
        recorder.exact(f"status_list_{name}_bytes", len(data), n=1, unit="bytes")

        def open_list(held: bytes = data) -> StatusList:
            return read_status_list(held).verify(signer.public)

        opened = [_cpu_ms(lambda _: open_list(), None) for _ in range(repetitions)]
        recorder.samples(f"open_status_list_{name}_cpu_ms", opened, unit="ms")
        found = open_list().statuses
        if sum(found.at(index) for index in range(_PLACES)) != _REVOKED:
            raise AssertionError("the list lost a status")
    asked = [dice.randrange(_PLACES) for _ in range(2000)]
    recorder.samples(
        "status_lookup_cpu_ms", [_cpu_ms(found.at, index) for index in asked], unit="ms"
    )


def _code(dice: random.Random, record: dict[str, str], signer: CredentialSigner) -> str:
    return encode_result(
        Result(
            id=dice.randbytes(16),
            issuer=_ISSUER,
            subject="".join(dice.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij-_0123456789", k=14)),
            issued_at=_NOW - timedelta(days=dice.randrange(1, 300)),
            expires_at=_NOW + timedelta(days=dice.randrange(1, 300)),
            status=StatusReference(uri=_LIST, index=dice.randrange(1024)),
            schema=schema_of("birth-extract"),
            values=record,
        ),
        signer=signer,
    )


def _record(dice: random.Random) -> dict[str, str]:
    def name() -> str:
        parts = (dice.choice(_FAMILIES), dice.choice(_MIDDLES), dice.choice(_GIVEN))
        return " ".join(parts).replace("-", " ")

    def place() -> str:
        ward, town = (dice.choice(words).replace("-", " ") for words in (_WARDS, _TOWNS))
        kind = dice.choice(("phường {}, quận {}", "xã {}, huyện {}", "phường {}, thành phố {}"))
        return f"{kind.format(ward, town)}, {province}"

    province = dice.choice(_PROVINCES)
    year = dice.randrange(1950, 2027)
    home = place()
    return {
        "full_name": name(),
        "birth_date": f"{year}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}",
        "sex": dice.choice(("male", "female")),
        "ethnicity": dice.choice(("Kinh", "Thái", "Ê Đê", "Khmer")),
        "nationality": "VNM",
        "birth_place": f"{dice.choice(_CLINICS)} {place()}",
        "home_town": home,
        "mother_name": name(),
        "father_name": name(),
        "register_number": f"{dice.randrange(1, 2000)}/{year}",
        "register_date": f"{year}-12-{dice.randrange(1, 32):02}",
        "register_office": f"UBND {home}",
    }


def _anchor(signer: CredentialSigner, status_signer: CredentialSigner) -> TrustAnchor:
    operator = EcSigner(SoftwareKey.generate(SignatureAlgorithm.ECDSA_P256))
    begins, ends = _NOW - timedelta(days=400), _NOW + timedelta(days=400)
    keys = tuple(
        TrustedKey(key=held.public, uses=frozenset({use}), signs_from=begins, signs_until=ends)
        for held, use in ((signer, KeyUse.RESULT), (status_signer, KeyUse.STATUS))
    )
    trust = TrustList(
        operator="https://tincay.mau.gov.vn",
        number=1,
        issued_at=_NOW,
        expires_at=ends,
        issuers=(TrustedIssuer(id=_ISSUER, name_vi="Cơ quan mẫu", name_en="Sample", keys=keys),),
    )
    text = encode_trust_list(trust, signer=operator)
    return TrustAnchor(listed=read_trust_list(text), operator_key=operator.public)


def _status_list(size: int, bits: int, statuses: list[tuple[int, int]]) -> StatusList:
    return StatusList(
        uri=_LIST,
        issued_at=_NOW,
        expires_at=_NOW + timedelta(days=7),
        ttl=timedelta(days=1),
        statuses=StatusArray.build(size, bits, statuses),
    )


def _cpu_ms(task: Callable[[Any], object], given: Any) -> float:
    before = time.process_time_ns()
    task(given)
    return (time.process_time_ns() - before) / 1e6
