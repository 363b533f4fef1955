"""Wycheproof: does every way in which the validator checks a signature value agree with the vectors?

The ways are those that a file takes: pyHanko's arithmetic under CMS, certificates and lists; signxml's under XML; our own under
JWS; that of credentials. A set is given to each way that accepts its algorithm. Vectors marked *acceptable* may go either way
and are counted apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asn1crypto import algos, keys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pyhanko_certvalidator.sig_validate import DefaultSignatureValidator
from signxml.algorithms import SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import XMLVerifier

from ekyc.errors import EkycError
from ekyc.signing.credentials import CredentialKey
from ekyc.signing.keys.algorithms import algorithm_of, value_of, verify_value

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder

FOLDER: Final = "sign/wycheproof"
_REFUSALS: Final = (EkycError, InvalidSignature, SignXMLException, ValueError)
_Check = Callable[[bytes, bytes, bytes], object]
"""Key (SubjectPublicKeyInfo), message and value; raises one of ``_REFUSALS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WycheproofRow:
    """One set by one way."""

    vectors: str
    way: str
    valid: int
    invalid: int
    acceptable: int
    acceptable_accepted: int
    disagreements: tuple[int, ...]
    """Numbers of the vectors."""


def rows(folder: Path) -> list[WycheproofRow]:
    """Try every set in every way that takes its algorithm.

    Args:
        folder: with the JSON files of Wycheproof.
    """
    return [
        _row(folder, name, way, check)
        for name, ways in _WAYS.items()
        for way, check in ways.items()
    ]


def record(recorder: Recorder, data: Path) -> None:
    """The table as raw observations, and the number of disagreements."""
    found = rows(data / FOLDER)
    for row in found:
        recorder.observe(
            table="wycheproof",
            vectors=row.vectors,
            way=row.way,
            valid=row.valid,
            invalid=row.invalid,
            acceptable=row.acceptable,
            acceptable_accepted=row.acceptable_accepted,
            disagreements=list(row.disagreements),
        )
    tried = sum(row.valid + row.invalid for row in found)
    wrong = sum(len(row.disagreements) for row in found)
    recorder.exact("wycheproof.disagreements", wrong, n=tried, unit="vectors")
    recorder.must("wycheproof.disagreements", at_most=0)


def _row(folder: Path, name: str, way: str, check: _Check) -> WycheproofRow:
    counts = {"valid": 0, "invalid": 0, "acceptable": 0}
    accepted, wrong = 0, []
    for group, vector in _vectors(folder / f"{name}_test.json"):
        result = vector["result"]
        counts[result] += 1
        taken = _pyhanko(_pss(group)) if check is _by_group else check
        key, message, value = (
            bytes.fromhex(text) for text in (group["publicKeyDer"], vector["msg"], vector["sig"])
        )
        passed = _passes(taken, key, message, value)
        if result == "acceptable":
            accepted += passed
        elif passed != (result == "valid"):
            wrong.append(vector["tcId"])
    return WycheproofRow(
        vectors=name,
        way=way,
        valid=counts["valid"],
        invalid=counts["invalid"],
        acceptable=counts["acceptable"],
        acceptable_accepted=accepted,
        disagreements=tuple(wrong),
    )


def _vectors(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for group in json.loads(path.read_text(encoding="utf-8"))["testGroups"]:
        for vector in group["tests"]:
            yield group, vector


def _passes(check: _Check, key: bytes, message: bytes, value: bytes) -> bool:
    try:
        check(key, message, value)
    except _REFUSALS:
        return False
    return True


def _pyhanko(algorithm: dict[str, Any]) -> _Check:
    parsed: Any = algos.SignedDigestAlgorithm(algorithm)

    def check(key: bytes, message: bytes, value: bytes) -> None:
        DefaultSignatureValidator().validate_signature(
            value, message, keys.PublicKeyInfo.load(key), parsed
        )

    return check


def _signxml(method: SignatureMethod) -> _Check:
    verifier: Any = XMLVerifier()

    def check(key: bytes, message: bytes, value: bytes) -> None:
        verifier._verify_signature_with_pubkey(  # noqa: SLF001  # the arithmetic without a document around it
            signed_info_c14n=message,
            raw_signature=value,
            signature_alg=method,
            signing_certificate=_Certificate(key),
        )

    return check


class _Certificate:
    """What signxml wants of one: its key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def public_key(self) -> Any:
        return load_der_public_key(self._key)


def _own(key: bytes, message: bytes, value: bytes) -> None:
    """As of a JWS."""
    algorithm = algorithm_of(key)
    verify_value(key, hashlib.sha256(message).digest(), value_of(value, algorithm))


def _own_der(key: bytes, message: bytes, value: bytes) -> None:
    """As a key elsewhere answers: ECDSA in DER."""
    verify_value(key, hashlib.sha256(message).digest(), value)


def _credential(key: bytes, message: bytes, value: bytes) -> None:
    CredentialKey(key).verify(message, value)


def _by_group(_key: bytes, _message: bytes, _value: bytes) -> None:
    """Stands for pyHanko's PSS with the parameters of each group of vectors."""


def _pss(group: dict[str, Any]) -> dict[str, Any]:
    digest, mask = (group[name].lower().replace("-", "") for name in ("sha", "mgfSha"))
    return {
        "algorithm": "rsassa_pss",
        "parameters": {
            "hash_algorithm": {"algorithm": digest},
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": mask}},
            "salt_length": group["sLen"],
        },
    }


_PSS: Final = _pss({"sha": "SHA-256", "mgfSha": "SHA-256", "sLen": 32})
_RSA: Final[dict[str, _Check]] = {
    "CMS and certificates": _pyhanko({"algorithm": "sha256_rsa"}),
    "XML": _signxml(SignatureMethod.RSA_SHA256),
}
_WAYS: Final[dict[str, dict[str, _Check]]] = {
    "ecdsa_secp256r1_sha256": {
        "CMS and certificates": _pyhanko({"algorithm": "sha256_ecdsa"}),
        "keys elsewhere": _own_der,
    },
    "ecdsa_secp256r1_sha256_p1363": {
        "XML": _signxml(SignatureMethod.ECDSA_SHA256),
        "JWS": _own,
        "credentials": _credential,
    },
    "ecdsa_secp384r1_sha384": {"CMS and certificates": _pyhanko({"algorithm": "sha384_ecdsa"})},
    "ed25519": {
        "CMS and certificates": _pyhanko({"algorithm": "ed25519"}),
        "credentials": _credential,
    },
    "rsa_signature_2048_sha256": _RSA,
    "rsa_signature_3072_sha256": _RSA,
    "rsa_signature_4096_sha256": _RSA,
    "rsa_pss_misc": {"CMS and certificates": _by_group},
    "rsa_pss_2048_sha256_mgf1_32": {
        "CMS and certificates": _pyhanko(_PSS),
        "XML": _signxml(SignatureMethod.SHA256_RSA_MGF1),
    },
    "rsa_pss_3072_sha256_mgf1_32": {
        "CMS and certificates": _pyhanko(_PSS),
        "XML": _signxml(SignatureMethod.SHA256_RSA_MGF1),
        "JWS": _own,
    },
}
