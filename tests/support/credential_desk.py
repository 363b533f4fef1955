"""A registry that issues results, the list that vouches for it, and another registry beside it. All invented."""

from datetime import UTC, datetime, timedelta

from ekyc.signing.credentials import (
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
    read_trust_list,
    schema_of,
)
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import SoftwareKey

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUER = "https://ketqua.mau.gov.vn"
OTHER = "https://ketqua.khac.gov.vn"
LIST = f"{ISSUER}/tt/1"
OPERATOR = "https://tincay.mau.gov.vn"
INDEX = 731_224
SIZE = 1 << 20

BIRTH = {
    "full_name": "Nguyễn Thị Bích Mẫu",
    "birth_date": "2019-08-15",
    "sex": "female",
    "ethnicity": "Kinh",
    "nationality": "VNM",
    "birth_place": "Bệnh viện Phụ sản, phường Khuê Mỹ, quận Ngũ Hành Sơn, thành phố Đà Nẵng",
    "home_town": "xã Hòa Tiến, huyện Hòa Vang, thành phố Đà Nẵng",
    "mother_name": "Trần Thị Thu Mẫu",
    "father_name": "Nguyễn Văn Mẫu",
    "register_number": "127/2019",
    "register_date": "2019-08-28",
    "register_office": "UBND phường Hòa Thuận Tây, quận Hải Châu, thành phố Đà Nẵng",
}
MARRIAGE = {
    "wife_name": "Lò Thị Mẫu",
    "wife_birth_date": "1999",
    "wife_nationality": "VNM",
    "husband_name": "Trần Văn Mẫu",
    "husband_birth_date": "1998-02",
    "husband_nationality": "LAO",
    "register_number": "31/2026",
    "register_date": "2026-11-20",
    "register_office": "UBND xã Mường Mẫu, tỉnh Sơn La",
}
MARITAL = {
    "full_name": "Phạm Văn Mẫu",
    "birth_date": "1990-01-31",
    "sex": "male",
    "nationality": "VNM",
    "marital_status": "never_married",
    "purpose": "Đăng ký kết hôn tại UBND phường Mẫu",
    "number": "88/XN-2026",
    "confirmed_on": "2026-11-21",
    "office": "UBND phường Mẫu, thành phố Huế",
}
COPY = {
    "document_title": "Bằng tốt nghiệp đại học",
    "copy_sha256": "ab" * 32,
    "pages": 2,
    "certificate_number": "1207",
    "certified_on": "2026-11-22",
    "certifier": "Đỗ Thị Mẫu",
    "office": "Phòng Tư pháp quận Mẫu",
}
IDENTITY = {
    "record": "0193b7a2-6f41-7c3e-9d11-6a2f0c7e8b55",
    "verdict": "accept",
    "procedure": "Đăng ký khai sinh",
    "verified_on": "2026-11-22",
    "report_sha256": "0f" * 32,
}
SAMPLES = {
    "birth-extract": BIRTH,
    "marriage-extract": MARRIAGE,
    "marital-status": MARITAL,
    "certified-copy": COPY,
    "identity-verification": IDENTITY,
}


def ec_signer():
    return EcSigner(SoftwareKey.generate(SignatureAlgorithm.ECDSA_P256))


def trusted(signer, *uses, begins=None, ends=None, compromised_at=None):
    return TrustedKey(
        key=signer.public,
        uses=frozenset(uses or (KeyUse.RESULT,)),
        signs_from=begins or NOW - 100 * DAY,
        signs_until=ends or NOW + 300 * DAY,
        compromised_at=compromised_at,
    )


def result(**changes):
    facts = {
        "id": bytes(range(16)),
        "issuer": ISSUER,
        "subject": "cAFvXw7h2gk3t_-A",
        "issued_at": NOW - DAY,
        "expires_at": NOW + 365 * DAY,
        "status": StatusReference(uri=LIST, index=INDEX),
        "schema": schema_of("birth-extract"),
        "values": BIRTH,
    }
    return Result(**{**facts, **changes})


class Registry:
    """Keys of one issuer, and of the operator who lists it."""

    def __init__(self, *, signer=None):
        self.signer = signer or ec_signer()
        self.status_signer = Ed25519Signer.generate()
        self.operator = ec_signer()
        self.neighbour = ec_signer()

    def keys(self):
        return (trusted(self.signer), trusted(self.status_signer, KeyUse.STATUS))

    def trust_list(self, *, keys=None, issued_at=None, lasts=90 * DAY):
        issued_at = issued_at or NOW - 10 * DAY
        issuers = (
            TrustedIssuer(
                id=ISSUER,
                name_vi="Cơ quan đăng ký mẫu",
                name_en="Sample registry",
                keys=keys or self.keys(),
            ),
            TrustedIssuer(
                id=OTHER,
                name_vi="Cơ quan khác",
                name_en="Another registry",
                keys=(trusted(self.neighbour, KeyUse.RESULT, KeyUse.STATUS),),
            ),
        )
        return TrustList(
            operator=OPERATOR,
            number=7,
            issued_at=issued_at,
            expires_at=issued_at + lasts,
            issuers=issuers,
        )

    def signed_trust_list(self, **changes):
        return encode_trust_list(self.trust_list(**changes), signer=self.operator)

    def anchor(self, **changes):
        listed = read_trust_list(self.signed_trust_list(**changes))
        return TrustAnchor(listed=listed, operator_key=self.operator.public)

    def qr(self, *, signer=None, **changes):
        return encode_result(result(**changes), signer=signer or self.signer)

    def statuses(self, status=0, *, bits=2, index=INDEX, size=SIZE, signer=None, **changes):
        facts = {
            "uri": LIST,
            "issued_at": NOW - DAY / 4,
            "expires_at": NOW + 7 * DAY,
            "ttl": DAY,
            "statuses": StatusArray.build(size, bits, [(index, status)] if status else []),
        }
        return encode_cwt(StatusList(**{**facts, **changes}), signer=signer or self.status_signer)

    def inspect(self, text, *lists, at=None, anchor=None, **options):
        return inspect_result(
            text, anchor=anchor or self.anchor(), status_lists=lists, at=at or NOW, **options
        )


def outcomes(report):
    """``{"signature": "PASSED", …}``."""
    return {check.id.removeprefix("credential."): check.outcome.value for check in report.checks}


def reasons(report):
    return [reason for check in report.checks for reason in check.reasons]
