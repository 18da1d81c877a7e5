"""What an answer to a frame means; pure. Only what names our request and our frame counts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.board import Kind, Label
from edge.types import Box, Face, Landmarks, Point
from edge.verdict import Reply

_POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
_DECISIONS = frozenset(["match", "no_match", "ambiguous"])
_MOST_FACES = 50
_MOST_PX = 100_000.0
_WORDS: Mapping[str, str] = {
    "not_fresh": "frames come too late, or this device's clock is wrong",
    "not_found": "the server has no streams, it is older than this agent",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A face that the server found, and whose it is."""

    face: Face
    label: Label


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there are no faces; `told`: the seconds of a Retry-After."""

    word: str
    told: float | None = None
    is_locked_out: bool = False


def read(
    reply: Reply, request_id: str, frame: int, scale: tuple[float, float]
) -> list[Named] | Trouble:
    """The faces of the answer, `scale` times as far across and down as they were sent."""
    is_ours = reply.json.get("request_id") == request_id
    if reply.status == 200 and is_ours and reply.json.get("frame") == frame:
        try:
            return _all_named(reply.json.get("faces"), scale)
        except (TypeError, ValueError, KeyError, OverflowError):
            return _not_kenals(reply)
    code = reply.error_code
    if code is None or not is_ours:
        return _not_kenals(reply)
    return Trouble(_WORDS.get(code, code), reply.retry_after, reply.status in (401, 403))


def _not_kenals(reply: Reply) -> Trouble:
    return Trouble(f"an answer that is not Kenal's ({reply.status})", reply.retry_after)


def _all_named(faces: object, scale: tuple[float, float]) -> list[Named]:
    """Raises TypeError, ValueError, KeyError for anything but whole and plausible faces."""
    if not isinstance(faces, list) or len(faces) > _MOST_FACES:
        raise TypeError
    found = [Named(_face(told, scale), _label(told)) for told in faces]
    return sorted(found, key=lambda one: -one.face.confidence)


def _face(told: Mapping[str, object], scale: tuple[float, float]) -> Face:
    box, marks = _object(told["box"]), _object(told["landmarks"])
    place: Box = (
        _number(box["x"]) * scale[0],
        _number(box["y"]) * scale[1],
        _number(box["width"]) * scale[0],
        _number(box["height"]) * scale[1],
    )
    if min(place[2:]) <= 0:
        raise ValueError
    left_eye, right_eye, nose, mouth_left, mouth_right = (
        _point(marks[name], scale) for name in _POINTS
    )
    landmarks: Landmarks = (left_eye, right_eye, nose, mouth_left, mouth_right)
    return Face(place, landmarks, _number(told["confidence"], 1.0))


def _label(told: Mapping[str, object]) -> Label:
    """A name for a match alone."""
    decision, user_id, name = told["decision"], told["user_id"], told["name"]
    similarity = told["similarity_score"]
    score = None if similarity is None else _number(similarity, 1.0)
    if not isinstance(decision, str) or decision not in _DECISIONS:
        raise ValueError
    if decision != "match":
        return Label(Kind.UNKNOWN, decision, score)
    if not isinstance(user_id, str) or not isinstance(name, str | None):
        raise TypeError
    return Label(Kind.KNOWN, name or user_id, score)


def _point(told: object, scale: tuple[float, float]) -> Point:
    if not isinstance(told, list):
        raise TypeError
    x, y = told
    return _number(x) * scale[0], _number(y) * scale[1]


def _object(told: object) -> Mapping[str, object]:
    if not isinstance(told, dict):
        raise TypeError
    return told


def _number(told: object, most: float = _MOST_PX) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise TypeError
    if not math.isfinite(told) or abs(told) > most:
        raise ValueError
    return float(told)
