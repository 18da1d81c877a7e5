"""Whose face in a picture is registered, and what to say where none can be: pure."""

from collections.abc import Sequence

from edge.crop import CONTEXT, best_pixels
from edge.gate import Rules, Sight
from edge.quality import at_border, frontal, inside, look, sharpness
from edge.types import Box, Face, Frame, Landmarks, Pixels, Point, Track

NOBODY = "step before the camera"
ONE_AT_A_TIME = "one at a time: somebody else is in the picture"
COME_NEARER = "come nearer"
TO_THE_MIDDLE = "stand in the middle of the picture"
LOOK_AT_CAMERA = "look at the camera"
HOLD_STILL = "hold still"

TIMES_AS_LARGE = 2.0
_CONTEXTS = (CONTEXT, 2.2, 1.8, 1.5)


def choose(frame: Frame, faces: Sequence[Face], rules: Rules) -> Sight | str:
    """The one face that can be registered, or what whoever stands there should do."""
    if not faces:
        return NOBODY
    largest, *others = sorted(faces, key=lambda face: -face.box[2])
    if others and largest.box[2] < TIMES_AS_LARGE * others[0].box[2]:
        return ONE_AT_A_TIME
    sight = sight_of(frame, largest)
    problem = problem_of(sight, rules)
    if problem is None and context_without(largest.box, [face.box for face in others]) is None:
        return ONE_AT_A_TIME
    return sight if problem is None else problem


def sight_of(frame: Frame, face: Face) -> Sight:
    """A face measured as the gate measures it."""
    at = frame.captured_monotonic
    track = Track(0, face, 1, at)
    return Sight(track, frame, sharpness(frame.image, face), look(frame.image, face))


def problem_of(sight: Sight, rules: Rules) -> str | None:
    """What to do about it; None exactly where `gate.is_usable` lets it through."""
    face, (height, width) = sight.track.face, sight.frame.image.shape[:2]
    x, y, across, down = face.box
    middle = (x + across / 2) / width, (y + down / 2) / height
    if sight.width_px < rules.least_face_px:
        return COME_NEARER
    if at_border(face.box, width, height) or not inside(middle, rules.zone):
        return TO_THE_MIDDLE
    if face.confidence < rules.least_confidence:
        return LOOK_AT_CAMERA
    if frontal(face.landmarks) < rules.least_frontal:
        return LOOK_AT_CAMERA
    return HOLD_STILL if sight.sharpness < rules.least_sharpness else None


def context_without(box: Box, others: Sequence[Box]) -> float | None:
    """How much around the face can be cut out with nobody else in it; None: nothing enough."""
    for context in _CONTEXTS:
        if not any(_touch(_grown(box, context), other) for other in others):
            return context
    return None


def in_best_pixels(frame: Frame, face: Face) -> tuple[Pixels, Landmarks]:
    """The largest picture of this moment, and the face's landmarks in it."""
    image, _ = best_pixels(frame, face)
    across = image.shape[1] / frame.image.shape[1]
    down = image.shape[0] / frame.image.shape[0]

    def placed(point: Point) -> Point:
        return point[0] * across, point[1] * down

    left_eye, right_eye, nose, mouth_left, mouth_right = face.landmarks
    eyes = placed(left_eye), placed(right_eye)
    return image, (*eyes, placed(nose), placed(mouth_left), placed(mouth_right))


def _grown(box: Box, times: float) -> Box:
    x, y, width, height = box
    more_x, more_y = width * (times - 1) / 2, height * (times - 1) / 2
    return x - more_x, y - more_y, width * times, height * times


def _touch(one: Box, other: Box) -> bool:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return across > 0 and down > 0
