"""What a classification found, as a table, as JSON, and as the model that is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

import numpy as np

from core.types import EmbeddingSpec, Matrix
from training.augmentation import Level
from training.baselines import centroids
from training.classifying import HEAD, Classified
from training.figures import class_report, confusion, mixed_up
from training.near_copies import near_copies
from training.rejecting import Rejection
from training.saved import Record
from training.written import counted, dataset_digest, now, percent, said, table, versions


def results(found: Classified, spec: EmbeddingSpec, level: Level) -> dict[str, object]:
    """Everything as JSON values; photos by their names, no embedding."""
    samples, people = found.samples, found.samples.people
    matrix = confusion(people, found.named[HEAD], len(samples.names))
    return {
        "trained_at": now(),
        "versions": versions(),
        "embedder": spec.embedder,
        "space": spec.digest,
        "augmentation": level.value,
        "terms": asdict(found.terms),
        "dataset_sha256": digest(found),
        "people": list(samples.names),
        "photos": len(people),
        "left_out": [asdict(one) for one in samples.left_out],
        "near_copies": _near_copies(found),
        "methods": {name: _method(found, name) for name in found.named},
        "folds": [
            {
                "held_out": len(fold.held_out),
                "accuracy": fold.accuracy(people),
                "loss": fold.loss,
                "epochs": fold.trained.epochs,
                "curves": fold.trained.curves,
            }
            for fold in found.folds
        ],
        "best_fold": found.best + 1,
        "rejection": {sign: _rejected(one) for sign, one in found.rejections.items()},
        "by_person": [asdict(one) for one in class_report(matrix, samples.names)],
        "confusion": matrix.tolist(),
        "mixed_up": [list(one) for one in mixed_up(matrix, samples.names)],
    }


def lines(found: Classified) -> Iterator[str]:
    """The same in words, as far as one reads it on a terminal."""
    samples = found.samples
    yield f"{len(samples.people)} photos of {len(samples.names)} people, {len(found.folds)} parts"
    yield ""
    rows = []
    for name in found.named:
        parts = _accuracies(found, name)
        shown = "trained head" if name == HEAD else name
        rows.append([shown, percent(parts.mean()), percent(parts.std()), said(found.errors(name))])
    yield from table(["method", "accuracy", "± of parts", "wrong names, nobody refused"], rows)
    yield ""
    head = ["refused by", "threshold", "strangers named", "known: wrong name", "known: no name"]
    yield from table(head, [_refusal(sign, one) for sign, one in found.rejections.items()])
    used = found.rejections[found.terms.sign]
    if not used.is_shown:
        yield (
            f"{used.strangers_named.trials} photos of strangers are too few to say that at most"
            f" {percent(used.target)} get a name: more photos, or a higher --strangers"
        )
    if copies := len(_near_copies(found)):
        yield (
            f"{copies} pairs of photos are all but the same picture (results.json names them): one"
            " trained on and one held out make every method look too good"
        )
    wrong = mixed_up(
        confusion(samples.people, found.named[HEAD], len(samples.names)), samples.names
    )
    for person, name, count in wrong:
        yield f"{person} was named {name} {count} times"


def record(found: Classified, spec: EmbeddingSpec, level: Level) -> Record:
    """What is kept beside the best part's head."""
    used = found.rejections[found.terms.sign]
    return Record(
        embedder=spec.embedder,
        space=spec.digest,
        dimensions=spec.dimensions,
        people=tuple(found.samples.names),
        sign=found.terms.sign,
        threshold=used.threshold,
        target=used.target,
        is_threshold_shown=used.is_shown,
        fold=found.best + 1,
        folds=len(found.folds),
        accuracy_of_fold=found.folds[found.best].accuracy(found.samples.people),
        accuracy_of_all=float(_accuracies(found, HEAD).mean()),
        photos=len(found.samples.people),
        augmentation=level.value,
        dataset_sha256=digest(found),
        trained_at=now(),
        versions=versions(),
    )


def middles(found: Classified) -> Matrix:
    """The centroids of the best part's own training photos, which its threshold is of."""
    samples, held_out = found.samples, found.folds[found.best].held_out
    rest = np.setdiff1d(np.arange(len(samples.people)), held_out)
    plain = np.asarray(samples.rows[rest, 0], np.float32)
    return centroids(plain, samples.people[rest], len(samples.names))


def digest(found: Classified) -> str:
    samples = found.samples
    return dataset_digest(samples.sha256s, [samples.names[at] for at in samples.people])


def _near_copies(found: Classified) -> list[tuple[str, str]]:
    return near_copies(np.asarray(found.samples.rows[:, 0], np.float32), found.samples.photos)


def _accuracies(found: Classified, method: str) -> np.ndarray:
    return np.asarray([fold.accuracy(found.samples.people, method) for fold in found.folds])


def _method(found: Classified, name: str) -> Mapping[str, object]:
    parts = _accuracies(found, name)
    return {
        "accuracy_mean": float(parts.mean()),
        "accuracy_deviation": float(parts.std()),
        "by_fold": parts.tolist(),
        "wrong": counted(found.errors(name)),
    }


def _rejected(one: Rejection) -> Mapping[str, object]:
    return {
        "target": one.target,
        "threshold": one.threshold,
        "is_shown": one.is_shown,
        "strangers_named": counted(one.strangers_named),
        "known_wrong_name": counted(one.wrong_names),
        "known_no_name": counted(one.not_named),
    }


def _refusal(sign: str, one: Rejection) -> list[str]:
    rates = (one.strangers_named, one.wrong_names, one.not_named)
    return [sign, f"{one.threshold:.4f}", *map(said, rates)]
