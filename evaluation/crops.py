"""Faces cut out of photos and saved, a folder for each person as the photos had."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from core.errors import EmptyFile, FaceTooSmall, FileError, NoFace, PhotoError, TooLarge
from core.files import read_regular, write_atomic
from core.types import Box, Face
from evaluation.datasets.dataset import Picture
from evaluation.embedding import Limits, OnProgress, Unusable
from pipeline.detection.detector import Detector
from pipeline.embedders.align import margin_crop
from pipeline.images.decode import Photo, Pixels, decode


@dataclass(frozen=True, slots=True)
class CropTerms:
    """`min_face_px` of the upright photo; `margin` on each side, as a part of the face's square;
    `size_px` of the saved picture's sides.
    """

    min_face_px: float = 40
    margin: float = 0.2
    size_px: int = 160


@dataclass(frozen=True, slots=True)
class Cropped:
    saved: int
    unusable: list[Unusable]


def crop_all(
    pictures: Mapping[str, Picture],
    target: Path,
    detector: Detector,
    limits: Limits,
    terms: CropTerms,
    *,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> Cropped:
    """Save each picture's largest face as `<target>/<person>/<photo>.png`, the photo's whole name.

    Raises StorageFull.
    """
    unusable: list[Unusable] = []
    saved = 0
    for done, (name, picture) in enumerate(pictures.items(), 1):
        try:
            data = _cropped(picture, detector, limits, terms)
        except (PhotoError, FileError, EmptyFile, TooLarge) as error:
            unusable.append(Unusable(name, error.code, error.message))
        else:
            # With its whole name: `a.jpg` and `a.png` are two photos.
            path = target / picture.path.parent.name / f"{picture.path.name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
            saved += 1
        on_progress("photos", done, len(pictures))
    return Cropped(saved, unusable)


def square_crop(photo: Photo, face: Face, margin: float, size_px: int) -> Pixels:
    """The face, given in working pixels, in a square; what lies outside the photo is black."""
    (x, y), side = face.box.center, max(face.box.width, face.box.height)
    square = Box(x - side / 2, y - side / 2, side, side)
    return margin_crop(photo.rgb, square, margin, size_px)


def largest_face(detector: Detector, photo: Photo, least_px: float) -> Face:
    """In working pixels; raises NoFace or FaceTooSmall."""
    found = detector.detect(photo.rgb, least_px * photo.scale)
    if not found:
        raise NoFace("no face was found in the photo")
    largest = max(found, key=lambda face: face.box.area)
    if largest.box.width < least_px * photo.scale:
        raise FaceTooSmall("the face in the photo is too small")
    return largest


def png(rgb: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    return stream.getvalue()


def _cropped(picture: Picture, detector: Detector, limits: Limits, terms: CropTerms) -> bytes:
    data, _ = read_regular(picture.path, limits.max_bytes)
    photo = decode(data, limits.max_pixels)
    face = largest_face(detector, photo, terms.min_face_px)
    return png(square_crop(photo, face, terms.margin, terms.size_px))
