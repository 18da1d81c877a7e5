"""JPEGs decoded at a part of their size, and JPEGs whose pixels are not all there."""

import io
import random

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from core.errors import ImageCorrupt, PhotoError
from pipeline.images.decode import WORKING_LONG_SIDE_PX, decode
from pipeline.images.jpeg import read_jpeg
from pipeline.images.jpeg_pixels import LEAST_LONG_SIDE_PX, eighths
from tests.images_made import encoded, gradient, stored_as, with_orientation

CAP = 64_000_000
END = b"\xff\xd9"
NOISE = Image.fromarray(np.random.default_rng(5).integers(0, 256, (120, 160, 3), dtype=np.uint8))


def test_the_fewest_eighths_that_leave_enough() -> None:
    for long_side in (*range(1, 9000), 12_800, 20_000, 65_535):
        parts = eighths(long_side, WORKING_LONG_SIDE_PX)
        if long_side <= WORKING_LONG_SIDE_PX:
            assert parts == 8
        else:
            assert long_side * parts >= 8 * LEAST_LONG_SIDE_PX
            assert parts == 1 or long_side * (parts - 1) < 8 * LEAST_LONG_SIDE_PX


@pytest.mark.parametrize(
    ("width", "long_side", "scale"),
    [
        (1, 1, 1.0),
        (2048, 2048, 1.0),
        (2049, 1793, 7 / 8),
        (2205, 1654, 6 / 8),
        (3001, 1876, 5 / 8),
        (4000, 2000, 4 / 8),
        (4001, 2001, 4 / 8),
        (4609, 1729, 3 / 8),
        (8000, 2000, 2 / 8),
        (5713, 2048, 3 / 8 * 2048 / 2143),
        (12_799, 2048, 2 / 8 * 2048 / 3200),
        (20_001, 2048, 1 / 8 * 2048 / 2501),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_scale_is_what_each_pixel_was_reduced_by(
    mode: str, width: int, long_side: int, scale: float
) -> None:
    photo = decode(encoded(Image.new(mode, (width, 9)), "JPEG"), CAP)
    assert (photo.rgb.shape[1], photo.width, photo.height) == (long_side, width, 9)
    assert photo.scale == pytest.approx(scale, abs=1e-12)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("width", [2049, 3001, 4001, 4609, 5713, 12_799, 20_001])
def test_what_is_seen_is_where_scale_says(mode: str, width: int) -> None:
    edge = width - 333
    pixels = np.full((16, width, 3), 255, np.uint8)
    pixels[:, :edge] = 0
    photo = decode(encoded(Image.fromarray(pixels).convert(mode), "JPEG", quality=95), CAP)
    dark = (255 - photo.rgb[photo.rgb.shape[0] // 2, :, 1].astype(float)).sum() / 255
    assert abs(dark - edge * photo.scale) < 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(3000, 700), (4001, 1001), (5713, 301)])
def test_a_reduced_photo_comes_out_upright(size: tuple[int, int], orientation: int) -> None:
    stored = stored_as(orientation, np.asarray(gradient(*size)))
    data = with_orientation(Image.fromarray(np.ascontiguousarray(stored)), "JPEG", orientation)
    photo = decode(data, CAP)
    assert (photo.width, photo.height) == size
    assert LEAST_LONG_SIDE_PX <= photo.rgb.shape[1] <= WORKING_LONG_SIDE_PX
    assert photo.rgb.shape[0] == pytest.approx(size[1] * photo.scale, abs=1)
    assert photo.rgb.flags["C_CONTIGUOUS"]
    corners = photo.rgb[[0, 0, -1, -1], [0, -1, 0, -1], :2].astype(int)
    assert np.abs(corners - [[0, 0], [255, 0], [0, 255], [255, 255]]).max() <= 8


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 8}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_variety_is_reduced_alike(mode: str, options: dict[str, object]) -> None:
    stored = gradient(4000, 1000).convert(mode)
    expected = np.asarray(stored.convert("RGB").resize((2000, 500), Image.Resampling.BOX))
    photo = decode(encoded(stored, "JPEG", quality=95, **options), CAP)
    assert photo.scale == 0.5
    assert photo.rgb.shape == expected.shape
    assert np.abs(photo.rgb.astype(int) - expected).max() <= 12


@pytest.mark.parametrize("width", [2208, 3000, 4002, 4608, 5712, 12_798, 20_004])
def test_stripes_finer_than_a_pixel_fade(width: int) -> None:
    stripes = np.tile(np.array([40, 215], np.uint8), (64, width // 2))
    found = decode(encoded(Image.fromarray(stripes), "JPEG", quality=95), CAP).rgb[:, 8:-8, 0]
    assert abs(found.mean() - stripes.mean()) <= 2
    assert found.std() < stripes.std() / 2  # pixels left out instead would keep all of it


def scan(data: bytes) -> int:
    return data.index(b"\xff\xda") + 14


def cuts(data: bytes) -> list[int]:
    rng = random.Random(3)
    places = [rng.randrange(scan(data), len(data) - 60) for _ in range(30)]
    return [at for at in places if data[at - 1] != 0xFF]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(NOISE, "JPEG"), id="color"),
        pytest.param(encoded(NOISE.convert("L"), "JPEG"), id="gray"),
        pytest.param(encoded(NOISE, "JPEG", restart_marker_blocks=4), id="restarts"),
        pytest.param(encoded(NOISE.resize((2600, 300)), "JPEG"), id="large"),
    ],
)
def test_pixels_that_stop_before_the_end_are_noticed(data: bytes) -> None:
    assert decode(data, CAP).rgb.size > 0
    for cut in cuts(data):
        with pytest.raises(ImageCorrupt):
            decode(data[:cut] + END, CAP)


def test_a_scan_that_stops_is_noticed_in_a_progressive_photo() -> None:
    data = encoded(NOISE, "JPEG", progressive=True)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff", first + 14)
    assert data[second + 1] == 0xC4, "the first scan ends here"
    with pytest.raises(ImageCorrupt, match="incomplete"):
        decode(data[: (first + second) // 2] + data[second:], CAP)


def test_codes_that_do_not_exist_are_noticed() -> None:
    # The decoder's quick way through other than progressive photos reads them as zeros.
    data = encoded(NOISE, "JPEG", progressive=True)
    half = (scan(data) + data.index(b"\xff\xc4", scan(data))) // 2
    with pytest.raises(ImageCorrupt, match="damaged"):
        decode(data[:half] + b"\x01" + b"\xff\x00" * 40 + data[half:], CAP)


def test_a_lost_part_between_restarts_is_noticed() -> None:
    data = encoded(NOISE, "JPEG", restart_marker_blocks=4)
    lost, after = data.index(b"\xff\xd2"), data.index(b"\xff\xd5")
    with pytest.raises(ImageCorrupt, match="damaged"):
        decode(data[:lost] + data[after:], CAP)


@pytest.mark.parametrize("size", [(64, 48), (4000, 1000)])
def test_bytes_too_many_before_the_end_cost_no_photo(size: tuple[int, int]) -> None:
    data = encoded(gradient(*size), "JPEG")
    whole, filled = decode(data, CAP), decode(data[:-2] + bytes(6) + END, CAP)
    assert (whole.scale, whole.width, whole.height) == (filled.scale, filled.width, filled.height)
    assert (whole.rgb == filled.rgb).all()


def test_a_lossless_jpeg_is_still_read() -> None:
    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body

    # 16 x 16 samples of one component, each 0 away from the one before: the middle gray.
    codes = segment(0xC4, bytes([0, 1, *bytes(15), 0]))
    frame = segment(0xC3, bytes([8, 0, 16, 0, 16, 1, 1, 0x11, 0]))
    data = b"\xff\xd8" + codes + frame + segment(0xDA, bytes([1, 1, 0, 1, 0, 0])) + bytes(32) + END
    assert (decode(data, CAP).rgb == np.full((16, 16, 3), 128)).all()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"keep_rgb": True}])
def test_what_pillow_refuses_is_refused(options: dict[str, object]) -> None:
    data = encoded(NOISE, "JPEG", **options)
    rng = random.Random(4)
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.randrange(2, scan(data))] = rng.randrange(256)
        try:
            header = read_jpeg(bytes(damaged))
            if header.width * header.height > 1_000_000:
                continue
            JpegImagePlugin.JpegImageFile(io.BytesIO(header.clean)).load()
        except (PhotoError, OSError, SyntaxError, ValueError, LookupError):
            refused += 1
            with pytest.raises(PhotoError):
                decode(bytes(damaged), 1_000_000)
    assert refused > 10
