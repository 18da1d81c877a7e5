"""Networks of your own: what must be known of one before it names anybody.

The fields are those of the server's manifests. As TOML a manifest also says `trained = true`; the
server's own JSON has no such field, and tells instead by `error_rates` what was measured.
"""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.recognition.network import Network

ARCFACE, MARGIN = "arcface", "margin"
Triple = tuple[float, float, float]
_MOST_BYTES = 100_000
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,122}\.(onnx|tflite)")
_VERSION = "1"  # another one where the same settings would give other pixels
_NOT_STATED = "not stated"
_UNTRAINED = "UNTRAINED:"
_WORDS = ("license", "source", "error_rates")
_FIELDS = frozenset(
    [
        *("title", "file", "sha256", "input", "dimensions", "similarity", "default_threshold"),
        *("mirror", "unit_length", "trained", "false_matches", *_WORDS),
    ]
)
_INPUT_FIELDS = frozenset(["side_px", "layout", "channels", "mean", "std", "alignment", "margin"])


class NetworkError(Exception):
    """The network cannot be used; says what to do, and no path."""


@dataclass(frozen=True, slots=True)
class Input:
    """The network's input: (value / 255 - mean) / std for each channel of a square picture."""

    side_px: int
    layout: str  # nchw, nhwc
    channels: str = "rgb"
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    alignment: str = ARCFACE
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Manifest:
    """A network's file and how faces are given to it. `mirror`: plus the mirrored face's vector."""

    title: str
    file: str
    sha256: str
    input: Input
    dimensions: int
    threshold: float
    mirror: bool = False

    @property
    def network(self) -> Network:
        """What its embeddings are of."""
        given = self.input
        cut = given.alignment + (f"-{given.margin}" if given.alignment == MARGIN else "")
        parts = [_VERSION, cut, str(given.side_px), given.channels, *map(str, given.mean)]
        parts += [*map(str, given.std), *(["mirror-sum"] if self.mirror else [])]
        how = ",".join(parts)
        return Network(self.title, self.sha256, how, self.dimensions, self.threshold)


def read_manifest(place: Path) -> Manifest:
    """The manifest of a .toml or .json file; raises NetworkError."""
    is_json = place.suffix.lower() == ".json"
    try:
        with place.open("rb") as file:
            text = file.read(_MOST_BYTES).decode()
        told = json.loads(text) if is_json else tomllib.loads(text)
    except OSError:
        raise NetworkError("the manifest cannot be read") from None
    except (ValueError, RecursionError):
        raise NetworkError("the manifest is no TOML or JSON, or far too long") from None
    if not isinstance(told, dict):
        raise NetworkError("the manifest is no table")
    _check_trained(told, is_json)
    return _manifest(told)


def _check_trained(told: Mapping[str, Any], is_json: bool) -> None:
    rates = told.get("error_rates", _NOT_STATED)
    is_measured = isinstance(rates, str) and rates.strip() not in ("", _NOT_STATED)
    if "default_threshold" not in told:
        raise _wrong("default_threshold", "given: without a measured one nobody is recognized")
    # Where the trainer says why it names nobody, a threshold typed beside it changes nothing.
    owns_up = str(told.get("source", "")).startswith(_UNTRAINED)
    if owns_up or told.get("trained", is_json and is_measured) is not True:
        raise _wrong("trained", "true: an untrained network names people at random")


def _manifest(told: Mapping[str, Any]) -> Manifest:
    _check_names(told, _FIELDS, "")
    for name in _WORDS:
        _text(told, name, "")
    if not isinstance(told.get("false_matches", {}), dict):
        raise _wrong("false_matches", "a table")
    if told.get("similarity", "cosine") != "cosine" or not _flag(told, "unit_length", True):
        raise _wrong("similarity", "cosine, of unit length")
    file, sha256 = _text(told, "file", ""), _text(told, "sha256", "")
    if not _FILE.fullmatch(file):
        raise _wrong("file", "the name of an .onnx or .tflite file beside the manifest")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise _wrong("sha256", "64 hexadecimal digits")
    title = _text(told, "title", "")
    if not 1 <= len(title) <= 200:
        raise _wrong("title", "1 to 200 characters")
    return Manifest(
        title=title,
        file=file,
        sha256=sha256,
        input=_input(told.get("input")),
        dimensions=_whole(told, "dimensions", 2, 4096),
        threshold=_number(told, "default_threshold", None, 0.01, 0.9999),
        mirror=_flag(told, "mirror", False),
    )


def _input(told: object) -> Input:
    if not isinstance(told, dict):
        raise _wrong("input", "a table")
    _check_names(told, _INPUT_FIELDS, "input.")
    return Input(
        side_px=_whole(told, "side_px", 16, 1024),
        layout=_choice(told, "layout", None, ("nchw", "nhwc")),
        channels=_choice(told, "channels", "rgb", ("rgb", "bgr")),
        mean=_triple(told, "mean", 0.0, -1000.0),
        std=_triple(told, "std", 1.0, 1e-6),
        alignment=_choice(told, "alignment", None, (ARCFACE, MARGIN)),
        margin=_number(told, "margin", 0.0, 0.0, 1.0),
    )


def _check_names(told: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in sorted(set(told) - known):
        raise NetworkError(f"the manifest: {where}{name[:40]} is not a setting")


def _text(told: Mapping[str, Any], name: str, default: str) -> str:
    value = told.get(name, default)
    if not isinstance(value, str):
        raise _wrong(name, "text")
    return value


def _flag(told: Mapping[str, Any], name: str, default: bool) -> bool:
    value = told.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(name, "true or false")
    return value


def _choice(told: Mapping[str, Any], name: str, default: str | None, known: tuple[str, ...]) -> str:
    value = told.get(name, default)
    if not isinstance(value, str) or value not in known:
        raise _wrong(name, " or ".join(known))
    return value


def _whole(told: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _wrong(name, f"a whole number from {least} to {most}")
    return value


def _number(
    told: Mapping[str, Any], name: str, default: float | None, least: float, most: float
) -> float:
    value = told.get(name, default)
    if not _is_number(value) or not least <= value <= most:
        raise _wrong(name, f"a number from {least:g} to {most:g}")
    return float(value)


def _triple(told: Mapping[str, Any], name: str, default: float, least: float) -> Triple:
    value = told.get(name, [default] * 3)
    is_list = isinstance(value, list) and len(value) == 3
    if not is_list or not all(_is_number(one) and least <= one <= 1000 for one in value):
        raise _wrong(name, "three numbers")
    one, two, three = (float(number) for number in value)
    return one, two, three


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _wrong(name: str, wanted: str) -> NetworkError:
    return NetworkError(f"the manifest: {name} must be {wanted}")
