"""The decoder: formats, modes, turns, sizes. What is broken is in test_images_broken.py."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import EmptyFile, ImageTooLarge, UnsupportedImage
from pipeline.images.decode import WORKING_LONG_SIDE_PX, Photo, decode
from tests.images_made import encoded, gradient, png_bomb, stored_as, with_orientation

CAP = 64_000_000
PICTURE = gradient()
PIXELS = np.asarray(PICTURE).astype(int)


def heic(image: Image.Image) -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=95)
    return out.getvalue()


def furthest(photo: Photo, expected: np.ndarray) -> int:
    assert photo.rgb.shape == expected.shape
    return int(np.abs(photo.rgb.astype(int) - expected).max())


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        pytest.param(encoded(PICTURE, "PNG"), 0, id="png"),
        pytest.param(encoded(PICTURE, "BMP"), 0, id="bmp"),
        pytest.param(encoded(PICTURE, "TIFF"), 0, id="tiff"),
        pytest.param(encoded(PICTURE, "TIFF", compression="tiff_lzw"), 0, id="tiff-lzw"),
        pytest.param(encoded(PICTURE, "TIFF", compression="tiff_adobe_deflate"), 0, id="tiff-zip"),
        pytest.param(encoded(PICTURE, "TIFF", compression="jpeg", quality=95), 12, id="tiff-jpeg"),
        pytest.param(encoded(PICTURE, "WEBP", lossless=True), 0, id="webp-lossless"),
        pytest.param(encoded(PICTURE, "WEBP", quality=95), 12, id="webp"),
        pytest.param(encoded(PICTURE, "JPEG", quality=95), 12, id="jpeg"),
        pytest.param(encoded(PICTURE, "JPEG", quality=95, progressive=True), 12, id="progressive"),
        pytest.param(encoded(PICTURE.convert("CMYK"), "JPEG", quality=95), 12, id="cmyk"),
        pytest.param(encoded(PICTURE.convert("CMYK"), "TIFF"), 2, id="tiff-cmyk"),
        pytest.param(encoded(PICTURE.quantize(256), "GIF"), 24, id="gif"),
        pytest.param(encoded(PICTURE.quantize(256), "PNG"), 24, id="png-palette"),
        pytest.param(heic(PICTURE), 16, id="heic"),
    ],
)
def test_each_format_gives_the_same_picture(data: bytes, tolerance: int) -> None:
    photo = decode(data, CAP)
    assert furthest(photo, PIXELS) <= tolerance
    assert photo.rgb.dtype == np.uint8
    assert photo.rgb.flags["C_CONTIGUOUS"]
    assert (photo.scale, photo.width, photo.height) == (1.0, 64, 48)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64).round().astype(np.uint16)
    image = Image.fromarray(np.tile(ramp, (8, 1)))
    expected = np.round(ramp / 257).astype(int)
    for kind in ("PNG", "TIFF"):
        found = decode(encoded(image, kind), CAP).rgb.astype(int)
        assert np.abs(found - expected[None, :, None]).max() <= 1


def test_sixteen_bit_color_is_scaled() -> None:
    import cv2

    ramp = np.linspace(0, 65535, 64).round().astype(np.uint16)
    color = np.repeat(np.tile(ramp, (8, 1))[..., None], 3, axis=2)
    for extension in (".png", ".tiff"):
        data = cv2.imencode(extension, color)[1].tobytes()
        found = decode(data, CAP).rgb.astype(int)
        assert np.abs(found - np.round(ramp / 257)[None, :, None]).max() <= 1


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_palette_and_one_bit(mode: str, kind: str) -> None:
    flat = Image.new("L", (20, 10), 255).convert(mode)
    assert (decode(encoded(flat, kind), CAP).rgb == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_lies_over_white(kind: str) -> None:
    half_red = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    options = {"lossless": True} if kind == "WEBP" else {}
    pixel = decode(encoded(half_red, kind, **options), CAP).rgb[4, 4].astype(int)
    assert np.abs(pixel - [255, 127, 127]).max() <= 1


def test_transparent_palette_and_gray_lie_over_white() -> None:
    palette = PICTURE.quantize(16)
    photo = decode(encoded(palette, "PNG", transparency=bytes([0] * 16)), CAP)
    assert (photo.rgb == 255).all()
    gray = Image.new("L", (8, 8), 7)
    assert (decode(encoded(gray, "PNG", transparency=7), CAP).rgb == 255).all()


def test_only_the_first_frame_of_an_animation() -> None:
    red, blue = Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue")
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encoded(red, kind, save_all=True, append_images=[blue])
        assert np.abs(decode(data, CAP).rgb[4, 4].astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_comes_out_upright(kind: str, orientation: int) -> None:
    stored = stored_as(orientation, np.asarray(PICTURE))
    data = with_orientation(Image.fromarray(np.ascontiguousarray(stored)), kind, orientation)
    photo = decode(data, CAP)
    assert (photo.width, photo.height) == (64, 48)
    assert furthest(photo, PIXELS) <= 24


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_large_photos_are_worked_on_smaller(kind: str) -> None:
    large = gradient(6000, 3000)
    photo = decode(encoded(large, kind), CAP)
    assert photo.rgb.shape == (WORKING_LONG_SIDE_PX // 2, WORKING_LONG_SIDE_PX, 3)
    assert (photo.width, photo.height) == (6000, 3000)
    assert photo.scale == pytest.approx(2048 / 6000)
    corners = photo.rgb[[0, 0, -1, -1], [0, -1, 0, -1], :2].astype(int)
    assert np.abs(corners - [[0, 0], [255, 0], [0, 255], [255, 255]]).max() <= 8


def test_a_large_turned_photo_reports_the_upright_size() -> None:
    photo = decode(with_orientation(gradient(4000, 1000), "JPEG", 6), CAP)
    assert (photo.width, photo.height) == (1000, 4000)
    assert photo.rgb.shape == (2000, 500, 3)


def test_a_line_of_pixels_stays_a_picture() -> None:
    assert decode(encoded(gradient(5000, 1), "PNG"), CAP).rgb.shape == (1, 2048, 3)
    assert decode(encoded(gradient(1, 1), "JPEG"), CAP).rgb.shape == (1, 1, 3)


def test_type_is_told_by_content() -> None:
    for data in (b"test\n", b"MZ" + bytes(100), b"<svg/>", b"%PDF-1.7", b"\0\0\1\0" + bytes(50)):
        with pytest.raises(UnsupportedImage):
            decode(data, CAP)
    with pytest.raises(EmptyFile):
        decode(b"", CAP)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_that_are_no_colors_are_refused(mode: str) -> None:
    with pytest.raises(UnsupportedImage):
        decode(encoded(Image.new(mode, (8, 8)), "TIFF"), CAP)


def test_the_cap_is_exact_and_judged_before_decoding() -> None:
    data = encoded(PICTURE, "PNG")
    assert decode(data, 64 * 48).width == 64
    with pytest.raises(ImageTooLarge) as caught:
        decode(data, 64 * 48 - 1)
    assert caught.value.details == {"width": 64, "height": 48, "max_pixels": 64 * 48 - 1}
    with pytest.raises(ImageTooLarge):
        decode(png_bomb(60_000, 60_000), CAP)
    with pytest.raises(ImageTooLarge):
        decode(png_bomb(11_000, 9_000), CAP)  # where Pillow would only warn


def test_pillow_is_left_as_it_was(tmp_path: Path) -> None:
    import PIL.ImageFile

    before = (Image.MAX_IMAGE_PIXELS, set(Image.OPEN), PIL.ImageFile.LOAD_TRUNCATED_IMAGES)
    decode(heic(PICTURE), CAP)
    decode(encoded(PICTURE, "JPEG"), CAP)
    after = (Image.MAX_IMAGE_PIXELS, set(Image.OPEN), PIL.ImageFile.LOAD_TRUNCATED_IMAGES)
    assert before == after
    assert PIL.ImageFile.LOAD_TRUNCATED_IMAGES is False
