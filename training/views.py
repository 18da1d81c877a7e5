"""A photo's views as embeddings of a frozen network, computed once and kept; or as crops."""

import hashlib
from dataclasses import dataclass

import numpy as np

from core.errors import ModelError
from core.types import Face, Matrix
from evaluation.cache import Cache
from pipeline.embedders.embedder import Embedder, unit_rows
from pipeline.images.decode import Photo, Pixels
from pipeline.models.network_input import OnnxInput, crop
from training.augmentation import LEVELS, VERSION, Level, View, views
from training.looking import Maker, Views

_SEED_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network of the registry as it stands; its embeddings of views are kept in `cache`."""

    embedder: Embedder
    level: Level
    cache: Cache | None = None

    def maker(self) -> Maker:
        return Maker(self._make, self._kept)

    def _make(self, photo: Photo, face: Face, sha256: str) -> Matrix:
        found = [
            self.embedder.embed(view.rgb, [view.face])[0]
            for view in views(photo.rgb, face, self.level, seed_of(sha256))
        ]
        for number, row in enumerate(found):
            if self.cache is not None:
                self.cache.write(self.embedder.spec, _key(sha256, self.level, number), row[None])
        return unit_rows(np.stack(found))

    def _kept(self, sha256: str) -> Matrix | None:
        if self.cache is None:
            return None
        keys = [_key(sha256, self.level, at) for at in range(LEVELS[self.level].views)]
        rows = [self.cache.read(self.embedder.spec, key) for key in keys]
        whole = [row for row in rows if row is not None and len(row) == 1]
        return unit_rows(np.concatenate(whole)) if len(whole) == len(keys) else None


@dataclass(frozen=True, slots=True)
class Crops:
    """Views cut out as a network's input says, (views, side, side, 3) of uint8."""

    pixels: OnnxInput
    level: Level

    def maker(self) -> Maker:
        return Maker(self._make)

    def _make(self, photo: Photo, face: Face, sha256: str) -> Views:
        found = views(photo.rgb, face, self.level, seed_of(sha256))
        return np.stack([self._crop(view) for view in found])

    def _crop(self, view: View) -> Pixels:
        try:
            return crop(view.rgb, view.face, self.pixels)
        except (ArithmeticError, ValueError) as error:
            raise ModelError("the face cannot be cut out") from error


def seed_of(sha256: str) -> int:
    """A photo's own seed: its views do not depend on which photos come before it."""
    return int(sha256[:_SEED_DIGITS], 16)


def _key(sha256: str, level: Level, number: int) -> str:
    """The photo as it is is the same at every level."""
    of = "as-it-is" if number == 0 else f"{level}-{number}-{VERSION}"
    return hashlib.sha256(f"{sha256}/{of}".encode()).hexdigest()
