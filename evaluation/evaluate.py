"""A dataset, or the gallery, and some embedders: everything that is measured, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InvalidParameter
from core.types import EmbeddingSpec, Matrix, Similarity
from evaluation.comparisons import Ids, everybody, labelled, similarities_of
from evaluation.datasets.dataset import Dataset, Picture
from evaluation.embedding import Embedding, OnProgress, Taken, Unusable
from evaluation.identifying import Identification, identification
from evaluation.speed import Speed, speeds
from evaluation.verification import Verification, verification
from pipeline.decision import Rule


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was measured of one embedder; None where the data has nothing for it."""

    embedder: str
    space: str
    rule: Rule
    verification: Verification
    identification: Identification | None
    speed: Speed | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Embedders on the same photos. `names` are those of the usable ones, row by row.

    `pictures` are their files, where there are any; `people` is None where only pairs are
    labelled.
    """

    title: str
    names: Sequence[str]
    pictures: Mapping[str, Picture]
    people: int | None
    unusable: Sequence[Unusable]
    results: Sequence[Result]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Embeddings one a row, their names, and whose they are where that is known."""

    names: Sequence[str]
    vectors: Matrix
    people: Ids | None


def evaluate(
    title: str,
    dataset: Dataset,
    embedding: Embedding,
    rules: Mapping[str, Rule],
    *,
    taken: Taken = Taken.LARGEST,
    on_progress: OnProgress = lambda _stage, _done, _total: None,
) -> Evaluation:
    """Measure every embedder on the dataset, each by its rule.

    Raises ModelUnavailable, or InvalidParameter where no photo is usable.
    """
    found = embedding.of(dataset.pictures, taken, on_progress)
    names = list(next(iter(found.faces.values())))
    if not names:
        raise InvalidParameter("none of the photos is usable")
    pictures = {name: dataset.pictures[name] for name in names}
    speed = speeds(embedding.analyzers, list(pictures.values()), embedding.limits)
    whose = _people(pictures)
    results = []
    for done, (embedder, analyzer) in enumerate(embedding.analyzers.items(), 1):
        vectors = np.stack([found.faces[embedder][name][0] for name in names])
        rows = Rows(names, vectors, whose)
        spec = analyzer.spec
        judged = _judged(rows, dataset, spec.similarity, rules[embedder])
        results.append(Result(embedder, spec.digest, rules[embedder], *judged, speed.get(embedder)))
        on_progress("comparing", done, len(embedding.analyzers))
    people = None if whose is None else len(np.unique(whose))
    return Evaluation(title, names, pictures, people, found.unusable, results)


def evaluate_rows(title: str, rows: Rows, spec: EmbeddingSpec, rule: Rule) -> Evaluation:
    """Measure what is embedded already, everybody with everybody."""
    judged = _judged(rows, None, spec.similarity, rule)
    people = None if rows.people is None else len(np.unique(rows.people))
    result = Result(spec.embedder, spec.digest, rule, *judged, None)
    return Evaluation(title, rows.names, {}, people, [], [result])


def _judged(
    rows: Rows, dataset: Dataset | None, similarity: Similarity, rule: Rule
) -> tuple[Verification, Identification | None]:
    if dataset is not None and dataset.pairs is not None:
        found = labelled(dataset.pairs, {name: row for row, name in enumerate(rows.names)})
    else:
        assert rows.people is not None
        found = everybody(rows.people)
    scores = similarities_of(rows.vectors, found, similarity)
    searched = None
    if rows.people is not None:
        searched = identification(rows.vectors, rows.people, similarity, rule)
    return verification(found, scores, rule.threshold), searched


def _people(pictures: Mapping[str, Picture]) -> Ids | None:
    people = [picture.person for picture in pictures.values()]
    if any(person is None for person in people):
        return None
    _, whose = np.unique(np.asarray(people), return_inverse=True)
    return whose.astype(np.int64)
