"""A scene as a picture: boxes, names, similarity, frame rate; pure."""

from collections.abc import Sequence

import cv2
import numpy as np

from edge.board import Kind, Scene
from edge.page.words import Shown, drawn_words, shown
from edge.types import Pixels

Color = tuple[int, int, int]  # BGR
GREEN: Color = (72, 187, 40)
GREY: Color = (176, 176, 176)
ORANGE: Color = (30, 140, 245)
COLORS = {Kind.ASKED: GREY, Kind.KNOWN: GREEN, Kind.UNKNOWN: ORANGE, Kind.REFUSED: ORANGE}
_DARK: Color = (24, 24, 24)
_WHITE: Color = (255, 255, 255)
_EMPTY_SIZE = (480, 640)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def drawn(scene: Scene | None, width: int, stale_seconds: int) -> Pixels:
    """The picture at most `width` wide; `stale_seconds` above 0: it is old, and that is said."""
    if scene is None:
        image = np.full((*_EMPTY_SIZE, 3), 40, np.uint8)
        _across(image, "no picture yet")
        return image
    image, scale = _fitted(scene.frame.image, width)
    if stale_seconds:
        image = (image // 3).astype(np.uint8)
    _draw_faces(image, shown(scene), scale)
    if stale_seconds:
        _across(image, f"no picture for {stale_seconds} s")
    else:
        _text(image, f"{scene.frames_per_second:.1f} frames/s", (0, _line(image)), _DARK, _WHITE)
    return image


def _fitted(image: Pixels, width: int) -> tuple[Pixels, float]:
    """A copy, never larger than the frame: others still look at that one."""
    scale = min(1.0, width / image.shape[1])
    if scale == 1.0:
        return image.copy(), scale
    size = width, max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _draw_faces(image: Pixels, faces: Sequence[Shown], scale: float) -> None:
    for one in faces:
        color = COLORS[one.label.kind] if one.label else GREY
        thick = _thickness(image) if one.label else 1
        x, y, width, height = (round(part * scale) for part in one.face.box)
        cv2.rectangle(image, (x, y), (x + width, y + height), color, thick, cv2.LINE_AA)
        words = drawn_words(one)
        if words:
            inside = y - _line(image) < 0
            _text(image, words, (x, y + _line(image) if inside else y), color, _DARK)


def _text(image: Pixels, words: str, at: tuple[int, int], back: Color, ink: Color) -> None:
    """Words on a plate whose lower left corner is `at`, moved into the picture."""
    line, size = _line(image), _size(image)
    across = round(cv2.getTextSize(words, _FONT, size, 1)[0][0]) + line // 2
    x = max(0, min(at[0], image.shape[1] - across))
    y = max(line, min(at[1], image.shape[0]))
    cv2.rectangle(image, (x, y - line), (x + across, y), back, cv2.FILLED)
    base = x + line // 4, y - round(line * 0.28)
    cv2.putText(image, words, base, _FONT, size, ink, 1, cv2.LINE_AA)


def _across(image: Pixels, words: str) -> None:
    wide = cv2.getTextSize(words, _FONT, _size(image), 1)[0][0]
    at = round((image.shape[1] - wide) / 2), (image.shape[0] + _line(image)) // 2
    _text(image, words, at, _DARK, _WHITE)


def _size(image: Pixels) -> float:
    return float(min(max(image.shape[1] / 1000, 0.5), 1.2))


def _line(image: Pixels) -> int:
    return round(38 * _size(image))


def _thickness(image: Pixels) -> int:
    return max(2, int(image.shape[1]) // 320)
