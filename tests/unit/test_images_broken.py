"""Files that were cut, damaged or made to hurt: refused with a code, in little time and memory."""

import io
import random
import struct
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageCorrupt, ImageTooLarge, PhotoError
from pipeline.images.decode import decode
from tests.images_made import encoded, gradient, with_orientation

CAP = 64_000_000
NOISE = Image.fromarray(
    np.random.default_rng(5).integers(0, 256, (120, 160, 3), dtype=np.uint8), "RGB"
)


def heic() -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(NOISE).save(out, quality=90)
    return out.getvalue()


WHOLE = {
    "jpeg": encoded(NOISE, "JPEG"),
    "jpeg-progressive": encoded(NOISE, "JPEG", progressive=True),
    "jpeg-restarts": encoded(NOISE, "JPEG", restart_marker_blocks=4),
    "jpeg-large": encoded(gradient(5000, 2500), "JPEG"),
    "jpeg-large-progressive": encoded(gradient(5000, 2500), "JPEG", progressive=True),
    "png": encoded(NOISE, "PNG"),
    "webp": encoded(NOISE, "WEBP"),
    "webp-lossless": encoded(NOISE, "WEBP", lossless=True),
    "gif": encoded(NOISE.quantize(256), "GIF"),
    "bmp": encoded(NOISE, "BMP"),
    "bmp-8bit": encoded(NOISE.quantize(256), "BMP"),
    "tiff": encoded(NOISE, "TIFF"),
    "tiff-lzw": encoded(NOISE, "TIFF", compression="tiff_lzw"),
    "heic": heic(),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_cut_anywhere_is_refused(name: str) -> None:
    data = WHOLE[name]
    assert decode(data, CAP).rgb.size > 0
    rng = random.Random(1)
    cuts = {1, 2, 3, len(data) - 1, len(data) - 2, len(data) - 3, len(data) // 2}
    cuts |= {rng.randrange(4, len(data)) for _ in range(25)}
    for cut in sorted(cuts):
        with pytest.raises(PhotoError):
            decode(data[:cut], CAP)
        if cut > 64:
            with pytest.raises(ImageCorrupt):
                decode(data[:cut], CAP)


def test_a_preallocated_file_is_refused() -> None:
    # A transfer that reserved the whole length and broke: the rest is zeros.
    data = WHOLE["jpeg"]
    with pytest.raises(ImageCorrupt):
        decode(data[: len(data) // 2] + bytes(len(data) - len(data) // 2), CAP)


def test_a_wrong_checksum_is_refused() -> None:
    data = bytearray(WHOLE["png"])
    data[len(data) // 2] ^= 1
    with pytest.raises(ImageCorrupt):
        decode(bytes(data), CAP)


def test_what_follows_the_picture_changes_nothing() -> None:
    for name in ("jpeg", "png", "gif", "webp"):
        data = WHOLE[name]
        polyglot = data + b"PK\x03\x04<script>alert(1)</script>" + bytes(100)
        assert (decode(polyglot, CAP).rgb == decode(data, CAP).rgb).all()


@pytest.mark.parametrize("exif", [b"", b"II", b"MM\0*\xff\xff\xff\xff", b"garbage" * 9000])
def test_broken_exif_is_ignored(exif: bytes) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        data = encoded(gradient(), kind, exif=b"Exif\0\0" + exif)
        assert decode(data, CAP).width == 64


def test_an_orientation_that_is_none_is_ignored() -> None:
    assert decode(with_orientation(gradient(), "JPEG", 9), CAP).width == 64
    assert decode(with_orientation(gradient(), "JPEG", 0), CAP).width == 64


def test_thousands_of_scans_are_refused_at_once() -> None:
    data = WHOLE["jpeg-progressive"]
    last = data.rindex(b"\xff\xda")
    many = data[:-2] + data[last:-2] * 5000 + b"\xff\xd9"
    started = time.perf_counter()
    with pytest.raises(ImageCorrupt):
        decode(many, CAP)
    assert time.perf_counter() - started < 1


def test_a_gif_frame_larger_than_its_screen_counts() -> None:
    data = bytearray(encoded(Image.new("P", (4, 4)), "GIF"))
    at = data.index(b"\x2c", 13)
    data[at + 5 : at + 9] = struct.pack("<HH", 65535, 65535)
    with pytest.raises(ImageTooLarge):
        decode(bytes(data), CAP)


def test_a_tiff_that_counts_billions_of_strips() -> None:
    data = bytearray(WHOLE["tiff"])
    start = struct.unpack_from("<I", data, 4)[0]
    for i in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * i
        if struct.unpack_from("<H", data, at)[0] == 273:
            struct.pack_into("<I", data, at + 4, 4_000_000_000)
    with pytest.raises(ImageCorrupt):
        decode(bytes(data), CAP)


@pytest.mark.parametrize("name", [name for name in WHOLE if "large" not in name])
def test_damaged_files_give_a_picture_or_a_code(name: str) -> None:
    rng = random.Random(2)
    for _ in range(60):
        data = bytearray(WHOLE[name])
        for _ in range(rng.choice([1, 3, 20])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                photo = decode(bytes(data), 4_000_000)
            except PhotoError:
                continue
        assert photo.rgb.shape[2] == 3
