"""A quick run of the suite ``chip`` on the genuine lists and EF.SODs."""

import pytest

from ekyc.benchmarks import Recorder, RunOptions
from ekyc.benchmarks import chip as suite
from ekyc.benchmarks.chip_material import ALGORITHMS, AT, make_document
from ekyc.chip.lds.sod import parse_sod
from ekyc.outcomes import Outcome
from ekyc.pki import inspect_passive_authentication


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_the_documents_measured_pass_in_full(algorithm):
    """A benchmark of refusals would measure the wrong thing."""
    document = make_document(algorithm, seed=1)
    sod = parse_sod(document.sod)
    passive = inspect_passive_authentication(
        sod.signed, sod.security_object, document.groups, trust=document.trust, at=AT
    )
    assert {f.outcome for f in (passive.signature, passive.chain, passive.hashes)} == {
        Outcome.PASSED
    }


@pytest.mark.shared_data
def test_every_algorithm_and_every_genuine_document_is_measured(shared_data):
    recorder = Recorder(seed=1)
    suite.run(recorder, RunOptions(data=shared_data, quick=True))
    documents = {observation["document"] for observation in recorder.raw}
    assert documents > {algorithm.name for algorithm in ALGORITHMS}
    assert len(documents) >= len(ALGORITHMS) + 8
    for document in documents:
        parts = {name.rpartition(".")[2] for name in recorder.metrics if document in name}
        assert parts >= {"bare_signature", "bare_certificate", "bare_hashes", "unseen", "known"}
    assert recorder.metrics["list.certificates"].value == 588
    wanted = {
        "worst.unseen_above_bare": 0.6,
        "worst.known_above_bare": 0.3,
        "list.cold": 2000.0,
        "list.cold_with_every_certificate": 2000.0,
        "list.from_index": 50.0,
        "claim.read_peak": 1_000_000,
        "claim.submitted_peak": 1_000_000,
    }
    assert wanted.items() <= {name: to.bound for name, to in recorder.targets.items()}.items()
    assert recorder.metrics["claim.read_peak"].value < 1_000_000
    assert recorder.metrics["claim.submitted_peak"].value < 1_000_000
    assert recorder.metrics["worst.known_above_bare"].n == len(documents)
