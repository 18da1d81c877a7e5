"""How a face's pixels become the numbers that a network was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.types import Face
from pipeline.embedders.align import arcface_crop, margin_crop
from pipeline.images.decode import Pixels
from pipeline.models.onnx_runtime import Floats


class Layout(StrEnum):
    """The order of a network's input axes."""

    NCHW = "nchw"
    NHWC = "nhwc"


class Alignment(StrEnum):
    """How a face is cut out: by its five landmarks, or by its box with a margin."""

    ARCFACE = "arcface"
    MARGIN = "margin"


@dataclass(frozen=True, slots=True)
class OnnxInput:
    """How pixels become the network's input: (value / 255 - mean) / std for each channel."""

    side_px: int
    layout: Layout
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    alignment: Alignment
    margin: float = 0.0
    bgr: bool = False


def crop(rgb: Pixels, face: Face, pixels: OnnxInput) -> Pixels:
    """The face cut out as `pixels` says, (side, side, 3)."""
    if pixels.alignment is Alignment.ARCFACE:
        return arcface_crop(rgb, face.landmarks, pixels.side_px)
    return margin_crop(rgb, face.box, pixels.margin, pixels.side_px)


def network_input(crops: Sequence[Pixels], pixels: OnnxInput) -> Floats:
    """RGB crops (n, side, side, 3) as the network's float32 input."""
    mean, std = np.asarray(pixels.mean, np.float32), np.asarray(pixels.std, np.float32)
    stacked = np.stack(crops)[..., ::-1] if pixels.bgr else np.stack(crops)
    values = (stacked.astype(np.float32) / 255 - mean) / std
    if pixels.layout is Layout.NCHW:
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values, dtype=np.float32)
