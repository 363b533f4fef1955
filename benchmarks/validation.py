"""Suite ``validation``: what do we say of signed files, honest, attacked and of other makers, and what does it cost?

1. Every file of EU DSS with its documented verdict beside ours, and the incremental-saving and signature-forging attacks
   (:mod:`ekyc.benchmarks.validation_pdf`).
2. Files of our own: an officer certifies, an agency seals, timestamps are renewed. None may be refused.
3. CPU of validating a PAdES B-LTA file, without the differential rule and with it, its process counted.
4. The tables of paths and of other formats, by the modules that keep them.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reportlab.pdfgen.canvas import Canvas

from ekyc.benchmarks import validation_pdf
from ekyc.errors import InputError
from ekyc.outcomes import Outcome
from ekyc.signing import (
    Appearance,
    EmbeddedAuthority,
    Level,
    Party,
    ReservedField,
    SigningIdentity,
    augment_pdf,
    inspect_pdf,
    sign_pdf,
)
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.ceremony import Authorities, hold_ceremony, open_authorities
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import EmbeddedKeys, SoftwareKey
from ekyc.storage import Storage
from ekyc.values import Sha256Hex

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder, RunOptions

_TABLES: Final = ("validation_pkits", "validation_formats", "validation_wycheproof")
"""Modules of this package with a ``record(recorder, data)`` each."""
_SEAL_BOX: Final = (320.0, 60.0, 560.0, 140.0)


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question.

    Raises:
        InputError: ``bench.no_data``: the folder has no ``sign/dss_pades``.
    """
    data = options.data
    if data is None or not (data / validation_pdf.DSS / "expected.csv").is_file():
        raise InputError("give --data: sign/dss_pades with expected.csv", code="bench.no_data")
    _record_cost(recorder, 5 if options.quick else 100)
    _record_own_files(recorder)
    validation_pdf.record(recorder, data)
    for name in _TABLES:
        import_module(f"ekyc.benchmarks.{name}").__dict__["record"](recorder, data)


def _record_cost(recorder: Recorder, repetitions: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        authority = EmbeddedAuthority.create(Path(name) / "embedded", "benchmark")
        archival = sign_pdf(_page(), authority, level=Level.B_LTA)
        anchors = list(authority.anchors)
        for what, compared in (("without_comparison", False), ("with_comparison", True)):
            some = max(5, repetitions // 5) if compared else repetitions
            measured = validation_pdf.cost_ms(
                archival, anchors, compared=compared, repetitions=some
            )
            recorder.samples(f"validate_b_lta_{what}_cpu_ms", measured, unit="ms")
    recorder.must("validate_b_lta_without_comparison_cpu_ms", at_most=60.0)


def _record_own_files(recorder: Recorder) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = EmbeddedKeys.create(folder / "issuing", "benchmark")
        hold_ceremony(folder, root_passphrase="benchmark", keys=keys)  # noqa: S106  # a folder that is gone after
        with Storage.open(folder / "state.sqlite3") as storage:
            authorities = open_authorities(folder, keys=keys, register=storage.certificates)
            files = _own_files(authorities)
        passed = 0
        for what, pdf in files.items():
            report = inspect_pdf(pdf, anchors=[authorities.root_der])
            passed += report.outcome is Outcome.PASSED
            entries = (*report.signatures, *report.document_timestamps)
            recorder.observe(
                table="own",
                file=what,
                outcome=report.outcome.value,
                signatures=[
                    f"{entry.field_name}: {entry.indication.value} {entry.modifications} {entry.shown}"
                    for entry in entries
                ],
            )
    recorder.rate("own.passed", passed, len(files))
    recorder.must("own.passed", at_least=1.0)


def _own_files(authorities: Authorities) -> dict[str, bytes]:
    officer = _party(authorities, CertificateProfile.OFFICER)
    seal = _party(authorities, CertificateProfile.SEAL)
    look = Appearance(
        box_pt=_SEAL_BOX,
        signer_name="SAMPLE",
        record_id="benchmark",
        evidence_digest=Sha256Hex("0" * 64),
    )
    reserved = ReservedField(name="seal", box_pt=_SEAL_BOX)
    certified = sign_pdf(_page(), officer, certify=True, reserve=reserved)
    sealed = sign_pdf(certified, seal, level=Level.B_LTA, field_name="seal", appearance=look)
    plain = sign_pdf(_page(), officer)
    twice = sign_pdf(plain, seal, level=Level.B_LTA, appearance=look)
    return {
        "officer certifies": certified,
        "agency seals, B-LTA": sealed,
        "renewed once": augment_pdf(sealed, seal),
        "renewed twice": augment_pdf(augment_pdf(sealed, seal), seal),
        "signed twice, the second is seen, B-LTA": twice,
        "signed twice, renewed": augment_pdf(twice, seal),
        "signed three times": sign_pdf(sign_pdf(plain, seal), officer, level=Level.B_LTA),
    }


def _party(authorities: Authorities, profile: CertificateProfile) -> Party:
    ca, key = authorities.ca, SoftwareKey.generate(SignatureAlgorithm.ECDSA_P256)
    certificate_der = ca.certify(
        key.public_key_der,
        profile=profile,
        subject=SubjectName(common_name=f"SAMPLE {profile.value}"),
        credential="benchmark",
    )
    return Party(
        signer=SigningIdentity(key=key, certificate_der=certificate_der, issuers_der=ca.chain_der),
        ask_for_time=authorities.timestamp_authority.answer,
        vouch=ca.material,
    )


def _page() -> bytes:
    """One page with a line of text."""
    out = BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(72, 700, "SAMPLE 100")
    canvas.showPage()
    canvas.save()
    return out.getvalue()
