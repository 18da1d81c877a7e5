"""dlib's face recognition network, read strictly from the file format of dlib's own runtime.

The format is that of dlib/serialize.h and dlib/dnn (D. King), the network the `anet_type` of dlib's
dnn_face_recognition_ex.cpp. Every byte is accounted for: a file that holds another network, or ends
early or late, is refused. Whether its numbers are the pinned ones only its hash can say.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SIDE_PX = 150
DIMENSIONS = 128
STEM_FILTERS = 32
STEM_KERNEL = 7
BLOCKS = (
    *((32, 1),) * 3,
    (64, 2),
    *((64, 1),) * 3,
    (128, 2),
    *((128, 1),) * 2,
    (256, 2),
    *((256, 1),) * 2,
    (256, 2),
)
"""Filters and first stride of each residual block, in the order in which a picture meets them."""
_KERNEL = 3
_SIZE_BITS, _SIGN_BIT = 0x0F, 0x80
_LARGEST_INTEGER = 8
# As the file begins: the version of every nested layer, outermost first.
_LAYER, _TAG_OR_SKIP, _INNERMOST = 2, 1, 3


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution and the affine layer after it, which scales and shifts each filter's answer."""

    filters: Floats
    """(out, in, height, width)"""
    biases: Floats
    scale: Floats
    shift: Floats
    stride: int
    padding: int


@dataclass(frozen=True, slots=True)
class Weights:
    """Every number of the network, as it is in the file."""

    mean: tuple[float, float, float]
    """Red, green, blue, subtracted before the division by 256."""
    stem: Convolution
    blocks: tuple[tuple[Convolution, Convolution], ...]
    """Two convolutions a block of BLOCKS; a block of stride 2 halves its input by averages."""
    projection: Floats
    """(in, out), without a bias."""


def read_weights(file: Path) -> Weights:
    """The network in `file`; raises ValueError where it is not exactly this one, and OSError."""
    return parse_weights(file.read_bytes())


def parse_weights(data: bytes) -> Weights:
    """`read_weights` for a file's bytes."""
    stream = _Stream(data)
    _read_header(stream)
    mean = _read_input(stream)
    stem = _read_convolution(stream, (STEM_FILTERS, 3, STEM_KERNEL, STEM_KERNEL), 2)
    _read_plain(stream, "relu_")
    _read_pooling(stream, "max_pool_2", 3, 2)
    blocks, channels = [], STEM_FILTERS
    for filters, stride in BLOCKS:
        blocks.append(_read_block(stream, channels, filters, stride))
        channels = filters
    _read_pooling(stream, "avg_pool_2", 0, 1)
    projection = _read_projection(stream, channels)
    stream.expect_end()
    return Weights(mean, stem, tuple(blocks), projection)


class _Stream:
    """dlib's serialized values, one after another; each raises ValueError where it is no such."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise ValueError("the file ends before its network does")
        self._at += size
        return taken

    def integer(self) -> int:
        """One byte for sign and length, then that many bytes, the lowest first."""
        control = self.take(1)[0]
        size = control & _SIZE_BITS
        if control & ~(_SIZE_BITS | _SIGN_BIT) or not 1 <= size <= _LARGEST_INTEGER:
            raise ValueError("the file has something else where an integer should be")
        value = int.from_bytes(self.take(size), "little")
        return -value if control & _SIGN_BIT else value

    def scalar(self) -> float:
        """A mantissa and an exponent of two; dlib has no finite number with |exponent| > 2000."""
        mantissa, exponent = self.integer(), self.integer()
        if abs(mantissa) >= 2**63 or abs(exponent) > 2000:
            raise ValueError("the file has no finite number where one should be")
        try:
            return float(mantissa * 2.0**exponent)
        except OverflowError as error:
            raise ValueError("the file has no finite number where one should be") from error

    def expect(self, *values: int) -> None:
        for value in values:
            if self.integer() != value:
                raise ValueError("the file describes another network")

    def expect_text(self, text: str) -> None:
        self.expect(len(text))
        if self.take(len(text)) != text.encode():
            raise ValueError("the file holds another layer than it should")

    def expect_flags(self, count: int) -> None:
        if not set(self.take(count)) <= {ord("0"), ord("1")}:
            raise ValueError("the file has something else where a yes or no should be")

    def expect_end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("the file goes on after its network")

    def tensor(self, *shape: int) -> Floats:
        """A finite tensor of exactly this shape; dlib's have four dimensions."""
        self.expect(2, *shape)
        values = np.frombuffer(self.take(4 * int(np.prod(shape))), dtype="<f4").reshape(shape)
        if not np.isfinite(values).all():
            raise ValueError("the file holds numbers that are not finite")
        return values.astype(np.float32)

    def expect_alias(self, *shape: int) -> None:
        """How a part of a tensor is shaped; dlib's have four dimensions."""
        self.expect(1, *shape)


def _read_header(stream: _Stream) -> None:
    stream.expect(1)
    stream.expect_text("loss_metric_2")
    stream.scalar()  # margin and distance of the training
    stream.scalar()
    stream.expect(_LAYER, _LAYER)  # projection, average
    for _, stride in reversed(BLOCKS):
        stream.expect(_LAYER, _LAYER)  # relu, sum
        if stride > 1:
            stream.expect(_LAYER, _TAG_OR_SKIP, _TAG_OR_SKIP)  # average of the skipped
        stream.expect(*(_LAYER,) * 5, _TAG_OR_SKIP)  # affine, con, relu, affine, con
    stream.expect(_LAYER, _LAYER, _LAYER, _INNERMOST)  # max pool, relu, affine, con


def _read_input(stream: _Stream) -> tuple[float, float, float]:
    stream.expect_text("input_rgb_image_sized")
    mean = (stream.scalar(), stream.scalar(), stream.scalar())
    stream.expect(SIDE_PX, SIDE_PX)
    return mean


def _read_block(
    stream: _Stream, channels: int, filters: int, stride: int
) -> tuple[Convolution, Convolution]:
    first = _read_convolution(stream, (filters, channels, _KERNEL, _KERNEL), stride)
    _read_plain(stream, "relu_")
    second = _read_convolution(stream, (filters, filters, _KERNEL, _KERNEL), 1)
    if stride > 1:
        _read_pooling(stream, "avg_pool_2", 2, 2)
    _read_plain(stream, "add_prev_")
    _read_plain(stream, "relu_")
    return first, second


def _read_convolution(
    stream: _Stream, shape: tuple[int, int, int, int], stride: int
) -> Convolution:
    filters, channels, height, width = shape
    # dlib pads a convolution by half its kernel, but one with a stride not at all.
    padding = 0 if stride > 1 else height // 2
    stream.expect_text("con_4")
    size = int(np.prod(shape))
    values = stream.tensor(size + filters, 1, 1, 1).reshape(-1)
    stream.expect(filters, height, width, stride, stride, padding, padding)
    stream.expect_alias(*shape)
    stream.expect_alias(1, filters, 1, 1)
    _read_training(stream)
    _read_state(stream)
    if channels == 3:
        stream.expect(1)  # the innermost layer's samples a picture
    scale, shift = _read_affine(stream, filters)
    return Convolution(values[:size].reshape(shape), values[size:], scale, shift, stride, padding)


def _read_affine(stream: _Stream, filters: int) -> tuple[Floats, Floats]:
    stream.expect_text("affine_")
    values = stream.tensor(2 * filters, 1, 1, 1).reshape(-1)
    stream.expect_alias(1, filters, 1, 1)
    stream.expect_alias(1, filters, 1, 1)
    stream.expect(0)  # one scale and shift a filter, not one a pixel
    _read_state(stream)
    return values[:filters], values[filters:]


def _read_plain(stream: _Stream, name: str) -> None:
    stream.expect_text(name)
    _read_state(stream)


def _read_pooling(stream: _Stream, name: str, window: int, stride: int) -> None:
    stream.expect_text(name)
    stream.expect(window, window, stride, stride, 0, 0)
    _read_state(stream)


def _read_projection(stream: _Stream, channels: int) -> Floats:
    stream.expect_text("fc_2")
    stream.expect(DIMENSIONS, channels)
    projection = stream.tensor(channels, DIMENSIONS, 1, 1)
    stream.expect_alias(channels, DIMENSIONS, 1, 1)
    stream.expect_alias(0, 0, 0, 0)
    stream.expect(1)  # no bias
    _read_training(stream)
    _read_state(stream)
    return projection.reshape(channels, DIMENSIONS)


def _read_training(stream: _Stream) -> None:
    """Four factors of the training's rates; they do not change an answer."""
    for _ in range(4):
        stream.scalar()


def _read_state(stream: _Stream) -> None:
    """Three flags and three tensors that a layer holds while it runs; the published file's are
    empty.
    """
    stream.expect_flags(3)
    for _ in range(3):
        stream.expect(2, 0, 0, 0, 0)
