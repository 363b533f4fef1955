"""Thresholds for an operator's own people: measured on their pictures, with intervals, refused where data are too few.

1. Every picture with exactly one usable face gives a vector; how many did not is part of the result.
2. All pairs of pictures are compared: of one person, of two.
3. For each asked FMR: the lowest threshold that keeps it, and the FNMR there.
4. Intervals by resampling **people**, not pairs (bootstrap over subjects): pairs that share a person are not
   independent, and intervals that count them so are too narrow.
5. A claim that the people cannot carry is refused. Rule of 3: an FMR f is not even bounded by fewer than 3 / f pairs
   of *people*. Rule of 30 (Doddington et al. 2000): with at least 30 false matches expected, the estimate is within
   about 30 % of the truth nine times in ten; with fewer the result says that it only bounds.

What it does not prove: that tomorrow's people, cameras and light are those of the set.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError
from ekyc.face.metrics import false_match_rate, false_non_match_rate, threshold_at_fmr
from ekyc.face.thresholds import MatchThresholds

if TYPE_CHECKING:
    from ekyc.values import FloatArray

SCHEMA: Final = "ekyc.face-calibration/1"
MIN_MATED_PEOPLE: Final = 30
"""People with at least two pictures: fewer say nothing about FNMR."""
MAX_PICTURES: Final = 5_000
"""All pairs of so many are 12.5 million, which take a few hundred megabytes."""
_RULE_OF_3, _RULE_OF_30 = 3.0, 30.0
_RESAMPLES: Final = 500
_TAIL_FACTOR: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture of the set: who, and its vector."""

    person: int
    vector: FloatArray
    """float32, shape (128,), length 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedThreshold:
    """One FMR: the threshold that keeps it, and what it costs."""

    fmr: float
    cosine: float
    cosine_low: float
    cosine_high: float
    """95 % interval by resampling people."""
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    false_matches: int
    support: str
    """``estimate`` where the rule of 30 holds, else ``bound``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The result, as it is stored. Holds no vector and no name."""

    dataset_sha256: str
    """Of the set: see :func:`dataset_digest`."""
    people: int
    mated_people: int
    pictures: int
    pictures_without_a_usable_face: int
    genuine_pairs: int
    impostor_pairs: int
    people_pairs: int
    models: tuple[tuple[str, str], ...]
    """Id and SHA-256 of each model, as published."""
    flip: bool
    seed: int
    thresholds: tuple[CalibratedThreshold, ...]

    def match_thresholds(self, *, accept_fmr: float, reject_fmr: float) -> MatchThresholds:
        """For :func:`~ekyc.face.match.compare_faces`: accept at one calibrated FMR, refuse below another.

        The cautious end of each interval is taken: the higher to accept, the lower to refuse.

        Raises:
            InputError: ``face.calibration_lacks_fmr``.
        """
        return MatchThresholds(
            accept_at=self._at(accept_fmr).cosine_high, reject_below=self._at(reject_fmr).cosine_low
        )

    def loosest_to_strictest(self) -> MatchThresholds:
        """Accept at the lowest calibrated FMR, refuse below the threshold of the highest."""
        fmrs = [row.fmr for row in self.thresholds]
        return self.match_thresholds(accept_fmr=min(fmrs), reject_fmr=max(fmrs))

    def _at(self, fmr: float) -> CalibratedThreshold:
        for row in self.thresholds:
            if np.isclose(row.fmr, fmr, rtol=1e-9, atol=0.0):
                return row
        raise InputError(
            f"the calibration has no threshold for FMR {fmr:g}", code="face.calibration_lacks_fmr"
        )

    def as_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}


def dataset_digest(files: Sequence[tuple[int, bytes]]) -> str:
    """SHA-256 over the set, blind to names: per person the sorted digests of the files, people sorted by theirs.

    Args:
        files: person and SHA-256 of each file.
    """
    by_person: dict[int, list[bytes]] = {}
    for person, digest in files:
        by_person.setdefault(person, []).append(digest)
    people = sorted(b"".join(sorted(digests)) for digests in by_person.values())
    whole = hashlib.sha256()
    for content in people:
        whole.update(hashlib.sha256(content).digest())
    return whole.hexdigest()


def calibrate(
    samples: Sequence[Sample],
    fmrs: Sequence[float],
    *,
    dataset_sha256: str,
    unusable: int = 0,
    models: tuple[tuple[str, str], ...] = (),
    flip: bool = False,
    seed: int = 20261122,
) -> Calibration:
    """Thresholds for the asked rates.

    Args:
        samples: at least :data:`MIN_MATED_PEOPLE` people with two pictures.
        fmrs: rates between 0 and 1, each to be claimed.
        dataset_sha256: :func:`dataset_digest` of all files.
        unusable: pictures that gave no vector.
        models: id and SHA-256 of each model used.
        flip: whether the mirrored face was added.
        seed: of the resampling.

    Raises:
        InputError: ``face.calibration_too_few_people``, ``face.calibration_too_few_pairs``,
            ``face.calibration_too_large`` or ``face.option_invalid``.
    """
    person = _people_of(samples)
    counts = Counter(person.tolist())
    mated = sum(count > 1 for count in counts.values())
    people_pairs = len(counts) * (len(counts) - 1) // 2
    _assert_supported(fmrs, mated=mated, people_pairs=people_pairs)
    pairs = _all_pairs(np.stack([sample.vector for sample in samples]), person)
    random = np.random.default_rng(seed)
    weights = random.multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), size=_RESAMPLES
    )
    rows = tuple(
        _threshold_row(pairs, fmr, weights, expected=fmr * people_pairs) for fmr in sorted(fmrs)
    )
    return Calibration(
        dataset_sha256=dataset_sha256,
        people=len(counts),
        mated_people=mated,
        pictures=len(samples),
        pictures_without_a_usable_face=unusable,
        genuine_pairs=len(pairs.genuine),
        impostor_pairs=len(pairs.impostors),
        people_pairs=people_pairs,
        models=models,
        flip=flip,
        seed=seed,
        thresholds=rows,
    )


def parse_calibration(text: str) -> Calibration:
    """Read what :meth:`Calibration.as_json` wrote.

    Raises:
        InputError: ``face.calibration_invalid``.
    """
    try:
        fields = json.loads(text)
        if fields.pop("schema") != SCHEMA:
            raise ValueError("another schema")  # noqa: TRY301 -- every flaw of the file ends in the one error below
        rows = tuple(CalibratedThreshold(**row) for row in fields.pop("thresholds"))
        models = tuple((str(name), str(digest)) for name, digest in fields.pop("models"))
        if not rows or not all(-1.0 <= row.cosine_low <= row.cosine_high <= 1.0 for row in rows):
            raise ValueError("no threshold, or one outside -1 to 1")  # noqa: TRY301 -- same
        return Calibration(**fields, models=models, thresholds=rows)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise InputError("is no calibration of faces", code="face.calibration_invalid") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    genuine: NDArray[np.float32]
    genuine_person: NDArray[np.intp]
    impostors: NDArray[np.float32]
    """The highest first."""
    impostor_people: NDArray[np.int32]
    """Shape (pairs, 2)."""
    pictures_of: NDArray[np.intp]
    """How many pictures each person has."""


def _people_of(samples: Sequence[Sample]) -> NDArray[np.intp]:
    if len(samples) > MAX_PICTURES:
        raise InputError(f"more than {MAX_PICTURES} pictures", code="face.calibration_too_large")
    _, person = np.unique([sample.person for sample in samples], return_inverse=True)
    return np.asarray(person, dtype=np.intp)


def _assert_supported(fmrs: Sequence[float], *, mated: int, people_pairs: int) -> None:
    if not fmrs or not all(0.0 < fmr < 1.0 for fmr in fmrs):
        raise InputError("must lie between 0 and 1", code="face.option_invalid", subject="fmr")
    if mated < MIN_MATED_PEOPLE:
        raise InputError(
            f"{mated} people have two usable pictures; {MIN_MATED_PEOPLE} are needed",
            code="face.calibration_too_few_people",
        )
    lowest = min(fmrs)
    if lowest * people_pairs < _RULE_OF_3:
        raise InputError(
            f"{people_pairs} pairs of people bound no FMR below {_RULE_OF_3 / people_pairs:.1g} "
            f"(rule of 3); {lowest:g} was asked",
            code="face.calibration_too_few_pairs",
        )


def _all_pairs(vectors: NDArray[np.float32], person: NDArray[np.intp]) -> _Pairs:
    genuine, genuine_person, impostors, people = [], [], [], []
    for index in range(len(vectors) - 1):
        alike = vectors[index + 1 :] @ vectors[index]
        others = person[index + 1 :]
        same = others == person[index]
        genuine.append(alike[same])
        genuine_person.append(others[same])
        impostors.append(alike[~same])
        pair = np.empty((np.count_nonzero(~same), 2), dtype=np.int32)
        pair[:, 0], pair[:, 1] = person[index], others[~same]
        people.append(pair)
    scores = np.concatenate(impostors)
    order = np.argsort(-scores, kind="stable")
    return _Pairs(
        genuine=np.concatenate(genuine),
        genuine_person=np.concatenate(genuine_person),
        impostors=scores[order],
        impostor_people=np.concatenate(people)[order],
        pictures_of=np.bincount(person),
    )


def _threshold_row(
    pairs: _Pairs, fmr: float, weights: NDArray[np.int64], *, expected: float
) -> CalibratedThreshold:
    cosine = threshold_at_fmr(pairs.impostors, fmr)
    missed = false_non_match_rate(pairs.genuine, cosine)
    drawn = [_resampled(pairs, fmr, weight) for weight in weights]
    cosines, rates = np.array(drawn).T
    low, high = np.percentile(cosines, (2.5, 97.5))
    rate_low, rate_high = np.percentile(rates, (2.5, 97.5))
    return CalibratedThreshold(
        fmr=fmr,
        cosine=cosine,
        cosine_low=min(float(low), cosine),
        cosine_high=max(float(high), cosine),
        fnmr=missed.value,
        fnmr_low=min(float(rate_low), missed.value),
        fnmr_high=max(float(rate_high), missed.value),
        false_matches=false_match_rate(pairs.impostors, cosine).errors,
        support="estimate" if expected >= _RULE_OF_30 else "bound",
    )


def _resampled(pairs: _Pairs, fmr: float, weight: NDArray[np.int64]) -> tuple[float, float]:
    """Threshold and FNMR when person i is drawn ``weight[i]`` times. A person is never its own impostor."""
    tail = min(len(pairs.impostors), int(_TAIL_FACTOR * fmr * len(pairs.impostors)) + 100)
    first, second = pairs.impostor_people[:tail].T
    reached = np.cumsum(weight[first] * weight[second])
    mass = weight * pairs.pictures_of
    whole = (int(mass.sum()) ** 2 - int((mass**2).sum())) / 2
    place = int(np.searchsorted(reached, fmr * whole, side="right"))
    threshold = float(np.nextafter(pairs.impostors[min(place, tail - 1)], np.float32(np.inf)))
    drawn = weight[pairs.genuine_person]
    total = int(drawn.sum())
    missed = int(drawn[pairs.genuine < threshold].sum())
    return threshold, missed / total if total else 0.0
