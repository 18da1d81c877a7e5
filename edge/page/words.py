"""What is written at a face. OpenCV's letters are ASCII only: other names are folded, or numbered.

The page's list below the picture has every name as it is, beside the same number.
"""

import unicodedata
from dataclasses import dataclass

from edge.board import Kind, Label, Scene
from edge.types import Face

_FOLDED = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "SS",
        "æ": "ae",
        "Æ": "Ae",
        "œ": "oe",
        "Œ": "Oe",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "Th",
        "ı": "i",
        "’": "'",
        "‘": "'",
        "–": "-",
        "—": "-",
        "…": "...",
    }
)
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """A face of the picture with its number, 1 for the first from the left."""

    number: int
    face: Face
    label: Label | None  # None: it was seen, and nothing more


def shown(scene: Scene) -> list[Shown]:
    """The faces of a scene from left to right."""
    tracks = sorted(scene.tracks, key=lambda track: track.face.box[0])
    return [
        Shown(place, track.face, scene.labels.get(track.id))
        for place, track in enumerate(tracks, start=1)
    ]


def drawn_words(one: Shown) -> str:
    """What is drawn at this face, in ASCII; empty where nothing is known of it."""
    if one.label is None:
        return ""
    text = in_ascii(label_text(one.label)) or f"no. {one.number}"
    if one.label.kind is Kind.KNOWN and one.label.similarity is not None:
        return f"{text} {one.label.similarity:.2f}"
    return text


def label_text(label: Label) -> str:
    """The name or word of a label; never empty."""
    return label.text.strip() or label.kind.value


def in_ascii(text: str) -> str:
    """The text without its accents; empty where letters would be lost."""
    plain = unicodedata.normalize("NFKD", text.translate(_FOLDED))
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign))
    if not (kept.isascii() and kept.isprintable()):
        return ""
    return kept if len(kept) <= _LONGEST else f"{kept[: _LONGEST - 3]}..."
