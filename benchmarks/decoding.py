"""How long a JPEG takes to become upright RGB: `python -m benchmarks.decoding`.

Every candidate decodes the same bytes in turn, so that a busy machine is busy for all of them.
Only Kenal's own judges the file; the others show what its parts could cost at best.
"""

import argparse
import io
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, JpegImagePlugin

from benchmarks.photos import shared_dir
from pipeline.images.decode import WORKING_LONG_SIDE_PX, decode
from pipeline.images.jpeg_pixels import LEAST_LONG_SIDE_PX
from pipeline.images.reduce import reduced_pixels
from pipeline.images.upright import upright

_MAX_PIXELS = 64_000_000
_ORIENTATION = 274
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}

Pixels = npt.NDArray[np.uint8]
Decoder = Callable[[bytes], Pixels]


def kenal(data: bytes) -> Pixels:
    """The header judged, libjpeg-turbo at eighths, turned."""
    return decode(data, _MAX_PIXELS).rgb


def pillow(least: int) -> Decoder:
    """Pillow alone, at 1/2, 1/4 or 1/8 where that leaves `least` pixels."""

    def decoded(data: bytes) -> Pixels:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        part = _whole_part(max(image.size), least)
        image.draft("RGB", (image.width // part, image.height // part))
        small = image.convert("RGB")
        factor = WORKING_LONG_SIDE_PX / max(small.size)
        if factor < 1:
            size = (round(small.width * factor), round(small.height * factor))
            small = small.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)
        small.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
        return np.asarray(ImageOps.exif_transpose(small))

    return decoded


def opencv(data: bytes) -> Pixels:
    """OpenCV alone, at 1/2, 1/4 or 1/8, which says nothing of damaged files."""
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))  # reads the header only
    part = _whole_part(max(image.size), LEAST_LONG_SIDE_PX)
    flags = _REDUCED[part] | cv2.IMREAD_IGNORE_ORIENTATION
    found = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    assert found is not None
    rgb = cv2.cvtColor(found, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    factor = min(1.0, WORKING_LONG_SIDE_PX / max(rgb.shape))
    small = reduced_pixels(rgb, (round(rgb.shape[1] * factor), round(rgb.shape[0] * factor)))
    return upright(small, image.getexif().get(_ORIENTATION, 1))


def _whole_part(long_side: int, least: int) -> int:
    """1, 2, 4 or 8: the largest that leaves `least` pixels."""
    return max((part for part in _REDUCED if long_side >= part * least), default=1)


CANDIDATES: Mapping[str, Decoder] = {
    "Pillow, at least 2048 px": pillow(WORKING_LONG_SIDE_PX),
    "Pillow, at least 1600 px": pillow(LEAST_LONG_SIDE_PX),
    "OpenCV": opencv,
    "Kenal": kenal,
}


def made_photos(portrait: Path) -> dict[str, bytes]:
    """The portrait as it is, and telephones' photos made of it: larger, with mild noise."""
    with Image.open(portrait) as opened:
        picture = opened.convert("RGB")
    twelve = _noisy(picture, 4000, 3000)
    return {
        "640x480": _saved(picture.crop((0, 0, 908, 681)).resize((640, 480))),
        f"{picture.width}x{picture.height}": portrait.read_bytes(),
        "3000x2250": _saved(_noisy(picture, 3000, 2250)),
        "4000x3000": _saved(twelve),
        "4000x3000 turned": _saved(twelve, orientation=6),
        "4000x3000 progressive": _saved(twelve, progressive=True),
        "5712x4284": _saved(_noisy(picture, 5712, 4284)),
    }


def _noisy(picture: Image.Image, width: int, height: int) -> Image.Image:
    landscape = picture.crop((0, 0, picture.width, picture.width * height // width))
    pixels = np.asarray(landscape.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(1).normal(0, 3, pixels.shape).astype(np.int16)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


def _saved(picture: Image.Image, orientation: int = 1, progressive: bool = False) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, exif=exif, progressive=progressive)
    return out.getvalue()


def medians(decoders: Sequence[Decoder], data: bytes, rounds: int) -> list[float]:
    """Median milliseconds of each decoder, the rounds interleaved."""
    works = [partial(decoder, data) for decoder in decoders]
    taken = np.array([[_milliseconds(work) for work in works] for _ in range(rounds)])
    return [float(value) for value in np.median(taken, axis=0)]


def two_at_once(decoder: Decoder, data: bytes, rounds: int) -> float:
    """The shortest time of two threads as a multiple of one's; 2 would be one after the other."""
    one, both = [], []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            # Four each: to wake a thread takes as long as to decode a small photo.
            one.append(_milliseconds(lambda: [decoder(data) for _ in range(4)]))
            both.append(_milliseconds(lambda: list(pool.map(decoder, [data] * 8))))
    return min(both) / min(one)


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds: int = parser.parse_args().rounds
    cv2.setNumThreads(1)
    found = made_photos(shared_dir() / "faces" / "gallery" / "single" / "obama.jpg")
    print(f"| median ms (ratio to the first) | {' | '.join(CANDIDATES)} | Kenal, two at once |")
    print(f"| --- |{' ---: |' * (len(CANDIDATES) + 1)}")
    for name, data in found.items():
        times = medians(list(CANDIDATES.values()), data, rounds)
        cells = [f"{value:.1f} ({value / times[0]:.2f})" for value in times]
        both = two_at_once(kenal, data, rounds)
        print(f"| {name} | {' | '.join(cells)} | {both:.2f} |", flush=True)


if __name__ == "__main__":
    main()
