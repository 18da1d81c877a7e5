"""Every photo of the people looked at once; what is made of its largest face is kept row by row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from core.errors import (
    EmptyFile,
    FileError,
    InvalidParameter,
    ModelError,
    PhotoError,
    TooLarge,
)
from core.files import read_regular, sha256_bytes
from core.types import Face
from evaluation.crops import largest_face
from evaluation.datasets.dataset import Picture
from evaluation.embedding import Limits, OnProgress, Unusable
from pipeline.analyzer import LeastFace
from pipeline.detection.detector import Detector
from pipeline.images.decode import Photo, decode

Ids = npt.NDArray[np.int64]
Views = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
"""What is made of one photo, a row for each view of it."""


_Found = tuple[str, str, Views]
"""A usable photo's SHA-256, its person, and what was made of it."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What is made of a face, and what of it was kept from a run before."""

    make: Callable[[Photo, Face, str], Views]
    """Of the photo, its face in working pixels, and the file's SHA-256."""
    kept: Callable[[str], Views | None] = lambda _sha256: None


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Usable photos of people. `rows` (n, views, ...), `people` (n,) as places in `names`.

    `photos` and `sha256s` (n) are the photos' names and their files' hashes.
    """

    rows: Views
    people: Ids
    names: Sequence[str]
    photos: Sequence[str]
    sha256s: Sequence[str]
    left_out: Sequence[Unusable]


@dataclass(frozen=True, slots=True)
class Looking:
    """Who finds faces, and in what; `least_face` as the service has it."""

    detector: Detector
    limits: Limits
    least_face: LeastFace

    def at(
        self,
        pictures: Mapping[str, Picture],
        maker: Maker,
        least_photos: int = 2,
        on_progress: OnProgress = lambda _stage, _done, _total: None,
    ) -> Samples:
        """What `maker` makes of all photos of people who have `least_photos` usable ones.

        A file that is there twice counts once, and not at all under two people. Raises
        InvalidParameter where fewer than two people are left.
        """
        found, left_out = self._each(pictures, maker, on_progress)
        twice = _twice(found)
        few = _few(_without(found, twice), least_photos)
        return _samples(_without(found, [*twice, *few]), [*left_out, *twice, *few])

    def some(self, pictures: Mapping[str, Picture], maker: Maker) -> list[Views]:
        """What `maker` makes of each of these photos that is usable, whoever they show."""
        found, _ = self._each(pictures, maker, lambda _stage, _done, _total: None)
        return [rows for _, _, rows in found.values()]

    def _each(
        self, pictures: Mapping[str, Picture], maker: Maker, on_progress: OnProgress
    ) -> tuple[dict[str, _Found], list[Unusable]]:
        found: dict[str, _Found] = {}
        left_out: list[Unusable] = []
        for done, (name, picture) in enumerate(pictures.items(), 1):
            try:
                sha256, rows = self._made(picture, maker)
            except (PhotoError, FileError, EmptyFile, TooLarge, ModelError) as error:
                left_out.append(Unusable(name, error.code, error.message))
            else:
                found[name] = (sha256, picture.person or "", rows)
            on_progress("photos", done, len(pictures))
        return found, left_out

    def _made(self, picture: Picture, maker: Maker) -> tuple[str, Views]:
        data, _ = read_regular(picture.path, self.limits.max_bytes)
        sha256 = sha256_bytes(data)
        kept = maker.kept(sha256)
        if kept is not None:
            return sha256, kept
        photo = decode(data, self.limits.max_pixels)
        face = largest_face(self.detector, photo, self.least_face.of(photo))
        return sha256, maker.make(photo, face, sha256)


def _without(found: Mapping[str, _Found], dropped: Sequence[Unusable]) -> dict[str, _Found]:
    names = {one.name for one in dropped}
    return {name: value for name, value in found.items() if name not in names}


def _twice(found: Mapping[str, _Found]) -> list[Unusable]:
    """Copies of a photo under one person but the first, all of one under several people."""
    owners: dict[str, set[str]] = {}
    for sha256, person, _ in found.values():
        owners.setdefault(sha256, set()).add(person)
    seen: set[str] = set()
    dropped = []
    for name, (sha256, _, _) in found.items():
        if len(owners[sha256]) > 1:
            dropped.append(Unusable(name, "two_people", "the same photo is there of two people"))
        elif sha256 in seen:
            dropped.append(Unusable(name, "copy", "the same photo is there twice"))
        seen.add(sha256)
    return dropped


def _few(found: Mapping[str, _Found], least: int) -> list[Unusable]:
    counts: dict[str, int] = {}
    for _, person, _ in found.values():
        counts[person] = counts.get(person, 0) + 1
    return [
        Unusable(name, "too_few", f"fewer than {least} usable photos of this person")
        for name, (_, person, _) in found.items()
        if counts[person] < least
    ]


def _samples(found: Mapping[str, _Found], left_out: Sequence[Unusable]) -> Samples:
    names = sorted({person for _, person, _ in found.values()})
    if len(names) < 2:
        raise InvalidParameter(
            "at least two people with two usable photos each are needed",
            {"people": len(names), "left_out": len(left_out)},
        )
    places = {name: place for place, name in enumerate(names)}
    return Samples(
        cast("Views", np.stack([made for _, _, made in found.values()])),
        np.asarray([places[person] for _, person, _ in found.values()], np.int64),
        names,
        list(found),
        [sha256 for sha256, _, _ in found.values()],
        left_out,
    )
