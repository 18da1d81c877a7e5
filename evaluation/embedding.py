"""Every photo of a dataset looked at once, and embedded by each network that is compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import (
    EmptyFile,
    FileError,
    ModelError,
    MultipleFaces,
    PhotoError,
    TooLarge,
)
from core.files import read_regular, sha256_bytes
from core.types import Matrix
from evaluation.cache import Cache
from evaluation.datasets.dataset import Picture
from pipeline.analyzer import Analyzer, nothing_usable
from pipeline.images.decode import Photo, decode

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class Taken(StrEnum):
    """Which face of a photo is compared: the largest, or the only one and no photo of several."""

    LARGEST = "largest"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Limits:
    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """A photo that no network is measured on, and why."""

    name: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """By embedder and picture, its usable faces (n, d), largest first; n is at least 1.

    Every embedder has the same pictures: they are compared on nothing else.
    """

    faces: Mapping[str, Mapping[str, Matrix]]
    unusable: Sequence[Unusable]


class Embedding:
    """Looks at photos for some embedders at once: each is read, decoded and searched once."""

    def __init__(
        self, analyzers: Mapping[str, Analyzer], limits: Limits, cache: Cache | None = None
    ) -> None:
        self.analyzers, self.limits = analyzers, limits
        self._cache = cache
        self._finder = next(iter(analyzers.values()))

    def of(
        self,
        pictures: Mapping[str, Picture],
        taken: Taken = Taken.LARGEST,
        on_progress: OnProgress = lambda _stage, _done, _total: None,
    ) -> Embedded:
        """The faces of all pictures; raises ModelUnavailable."""
        faces: dict[str, dict[str, Matrix]] = {name: {} for name in self.analyzers}
        unusable = []
        for done, (name, picture) in enumerate(pictures.items(), 1):
            try:
                found = self._looked_at(picture)
                _check(found, taken)
            except (PhotoError, FileError, EmptyFile, TooLarge, ModelError) as error:
                unusable.append(Unusable(name, error.code, error.message))
            else:
                for embedder, matrix in found.items():
                    faces[embedder][name] = matrix
            on_progress("photos", done, len(pictures))
        return Embedded(faces, unusable)

    def _looked_at(self, picture: Picture) -> dict[str, Matrix]:
        data, _ = read_regular(picture.path, self.limits.max_bytes)
        sha256 = sha256_bytes(data)
        found = self._kept(sha256)
        missing = [name for name in self.analyzers if name not in found]
        if missing:
            made = self._made(decode(data, self.limits.max_pixels), missing)
            self._keep(sha256, made)
            found |= made
        return found

    def _made(self, photo: Photo, embedders: Sequence[str]) -> dict[str, Matrix]:
        """The faces of a photo by each of these; raises NoFace and FaceTooSmall."""
        detection = self._finder.detect(photo)
        if not detection.usable:
            raise nothing_usable(detection)
        return {name: self.analyzers[name].embed(photo, detection.usable) for name in embedders}

    def _kept(self, sha256: str) -> dict[str, Matrix]:
        if self._cache is None:
            return {}
        read = {name: self._cache.read(one.spec, sha256) for name, one in self.analyzers.items()}
        return {name: matrix for name, matrix in read.items() if matrix is not None}

    def _keep(self, sha256: str, made: Mapping[str, Matrix]) -> None:
        if self._cache is not None:
            for name, matrix in made.items():
                self._cache.write(self.analyzers[name].spec, sha256, matrix)


def _check(found: Mapping[str, Matrix], taken: Taken) -> None:
    if taken is Taken.ONLY and any(len(matrix) > 1 for matrix in found.values()):
        raise MultipleFaces("the photo shows more than one face")


def refusals(unusable: Sequence[Unusable]) -> dict[str, int]:
    """How many photos each code refuses, most first."""
    codes = [one.code for one in unusable]
    return dict(sorted({code: codes.count(code) for code in codes}.items(), key=lambda i: -i[1]))
