"""Who is taken for whom at the default thresholds: `python -m benchmarks.accuracy`.

On `faces/pairs`, `faces/gallery` and `faces/detection` of SHARED_DIR. Detection is measured too.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.photos import NOSES, Faces, Pair, couples, pairs, photos, prepared, shared_dir
from core.settings import Settings
from core.types import Matrix, Similarity, Vector
from core.vectors import similarities
from pipeline.builder import build_embedder
from pipeline.models.registry import find


@dataclass(frozen=True, slots=True)
class Outcome:
    """Scores of pairs that show one person, and of pairs that show two."""

    genuine: Sequence[float]
    impostor: Sequence[float]

    def false_rejects(self, threshold: float) -> int:
        return sum(score < threshold for score in self.genuine)

    def false_accepts(self, threshold: float) -> int:
        return sum(score >= threshold for score in self.impostor)

    def accuracy(self, threshold: float) -> float:
        wrong = self.false_rejects(threshold) + self.false_accepts(threshold)
        return 1 - wrong / (len(self.genuine) + len(self.impostor))


def compare(
    labelled: Sequence[Pair], found: Mapping[str, Matrix], similarity: Similarity
) -> Outcome:
    """Scores of labelled pairs, each photo by its largest face."""
    genuine: list[float] = []
    impostor: list[float] = []
    for pair in labelled:
        score = _similarity(found[pair.first][0], found[pair.second][0], similarity)
        (genuine if pair.genuine else impostor).append(score)
    return Outcome(genuine, impostor)


def strangers(
    people: Mapping[str, Matrix], others: Mapping[str, Matrix], similarity: Similarity
) -> Outcome:
    """Scores of everybody in `others` with everybody in `people`, and of any two in one photo."""
    gallery = np.concatenate([matrix[:1] for matrix in people.values()])
    probes = [row for matrix in others.values() for row in matrix]
    scores = [float(s) for row in probes for s in similarities(row, gallery, similarity)]
    scores += [_similarity(a, b, similarity) for a, b in couples(others)]
    return Outcome([], scores)


def missed_and_extra(faces: Faces, detection: Mapping[str, Path]) -> tuple[int, int]:
    """How many noses lie in no found face's box, and how many faces hold no nose."""
    missed = extra = 0
    for name, noses in NOSES.items():
        photo, found = faces.of(detection[name])
        boxes = [face.box.scaled(1 / photo.scale) for face in found]
        missed += sum(not any(box.contains(nose) for box in boxes) for nose in noses)
        extra += sum(not any(box.contains(nose) for nose in noses) for box in boxes)
    return missed, extra


def _similarity(a: Vector, b: Vector, similarity: Similarity) -> float:
    return float(similarities(a, b[None], similarity)[0])


def _report(model_id: str, shared: Path, faces: Faces, settings: Settings) -> None:
    network = build_embedder(find(model_id, settings), settings)
    similarity, threshold = network.spec.similarity, network.default_threshold
    found = faces.embedded(network, photos(shared / "faces" / "pairs"))
    people = faces.embedded(network, photos(shared / "faces" / "gallery" / "train"))
    crowd = faces.embedded(network, photos(shared / "faces" / "detection"))
    pair = compare(pairs(shared / "faces" / "pairs"), found, similarity)
    others = strangers(people, {**found, **crowd}, similarity)
    print(
        f"{model_id:<14} {threshold:>9.3f} {len(pair.genuine):>7} {len(pair.impostor):>8}"
        f" {pair.accuracy(threshold):>8.2%} {pair.false_accepts(threshold):>7}"
        f" {pair.false_rejects(threshold):>7} {min(pair.genuine):>11.3f}"
        f" {max(pair.impostor):>12.3f} {len(others.impostor):>9}"
        f" {others.false_accepts(threshold):>7} {max(others.impostor):>12.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedder", action="append", help="may be given more than once")
    chosen = parser.parse_args().embedder or ["dlib", "mobilefacenet"]
    shared = shared_dir()
    settings = prepared(shared, chosen)
    faces = Faces(settings)
    missed, extra = missed_and_extra(faces, photos(shared / "faces" / "detection"))
    noses = sum(map(len, NOSES.values()))
    print(f"detection: {noses - missed} of {noses} faces found, {extra} found that are none\n")
    print(
        f"{'pairs':<14} {'threshold':>9} {'genuine':>7} {'impostor':>8} {'accuracy':>8}"
        f" {'accepts':>7} {'rejects':>7} {'genuine min':>11} {'impostor max':>12}"
        f" {'strangers':>9} {'accepts':>7} {'stranger max':>12}"
    )
    for model_id in chosen:
        _report(model_id, shared, faces, settings)


if __name__ == "__main__":
    main()
