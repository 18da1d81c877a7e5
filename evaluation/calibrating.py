"""What a calibration is made of: labelled comparisons, by whom, and a digest of all of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.errors import InvalidParameter
from core.rates import fmr_for
from core.types import EmbeddingSpec
from evaluation.calibration import Impostors, Proposal, for_fmr, for_fpir
from evaluation.comparisons import Comparisons, Ids, everybody, labelled, scores_of, similarities_of
from evaluation.datasets.dataset import Dataset
from evaluation.embedding import Embedding, OnProgress, Taken, Unusable
from evaluation.evaluate import Rows
from evaluation.metrics.curves import Floats
from evaluation.metrics.dependence import dependent_interval, design_effect_of_clusters
from evaluation.metrics.intervals import Interval, least_trials

_LEAST_FMR = 1e-15


class DataKind(StrEnum):
    """Where labelled faces come from."""

    FOLDER = "folder"
    PAIRS = "pairs"
    GALLERY = "gallery"


class TargetKind(StrEnum):
    """What a target is a share of: comparisons of two people, or searches for strangers."""

    FMR = "fmr"
    FPIR = "fpir"


def check_share(value: float) -> None:
    """Raises InvalidParameter for what can be no target."""
    if not 0 < value < 1:
        raise InvalidParameter("a target is a share between 0 and 1")


@dataclass(frozen=True, slots=True)
class Target:
    """The share of errors that is accepted; of searches among `gallery_size` faces for FPIR.

    Raises InvalidParameter where it is no share, or where nobody is there to be searched.
    """

    kind: TargetKind
    value: float
    gallery_size: int | None = None

    def __post_init__(self) -> None:
        check_share(self.value)
        if self.kind is TargetKind.FPIR and not self.gallery_size:
            raise InvalidParameter(
                "nobody is enrolled to be searched among; say for how many: --faces NUMBER"
            )
        if self.fmr < _LEAST_FMR:
            raise InvalidParameter("the target is too small for any data to show")

    @property
    def fmr(self) -> float:
        """The FMR that it comes to."""
        return fmr_for(self.value, self.gallery_size) if self.gallery_size else self.value


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Similarities by kind, of `people` people, who met in `couples` different twos.

    `whose` (n,) says of whom each genuine one is.
    """

    kind: DataKind
    sha256: str
    genuine: Floats
    whose: Ids
    impostors: Impostors
    people: int
    couples: int
    unusable: Sequence[Unusable] = ()

    def fnmr_interval(self, threshold: float) -> Interval:
        """Of the true FNMR, 95 %: all comparisons of one person's photos are worth one person."""
        errors = self.genuine < threshold
        effect = max(
            design_effect_of_clusters(errors, self.whose),
            self.genuine.size / max(1, len(np.unique(self.whose))),
        )
        return dependent_interval(int(np.sum(errors)), self.genuine.size, effect)


def of_dataset(
    kind: DataKind,
    dataset: Dataset,
    embedding: Embedding,
    taken: Taken = Taken.LARGEST,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> Compared:
    """Compare labelled photos by the one network of `embedding`.

    Raises ModelUnavailable, or InvalidParameter where there is nothing to compare.
    """
    ((embedder, analyzer),) = embedding.analyzers.items()
    found = embedding.of(dataset.pictures, taken, on_progress)
    faces = found.faces[embedder]
    if not faces:
        raise InvalidParameter("none of the photos is usable")
    names, vectors = list(faces), np.stack([matrix[0] for matrix in faces.values()])
    if dataset.pairs is not None:
        pairs = labelled(dataset.pairs, {name: row for row, name in enumerate(names)})
        known = dataset.people
        whose = _linked(pairs, len(names)) if known is None else _ids([known[n] for n in names])
        return _compared(kind, Rows(names, vectors, whose), pairs, analyzer.spec, found.unusable)
    people = _ids([dataset.pictures[name].person for name in names])
    rows = Rows(names, vectors, people)
    return _compared(kind, rows, everybody(people), analyzer.spec, found.unusable)


def of_gallery(rows: Rows, spec: EmbeddingSpec) -> Compared:
    """Compare the enrolled faces, everybody with everybody."""
    assert rows.people is not None
    return _compared(DataKind.GALLERY, rows, everybody(rows.people), spec, ())


def propose(found: Compared, target: Target) -> Proposal:
    """A threshold that the data shows to keep the target, with 95 % confidence.

    Raises InvalidParameter, in plain words, where there are too few people or comparisons.
    """
    needed = least_trials(target.fmr)
    if found.couples < needed:
        raise InvalidParameter(
            f"{_said(target)} cannot be shown with {found.people:,}"
            f" {'person, who makes' if found.people == 1 else 'people, who make'}"
            f" {found.couples:,} different couples: at least {needed:,} are needed, as of"
            f" {_people_for(needed):,} people. Take a higher target or more people",
            {"couples": found.couples, "needed": needed},
        )
    genuine = found.genuine if found.genuine.size else None
    if target.kind is TargetKind.FMR or target.gallery_size is None:
        return for_fmr(found.impostors, target.value, genuine)
    return for_fpir(found.impostors, target.value, target.gallery_size, genuine)


def _said(target: Target) -> str:
    if target.kind is TargetKind.FMR:
        return f"an FMR of {target.value:g}"
    return (
        f"an FPIR of {target.value:g} among {target.gallery_size:,} faces"
        f" (an FMR of {target.fmr:.3g})"
    )


def _people_for(couples: int) -> int:
    """So many make as many different couples."""
    return int(np.ceil((1 + np.sqrt(1 + 8 * couples)) / 2))


def _compared(
    kind: DataKind,
    rows: Rows,
    pairs: Comparisons,
    spec: EmbeddingSpec,
    unusable: Sequence[Unusable],
) -> Compared:
    assert rows.people is not None
    scores = scores_of(similarities_of(rows.vectors, pairs, spec.similarity), pairs)
    of_two = ~pairs.genuine
    people = np.stack([rows.people[pairs.first[of_two]], rows.people[pairs.second[of_two]]], axis=1)
    if np.any(people[:, 0] == people[:, 1]):
        raise InvalidParameter(
            "labels contradict each other: two photos are said to show one person and two"
        )
    return Compared(
        kind=kind,
        sha256=_digest(rows, pairs, spec),
        genuine=scores.genuine,
        whose=rows.people[pairs.first[pairs.genuine]],
        impostors=Impostors(scores.impostor, people),
        people=len(np.unique(rows.people)),
        couples=len(np.unique(np.sort(people, axis=1), axis=0)),
        unusable=unusable,
    )


def _digest(rows: Rows, pairs: Comparisons, spec: EmbeddingSpec) -> str:
    """Of the space, the embeddings and who was compared with whom: of no name and no path."""
    digest = hashlib.sha256(spec.digest.encode())
    for array in (rows.vectors, pairs.first, pairs.second, pairs.genuine):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _ids(people: Sequence[str | None]) -> Ids:
    return np.unique(np.asarray(people), return_inverse=True)[1].astype(np.int64)


def _linked(pairs: Comparisons, count: int) -> Ids:
    """Whose each photo is, as far as pairs of one person tell: others are people of their own."""
    whose = np.arange(count, dtype=np.int64)
    changed = True
    one, other = pairs.first[pairs.genuine], pairs.second[pairs.genuine]
    while changed:
        least = np.minimum(whose[one], whose[other])
        before = whose.copy()
        np.minimum.at(whose, one, least)
        np.minimum.at(whose, other, least)
        changed = bool(np.any(before != whose))
    return whose
