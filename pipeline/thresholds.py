"""The threshold in force of a space, and where it comes from.

Of the settings, or what was said when the network was chosen; else calibrated; else the network's
own. Only the calibration changes while a process runs.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.settings import Settings
from core.types import EmbeddingSpec
from db import calibrations, gallery, switching
from db.session import Session
from db.switching import ThresholdOf


class Origin(StrEnum):
    """Where a threshold comes from."""

    SETTING = "setting"
    GIVEN = "given"
    """With `flask models use`."""
    CALIBRATION = "calibration"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Threshold:
    """`calibration` is the number of the recorded one that stands, in force or not."""

    value: float
    origin: Origin
    calibration: int | None = None

    @property
    def in_force(self) -> int | None:
        """The calibration that is in force; None where it is none, or not what counts."""
        return self.calibration if self.origin is Origin.CALIBRATION else None

    @property
    def words(self) -> str:
        """Where it comes from, to be read."""
        return {
            Origin.SETTING: "set as KENAL_THRESHOLD",
            Origin.GIVEN: "given when the network was chosen",
            Origin.CALIBRATION: f"calibration {self.calibration}",
            Origin.NETWORK: "the network's own",
        }[self.origin]


def threshold_of(
    session: Session, settings: Settings, spec: EmbeddingSpec, own: float
) -> Threshold:
    """The threshold in force of this space; `own` is its network's."""
    found = calibrations.threshold_of(session, spec)
    number = found.id if found else None
    said = switching.threshold(session, spec)
    if said.value is not None:
        return Threshold(said.value, Origin.GIVEN, number)
    is_meant = said.of is ThresholdOf.SETTINGS and _is_of_gallery(session, spec)
    if is_meant and settings.threshold is not None:
        return Threshold(settings.threshold, Origin.SETTING, number)
    if found is not None:
        return Threshold(found.threshold, Origin.CALIBRATION, number)
    return Threshold(own, Origin.NETWORK)


def _is_of_gallery(session: Session, spec: EmbeddingSpec) -> bool:
    """Whether KENAL_THRESHOLD is on the scale of this space: it is of the gallery's network."""
    chosen = gallery.chosen(session)
    return switching.is_known(session, spec) or (chosen is not None and chosen.spec == spec)
