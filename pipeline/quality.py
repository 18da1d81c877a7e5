"""How well a face can be seen: its measures judged, and told in words to act on.

The limits were chosen on real photos, see docs/api/quality.md; benchmarks.quality counts again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from core.types import Face
from pipeline.face_measures import Measures, measure
from pipeline.images.decode import Photo


class Issue(StrEnum):
    """What a person can do something about."""

    TOO_SMALL = "face_too_small"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    LOW_CONTRAST = "low_contrast"
    TURNED_AWAY = "turned_away"
    TILTED = "tilted"
    CUT_OFF = "cut_off"


MESSAGES: Mapping[Issue, str] = MappingProxyType(
    {
        Issue.TOO_SMALL: "the face is small: come nearer, or use a photo with more pixels",
        Issue.BLURRED: "the face is not sharp: hold still, focus on it, clean the lens",
        Issue.TOO_DARK: "the face is too dark: turn it to the light",
        Issue.TOO_BRIGHT: "the face is too bright: less light, or a shorter exposure",
        Issue.LOW_CONTRAST: "the face has hardly any contrast: no haze, no light into the lens",
        Issue.TURNED_AWAY: "the face looks away: look straight into the camera",
        Issue.TILTED: "the head is tilted: hold it upright",
        Issue.CUT_OFF: "a part of the face is outside of the photo",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond these a face has an issue."""

    width_px: float
    sharpness: float
    darkest: float
    brightest: float
    contrast: float
    turned: float
    nodded: float
    tilted: float
    cut_off: float


DOUBTFUL = Limits(
    width_px=64,
    sharpness=0.1,
    darkest=55,
    brightest=210,
    contrast=14,
    turned=30,
    nodded=28,
    tilted=20,
    cut_off=0.08,
)
HOPELESS = Limits(
    width_px=0,
    sharpness=0.02,
    darkest=8,
    brightest=248,
    contrast=2.5,
    turned=180,
    nodded=180,
    tilted=180,
    cut_off=0.45,
)
"""There, the networks do not find a photo like the same photo without the fault."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of a face, and what is wrong with it."""

    measures: Measures
    issues: tuple[Issue, ...]
    hopeless: tuple[Issue, ...] = ()
    """Those for which the face is enrolled under no mode."""

    def stored(self) -> dict[str, object]:
        """As JSON values; what is wrong by its codes."""
        return {**asdict(self.measures), "issues": [str(issue) for issue in self.issues]}


@dataclass(frozen=True, slots=True)
class SeenFace(Face):
    """A face whose quality was measured."""

    quality: Quality

    def scaled(self, factor: float) -> Self:
        """Elsewhere; the quality is of the original."""
        return replace(self, box=self.box.scaled(factor), landmarks=self.landmarks.scaled(factor))

    def shifted(self, dx: float, dy: float) -> Self:
        return replace(self, box=self.box.shifted(dx, dy), landmarks=self.landmarks.shifted(dx, dy))


Look = Callable[[Photo, Face], SeenFace]
"""How a face's quality is found; tests bring their own."""


def seen(photo: Photo, face: Face) -> SeenFace:
    """The face, in pixels of the original, with its quality."""
    return SeenFace(face.box, face.confidence, face.landmarks, judged(measure(photo, face)))


def judged(measures: Measures) -> Quality:
    return Quality(measures, _issues(measures, DOUBTFUL), _issues(measures, HOPELESS))


def _issues(of: Measures, limits: Limits) -> tuple[Issue, ...]:
    turned = abs(of.yaw) > limits.turned or abs(of.pitch) > limits.nodded
    found = {
        Issue.TOO_SMALL: of.width_px < limits.width_px,
        Issue.BLURRED: of.sharpness < limits.sharpness,
        Issue.TOO_DARK: of.brightness < limits.darkest,
        Issue.TOO_BRIGHT: of.brightness > limits.brightest,
        Issue.LOW_CONTRAST: of.contrast < limits.contrast,
        Issue.TURNED_AWAY: turned,
        Issue.TILTED: abs(of.roll) > limits.tilted,
        Issue.CUT_OFF: of.cut_off > limits.cut_off,
    }
    return tuple(issue for issue, is_so in found.items() if is_so)


def explained(issues: Sequence[Issue]) -> list[dict[str, object]]:
    """Each code with its message."""
    return [{"code": str(issue), "message": MESSAGES[issue]} for issue in issues]
