"""Which faces have which issue, and what a fault costs: `python -m benchmarks.quality`.

On the photos of SHARED_DIR: as they are, and spoiled on purpose, each then compared with itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.photos import Faces, photos, prepared, shared_dir
from core.settings import Settings
from core.types import Face
from core.vectors import similarity_of
from pipeline.builder import build_embedder
from pipeline.embedders.embedder import Embedder
from pipeline.images.decode import Photo, Pixels
from pipeline.models.registry import find
from pipeline.quality import Quality, seen

NETWORKS = ("dlib", "mobilefacenet")
FOLDERS = ("pairs", "gallery", "detection", "spoof")
_EVERY = 3
Spoil = Callable[[Pixels, float], Pixels]
"""Spoils pixels, given the face's width in them."""


def blurred(part: float) -> Spoil:
    return lambda rgb, width: np.asarray(cv2.GaussianBlur(rgb, (0, 0), part * width), np.uint8)


def brighter(factor: float) -> Spoil:
    return lambda rgb, _: np.clip(rgb * np.float32(factor), 0, 255).astype(np.uint8)


def hazy(factor: float) -> Spoil:
    return lambda rgb, _: (128 + (rgb.astype(np.float32) - 128) * factor).astype(np.uint8)


def faults() -> Iterator[tuple[str, Spoil]]:
    yield from ((f"blur {part}", blurred(part)) for part in (0.01, 0.02, 0.03, 0.04, 0.06, 0.1))
    yield from ((f"dark {f}", brighter(f)) for f in (0.5, 0.35, 0.25, 0.1, 0.05))
    yield from ((f"bright {f}", brighter(f)) for f in (1.5, 2, 3, 5))
    yield from ((f"haze {f}", hazy(f)) for f in (0.5, 0.3, 0.2, 0.1, 0.05))


def quality_of(photo: Photo, face: Face) -> Quality:
    """Of a face in the photo's working pixels."""
    return seen(photo, face.scaled(1 / photo.scale)).quality


def count(faces: Faces, named: Sequence[Path], alone: bool) -> Counter[str]:
    """Issues of the faces that are alone in their photo, or of the others."""
    found: Counter[str] = Counter()
    for path in named:
        photo, usable = faces.usable(path)
        if (len(usable) == 1) is not alone:
            continue
        for face in usable:
            quality = quality_of(photo, face)
            found.update(["faces", *([] if quality.issues else ["without issue"])])
            found.update([*map(str, quality.issues), *(["hopeless"] if quality.hopeless else [])])
    return found


def cost(
    portraits: Sequence[tuple[Photo, Face]], spoil: Spoil, networks: Sequence[Embedder]
) -> tuple[Counter[str], list[float]]:
    """Issues of spoiled portraits, and which part of them each network still recognizes."""
    found: Counter[str] = Counter()
    recognized = np.zeros(len(networks))
    for photo, face in portraits:
        rgb = np.ascontiguousarray(spoil(photo.rgb, face.box.width))
        quality = quality_of(Photo(rgb, photo.scale, photo.width, photo.height), face)
        found.update([*map(str, quality.issues), *(["hopeless"] if quality.hopeless else [])])
        for at, network in enumerate(networks):
            known, spoiled = (network.embed(pixels, [face])[0] for pixels in (photo.rgb, rgb))
            score = similarity_of(known, spoiled, network.spec.similarity)
            recognized[at] += score >= network.default_threshold
    return found, (recognized / len(portraits)).tolist()


def main() -> None:
    shared = shared_dir()
    settings: Settings = prepared(shared, NETWORKS)
    faces = Faces(settings)
    for folder in FOLDERS:
        named = list(photos(shared / "faces" / folder).values())
        for alone in (True, False):
            title = f"{folder}, {'one face' if alone else 'several faces'}"
            print(f"{title:<26}{dict(count(faces, named, alone))}")
    named = [path for part in FOLDERS[:2] for path in photos(shared / "faces" / part).values()]
    single = [(photo, own[0]) for photo, own in map(faces.usable, named) if len(own) == 1]
    networks = [build_embedder(find(name, settings), settings) for name in NETWORKS]
    portraits = single[::_EVERY]
    print(f"\n{len(portraits)} portraits, spoiled; recognized by {' and '.join(NETWORKS)}")
    for name, spoil in faults():
        found, recognized = cost(portraits, spoil, networks)
        print(f"{name:<12}{' '.join(f'{part:.2f}' for part in recognized)}  {dict(found)}")


if __name__ == "__main__":
    main()
