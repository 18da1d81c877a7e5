"""dlib's own file of its recognition network: read whole, and refused where it is another."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from pipeline.models.dlib_weights import BLOCKS, Weights, parse_weights, read_weights
from pipeline.models.registry import DLIB
from pipeline.models.weights import packaged_path

INPUT_LAYER = b"input_rgb_image_sized"
STATE = 33
"""Bytes of three flags and three empty tensors, with which every layer ends."""


@pytest.fixture(scope="module")
def published() -> bytes:
    return packaged_path(DLIB.files[0]).read_bytes()


@pytest.fixture(scope="module")
def weights() -> Weights:
    return read_weights(packaged_path(DLIB.files[0]))


def changed(data: bytes, at: int, to: bytes) -> bytes:
    return data[:at] + to + data[at + len(to) :]


def unnoticed(data: bytes, places: Iterable[int]) -> list[int]:
    """Of these bytes, those after whose change the reader goes on to the end of `data`."""
    found = []
    for at in places:
        try:
            parse_weights(changed(data, at, bytes([data[at] ^ 0x40])))
        except ValueError as error:
            if "ends before" not in str(error):
                continue
        found.append(at)
    return found


def test_the_published_network_is_read(weights: Weights) -> None:
    assert weights.mean == pytest.approx((122.782, 117.001, 104.298), abs=1e-4)
    assert weights.stem.filters.shape == (32, 3, 7, 7)
    assert (weights.stem.stride, weights.stem.padding) == (2, 0)
    channels = 32
    for (filters, stride), (first, second) in zip(BLOCKS, weights.blocks, strict=True):
        assert first.filters.shape == (filters, channels, 3, 3)
        assert second.filters.shape == (filters, filters, 3, 3)
        assert (first.stride, first.padding) == (stride, 0 if stride > 1 else 1)
        assert (second.stride, second.padding) == (1, 1)
        channels = filters
    assert weights.projection.shape == (256, 128)


def test_no_number_of_the_file_is_left_out(published: bytes, weights: Weights) -> None:
    convolutions = [weights.stem, *(one for block in weights.blocks for one in block)]
    tensors = [weights.projection]
    for one in convolutions:
        tensors += [one.filters, one.biases, one.scale, one.shift]
    assert sum(tensor.size for tensor in tensors) == 5_614_592
    # In the file a layer's tensors lie together: each is found there, bit by bit.
    for one in convolutions:
        assert one.filters.tobytes() + one.biases.tobytes() in published
        assert one.scale.tobytes() + one.shift.tobytes() in published
    assert weights.projection.tobytes() in published


@pytest.mark.parametrize("size", [0, 1, 16, 300, 19_000, 19_300, 10_000_000, -33, -1])
def test_a_truncated_file_is_refused(published: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="ends before"):
        parse_weights(published[:size])


def test_a_file_that_goes_on_is_refused(published: bytes) -> None:
    with pytest.raises(ValueError, match="goes on"):
        parse_weights(published + b"\0")


def test_every_byte_of_the_layout_counts(published: bytes) -> None:
    start = published[:20_000]  # up to the first block: short, as each change is one reading
    trained = start.index(b"loss_metric_2") + len(b"loss_metric_2")
    layers = trained + 12  # after the two numbers of the training
    named = start.index(INPUT_LAYER) + len(INPUT_LAYER)
    plain = start.index(b"relu_")
    pool = start.index(b"max_pool_2") + len(b"max_pool_2") + 12 + STATE
    layout = [*range(trained), *range(layers, named), *range(plain, pool)]
    assert unnoticed(start, layout) == []
    numbers = range(trained, layers, 6)
    assert unnoticed(start, [at + 1 for at in numbers]) == [at + 1 for at in numbers]


def test_the_last_layers_state_counts(published: bytes) -> None:
    whole = len(published)
    assert unnoticed(published, (whole - STATE, whole - STATE + 3, whole - 1)) == []


@pytest.mark.parametrize(
    ("layer", "other"), [(b"con_4", b"con_5"), (b"affine_", b"affinE_"), (b"fc_2", b"fc_3")]
)
def test_other_layers_are_refused(published: bytes, layer: bytes, other: bytes) -> None:
    with pytest.raises(ValueError, match="another layer"):
        parse_weights(changed(published, published.rindex(layer), other))


def settings_of_a_pool(published: bytes) -> int:
    return published.index(b"max_pool_2") + len(b"max_pool_2")


def shape_of_a_tensor(published: bytes) -> int:
    return published.index(b"con_4") + len(b"con_4") + 2


@pytest.mark.parametrize("place", [settings_of_a_pool, shape_of_a_tensor])
def test_other_settings_and_shapes_are_refused(
    published: bytes, place: Callable[[bytes], int]
) -> None:
    at = place(published)
    assert published[at] in (1, 2)  # an integer's length; the integer follows
    larger = bytes([published[at + 1] + 1])
    with pytest.raises(ValueError, match="another network"):
        parse_weights(changed(published, at + 1, larger))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layer", [b"con_4", b"fc_2"])
def test_numbers_that_are_not_finite_are_refused(
    published: bytes, weights: Weights, layer: bytes, value: float
) -> None:
    tensor = weights.stem.filters if layer == b"con_4" else weights.projection
    at = published.index(tensor.tobytes()) + 4 * (tensor.size // 2)
    with pytest.raises(ValueError, match="not finite"):
        parse_weights(changed(published, at, np.float32(value).tobytes()))


def test_a_mean_that_is_not_finite_is_refused(published: bytes) -> None:
    # Mantissa and exponent follow the layer's name; 32000 is dlib's exponent of infinity.
    at = published.index(INPUT_LAYER) + len(INPUT_LAYER)
    mantissa = 1 + published[at]
    infinite = published[: at + mantissa] + b"\x02\x00\x7d" + published[at + mantissa + 2 :]
    with pytest.raises(ValueError, match="no finite number"):
        parse_weights(infinite)
