"""NIST PKITS, the Public Key Interoperability Test Suite: does our validator judge every certification path as it must?

Each test is judged twice, by the two ways on which the validator comes to a path: the certificate of a signature in XML or
JSON (:mod:`ekyc.signing.validation.trust_certificate`), and a CMS as in PDF and CAdES (:func:`ekyc.signing.validation.trust.judge_detached`). The
suite's private keys are not published with the copy that is used here. So the CMS has a value in place of a signature that a
validator of signature values made for this purpose believes; every other signature (of certificates, of lists) is verified.

The judge is the suite, in the form that pyHanko's authors gave it: certificates, lists, parameters, and whether the path is
valid. Parameters (initial policies and the like) are hung on the trust anchor; the validator itself offers no setting for them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asn1crypto import cms, crl, x509
from pyhanko_certvalidator.authority import CertTrustAnchor, TrustQualifiers
from pyhanko_certvalidator.policy_decl import PKIXValidationParams
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.sig_validate import DefaultSignatureValidator

from ekyc.signing.formats.cms import signed_attributes, signed_data
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.report import Indication
from ekyc.signing.validation.trust import Finding, TrustSettings, judge_detached
from ekyc.signing.validation.trust_certificate import Vouchers, judge_certificate

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder

FOLDER: Final = "sign/pkits/nist_pkits"
"""Below the folder of ``--data``."""
_AT: Final = datetime(2026, 11, 22, tzinfo=UTC)
"""The suite's certificates are valid from 2010 to the end of 2030."""
_DIGEST: Final = hashlib.sha256(b"content").digest()
_STAND_IN: Final = b"stands for a signature value"
_NO_DSA: Final = "DSA with SHA-1: refused here whatever the path, as weak"
_REMARKS: Final = {
    "4.1.4": _NO_DSA,
    "4.1.5": _NO_DSA,
    **{
        f"4.8.{number}": "the path is judged; the text of the user notice is not shown"
        for number in range(15, 21)
    },
}
_UNLISTED: Final[tuple[dict[str, Any], ...]] = (
    {
        "id": "40819",
        "name": "user_notice_qualifier_test19",
        "cert": "UserNoticeQualifierTest19EE.crt",
    },
    {
        "id": "40820",
        "name": "cps_pointer_qualifier_test20",
        "cert": "CPSPointerQualifierTest20EE.crt",
        "other_certs": ["GoodCACert.crt"],
        "crls": ["GoodCACRL.crl"],
    },
)
"""Two of the suite's 224 tests whose certificates are in the copy while its lists do not name them; both paths are valid."""
DIFFERENT: Final = frozenset({"4.1.4", "4.1.5"})
"""Valid in the suite, not accepted here. There is no test the other way round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PkitsRow:
    """One test of the suite, or one of several that share a number and differ in parameters."""

    number: str
    """Section of the suite's description, as in ``4.4.2``."""
    name: str
    valid: bool
    """What the suite says of the path."""
    certificate: str
    """What is found by the way of XML and JSON: ``PASSED`` or a sub-indication of EN 319 102-1."""
    cms: str
    """What is found by the way of PDF and CAdES."""
    parameters: tuple[str, ...]
    remark: str | None

    @property
    def agrees(self) -> bool:
        return {self.certificate == "PASSED", self.cms == "PASSED"} == {self.valid}

    @property
    def wrongly_accepted(self) -> bool:
        return not self.valid and "PASSED" in (self.certificate, self.cms)


def rows(folder: Path) -> list[PkitsRow]:
    """Judge every test of the suite.

    Args:
        folder: with ``pkits.json``, ``pkits-user-notice.json``, ``certs`` and ``crls``.
    """
    tests = [
        test
        for name in ("pkits.json", "pkits-user-notice.json")
        for test in json.loads((folder / name).read_text(encoding="utf-8"))
    ]
    with _quiet():
        return [_row(folder, test) for test in (*tests, *_UNLISTED)]


def record(recorder: Recorder, data: Path) -> None:
    """The table as raw observations, and how many tests end as the suite says."""
    found = rows(data / FOLDER)
    for row in found:
        recorder.observe(
            table="pkits",
            test=row.number,
            name=row.name,
            expected="valid" if row.valid else "invalid",
            certificate=row.certificate,
            cms=row.cms,
            parameters=list(row.parameters),
            remark=row.remark,
        )
    recorder.rate("pkits.agrees", sum(row.agrees for row in found), len(found))
    wrong = sum(row.wrongly_accepted for row in found)
    recorder.exact("pkits.wrongly_accepted", wrong, n=len(found), unit="tests")
    recorder.must("pkits.wrongly_accepted", at_most=0)


def _row(folder: Path, test: dict[str, Any]) -> PkitsRow:
    number = ".".join(str(int(test["id"][at : at + size])) for at, size in ((0, 1), (1, 2), (3, 2)))
    settings = _settings(folder, test)
    leaf = (folder / "certs" / test["cert"]).read_bytes()
    others = tuple((folder / "certs" / n).read_bytes() for n in test.get("other_certs", ()))
    lists = tuple((folder / "crls" / n).read_bytes() for n in test.get("crls", ()))
    vouchers = Vouchers(
        certificate_der=leaf,
        material=ValidationMaterial(certificates=others, crls=lists),
        tokens=(),
        imprint=lambda _: b"",
    )
    signed, signer = _cms(leaf, others)
    settings.known_crls += map(crl.CertificateList.load, lists)
    return PkitsRow(
        number=number,
        name=test["name"],
        valid="error" not in test,
        certificate=_word(judge_certificate(vouchers, settings)),
        cms=_word(judge_detached(signed, signer, _DIGEST, settings)),
        parameters=tuple(sorted(test.get("params", {}))),
        remark=_REMARKS.get(number),
    )


def _settings(folder: Path, test: dict[str, Any]) -> TrustSettings:
    root = (folder / "certs/TrustAnchorRootCertificate.crt").read_bytes()
    of_root = (folder / "crls/TrustAnchorRootCRL.crl").read_bytes()
    settings = TrustSettings(anchors=[root], crls=[of_root], at=_AT, historical=False)
    settings.policy = replace(settings.policy, signature_validator=_Believing())
    if "params" in test:
        given = dict(test["params"])
        if "user_initial_policy_set" in given:
            given["user_initial_policy_set"] = frozenset(given["user_initial_policy_set"])
        anchor = CertTrustAnchor(
            x509.Certificate.load(root),
            quals=TrustQualifiers(standard_parameters=PKIXValidationParams(**given)),
        )
        settings.policy = replace(
            settings.policy, trust_manager=SimpleTrustManager.build(trust_roots=[anchor])
        )
    return settings


def _cms(leaf: bytes, others: tuple[bytes, ...]) -> tuple[Any, Any]:
    """``SignedData`` and ``SignerInfo`` of a detached CMS that nobody signed."""
    der = signed_data(
        signed_attributes(_DIGEST, leaf),
        _STAND_IN,
        leaf,
        algorithm=SignatureAlgorithm.RSA_PSS_3072,
        certificates=[leaf, *others],
    )
    signed: Any = cms.ContentInfo.load(der)["content"]
    (signer,) = signed["signer_infos"]
    return signed, signer


class _Believing(DefaultSignatureValidator):
    """Verifies every signature but the one that stands for the missing one."""

    def validate_signature(self, signature: bytes, *args: Any, **kwargs: Any) -> None:
        if signature != _STAND_IN:
            super().validate_signature(signature, *args, **kwargs)


def _word(judging: Coroutine[Any, Any, Finding]) -> str:
    try:
        finding = asyncio.run(judging)
    except Exception:  # noqa: BLE001  # as in the inspections: without a finding nothing passes
        return "GENERIC"
    if finding.indication is Indication.TOTAL_PASSED:
        return "PASSED"
    return str(finding.sub_indication)


@contextmanager
def _quiet() -> Iterator[None]:
    """For every path that does not hold pyHanko logs a trace."""
    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
