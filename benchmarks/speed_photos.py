"""The photos of the speed benchmark, made of real ones: each shows one face."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

QUALITY = 90
SMALL, PORTRAIT, LARGE = "640x480", "910x1137", "4000x3000"


@dataclass(frozen=True, slots=True)
class TimedPhoto:
    """A JPEG file under the name that tables call it by."""

    name: str
    path: Path
    every: int = 1
    """Asked in one of so many rounds: the baseline takes seconds for a large one."""


def timed_photos(gallery: Path, folder: Path) -> list[TimedPhoto]:
    """A camera's small picture, a portrait as it is, and a telephone's photo of 12 megapixels."""
    group = gallery / "obama-480p.jpg"
    portrait = gallery / "single" / "obama.jpg"
    return [
        TimedPhoto(SMALL, resized(group, (640, 480), folder)),
        TimedPhoto(PORTRAIT, portrait),
        TimedPhoto(LARGE, resized(portrait, (4000, 3000), folder), every=3),
    ]


def mixed_photos(gallery: Path, folder: Path) -> list[Path]:
    """A round of requests of mixed sizes; one of them has 12 megapixels."""
    group, portrait = gallery / "obama-480p.jpg", gallery / "single" / "obama.jpg"
    sizes = [(320, 240), (480, 640), (640, 480), (800, 600), (960, 1280), (1280, 960), (1600, 1200)]
    small = [resized(group, size, folder) for size in sizes]
    tall = [resized(portrait, size, folder) for size in [(600, 800), (1500, 2000), (2400, 1800)]]
    once = [portrait, resized(portrait, (4000, 3000), folder)]
    return [*small, *tall, *small, *tall, *once]


def resized(photo: Path, size: tuple[int, int], folder: Path) -> Path:
    """The middle of `photo` in the aspect of `size`, scaled to it, as a JPEG in `folder`."""
    target = folder / f"{photo.stem}-{size[0]}x{size[1]}.jpg"
    if not target.exists():
        with Image.open(photo) as opened:
            picture = opened.convert("RGB")
        cropped = picture.crop(_middle(picture.size, size[0] / size[1]))
        cropped.resize(size, Image.Resampling.LANCZOS).save(target, "JPEG", quality=QUALITY)
    return target


def _middle(size: tuple[int, int], aspect: float) -> tuple[int, int, int, int]:
    """The largest box of this aspect: in the middle of a wide picture, at the top of a tall one."""
    width, height = size
    wide, high = min(width, round(height * aspect)), min(height, round(width / aspect))
    left = (width - wide) // 2
    return left, 0, left + wide, high
