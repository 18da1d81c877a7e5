"""Who is taken for whom, in the same report as the speed: nothing may be bought with accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy import Outcome, compare, missed_and_extra
from benchmarks.photos import NOSES, Faces, pairs, photos
from benchmarks.speed_gallery import Tell
from core.settings import Settings
from core.types import Matrix
from core.vectors import similarities
from pipeline.builder import build_embedder
from pipeline.embedders.embedder import Embedder
from pipeline.models.registry import find

SHOWN: Mapping[str, frozenset[str]] = {
    **{f"single/{name}": frozenset(["obama"]) for name in ("obama2", "obama3")},
    **{f"single/obama_partial_face{n}": frozenset(["obama"]) for n in ("", "2")},
    **{f"obama-{size}": frozenset(["obama"]) for size in ("240p", "480p", "720p", "1080p")},
    "single/biden": frozenset(["biden"]),
    "alex-lacamoire": frozenset(["alex_lacamoire"]),
    "test/alex_lacamoire1": frozenset(["alex_lacamoire"]),
    "test/johnsnow_test1": frozenset(["kit_harington"]),
    "test/obama1": frozenset(["obama"]),
    "test/kit_with_rose": frozenset(["kit_harington", "rose_leslie"]),
    "test/obama_and_biden": frozenset(["obama", "biden"]),
}
"""Who stands in the photos of `gallery`; those in `train` are enrolled."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of one network, at its default threshold."""

    model_id: str
    threshold: float
    pair: Outcome
    people: int
    found: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Found:
    """Faces of `detection`: how many there are, missed ones, and boxes that hold none."""

    faces: int
    missed: int
    extra: int


def accuracy(
    shared: Path, settings: Settings, model_ids: Sequence[str], tell: Tell
) -> tuple[Found, list[Accuracy]]:
    """These networks, whose real weights are prepared, on the shared photos."""
    faces = Faces(settings)
    tell("finding faces")
    missed, extra = missed_and_extra(faces, photos(shared / "faces" / "detection"))
    rows = []
    for model_id in model_ids:
        tell(f"comparing faces with {model_id}")
        rows.append(_of(build_embedder(find(model_id, settings), settings), shared, faces))
    return Found(sum(map(len, NOSES.values())), missed, extra), rows


def _of(network: Embedder, shared: Path, faces: Faces) -> Accuracy:
    threshold = network.default_threshold
    found = faces.embedded(network, photos(shared / "faces" / "pairs"))
    pair = compare(pairs(shared / "faces" / "pairs"), found, network.spec.similarity)
    gallery = shared / "faces" / "gallery"
    train = faces.embedded(network, photos(gallery / "train"))
    named = {name: path for name, path in photos(gallery).items() if name in SHOWN}
    probes = faces.embedded(network, named)
    people = right = wrong = 0
    for name, shown in SHOWN.items():
        said = _people(probes[name], train, network)
        people, right, wrong = (
            people + len(shown),
            right + len(shown & said),
            wrong + len(said - shown),
        )
    return Accuracy(network.spec.embedder, threshold, pair, people, right, wrong)


def _people(probes: Matrix, train: Mapping[str, Matrix], network: Embedder) -> set[str]:
    """Who the faces of one photo are said to be: each the nearest enrolled face's, if near."""
    said = set()
    for probe in probes:
        scores = {
            name: float(similarities(probe, matrix[:1], network.spec.similarity)[0])
            for name, matrix in train.items()
        }
        best = max(scores, key=lambda name: scores[name])
        if scores[best] >= network.default_threshold:
            said.add(best.split("/")[0])
    return said
