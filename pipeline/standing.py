"""How often a stranger is given a name by the threshold in force, as far as that is known."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from core.errors import ModelUnavailable, NotFound
from core.rates import fpir_of
from core.settings import Settings
from core.types import EmbeddingSpec
from db import calibrations
from db import faces as stored
from db.calibration_models import Calibration
from db.session import Database, Session
from pipeline.models.entry import FalseMatches
from pipeline.models.registry import find
from pipeline.thresholds import Origin, Threshold, threshold_of

_log = logging.getLogger(__name__)
FPIR = "fpir"
_MOST = 0.5


class Basis(StrEnum):
    """What an estimate rests on."""

    CALIBRATION = "calibration"
    REGISTRY = "registry"
    """What was measured of the network, on other people's photos."""


@dataclass(frozen=True, slots=True)
class Range:
    """With 95 % confidence between `low` and `high`."""

    low: float
    high: float

    def among(self, faces: int) -> "Range":
        """What this FMR comes to in a search among so many faces."""
        return Range(fpir_of(self.low, faces), fpir_of(self.high, faces))


@dataclass(frozen=True, slots=True)
class Standing:
    """The threshold in force among `faces` enrolled ones.

    `fmr` is None where nobody measured it at this threshold, or at a lower one.
    """

    threshold: Threshold
    faces: int
    fmr: Range | None
    basis: Basis | None
    warning: str | None

    def fpir(self, times: int = 1) -> Range | None:
        """The expected share of strangers who get a name, with `times` as many faces."""
        return None if self.fmr is None else self.fmr.among(self.faces * times)


def standing(session: Session, settings: Settings, spec: EmbeddingSpec, own: float) -> Standing:
    """What can be said of the threshold in force of this space; `own` is its network's."""
    threshold, faces = threshold_of(session, settings, spec, own), stored.count(session, spec)
    row = calibrations.in_force(session, spec)
    if row is not None and threshold.value >= row.threshold:
        low = row.fmr_low if threshold.value == row.threshold else 0.0
        warning = _warning(row, faces)
        return Standing(threshold, faces, Range(low, row.fmr_high), Basis.CALIBRATION, warning)
    warning = None if row is None else _below(row, threshold)
    known = _measured(spec, settings)
    if known is None or threshold.value < own:
        return Standing(threshold, faces, None, None, warning)
    if threshold.origin is Origin.NETWORK:
        warning = warning or _poor(spec, known)
        return Standing(threshold, faces, Range(known.low, known.high), Basis.REGISTRY, warning)
    # Of a stricter threshold than the measured one, only that it is no worse.
    return Standing(threshold, faces, Range(0.0, known.high), Basis.REGISTRY, warning)


def warn_of_strangers(
    database: Database, settings: Settings, spec: EmbeddingSpec, own: float
) -> None:
    """Say in the log where more strangers may be given a name than was accepted."""
    with database.read() as session:
        found = standing(session, settings, spec, own)
    if found.warning is not None:
        _log.warning("%s", found.warning)
    if found.threshold.calibration is not None and found.threshold.in_force is None:
        _log.warning(
            "the threshold is %s: calibration %d is not in force",
            found.threshold.words,
            found.threshold.calibration,
        )


def _poor(spec: EmbeddingSpec, known: FalseMatches) -> str | None:
    """What to say of a network that is far from keeping people apart at its own threshold."""
    if not known.is_poor:
        return None
    return (
        f"{spec.embedder} took two people for one in {known.errors} of {known.comparisons:,}"
        f" comparisons at its own threshold, which may be up to {100 * known.high:.2g} %:"
        " strangers may be given a name; calibrate it, or train it with more people"
    )


def _warning(row: Calibration, faces: int) -> str | None:
    at_most = fpir_of(row.fmr_bound, faces)
    if row.target_kind == FPIR and at_most > row.target:
        return (
            f"calibrated for {row.gallery_size} faces: among {faces}, strangers may be given a"
            f" name in up to {at_most:.2g} of searches, and not in {row.target:g} at most"
        )
    if row.target_kind != FPIR and fpir_of(row.fmr_low, faces) > _MOST:
        return (
            f"calibrated for comparisons of two people: among {faces} faces, most searches for a"
            " stranger give a name; calibrate for searches, with --fpir"
        )
    return None


def _below(row: Calibration, threshold: Threshold) -> str:
    return (
        f"the threshold {threshold.value:g} is below {row.threshold:g} of calibration {row.id}:"
        f" strangers may be taken for enrolled people more often than was accepted"
    )


def _measured(spec: EmbeddingSpec, settings: Settings) -> FalseMatches | None:
    try:
        return find(spec.embedder, settings).false_matches
    except (NotFound, ModelUnavailable):
        return None
