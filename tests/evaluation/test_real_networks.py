"""Real networks on real photos: the figures that are known of them, measured by this program."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import pytest

from core.settings import Settings
from evaluation.datasets.folders import from_folders
from evaluation.datasets.pairs import from_csv
from evaluation.embedding import Embedding
from evaluation.evaluate import Evaluation, Result, evaluate
from evaluation.metrics.intervals import interval
from evaluation.report import plots
from evaluation.report.worst import Faces
from evaluation.report.write import write_report
from pipeline.analyzer import build_analyzer
from pipeline.builder import build_detector
from pipeline.decision import Rule
from pipeline.models.registry import PINNED
from tests.evaluation.kit import LIMITS

EMBEDDERS = ("dlib", "mobilefacenet")


@pytest.fixture(scope="module")
def embedding(model_dir: Path) -> tuple[Embedding, Mapping[str, Rule]]:
    settings = Settings(model_dir=model_dir)
    analyzers = {name: build_analyzer(name, settings) for name in EMBEDDERS}
    rules = {name: Rule(one.default_threshold, 0.02) for name, one in analyzers.items()}
    return Embedding(analyzers, LIMITS), rules


@pytest.fixture(scope="module")
def pairs(embedding: tuple[Embedding, Mapping[str, Rule]], shared_dir: Path) -> Evaluation:
    folder = shared_dir / "faces" / "pairs"
    return evaluate("pairs", from_csv(folder / "pairs.csv", folder), *embedding)


def of(found: Evaluation, embedder: str) -> Result:
    return next(result for result in found.results if result.embedder == embedder)


def test_every_labelled_pair_is_compared(pairs: Evaluation) -> None:
    assert pairs.unusable == []
    for result in pairs.results:
        judged = result.verification
        assert (judged.fnmr.trials, judged.fmr.trials) == (38, 262)
        assert judged.comparisons.left_out == 0


def test_the_registrys_error_rates_are_measured_again(pairs: Evaluation) -> None:
    found = {name: of(pairs, name).verification for name in EMBEDDERS}
    errors = {name: (one.fmr.errors, one.fnmr.errors) for name, one in found.items()}
    assert errors == {"dlib": (0, 1), "mobilefacenet": (0, 0)}
    for judged in found.values():
        assert (judged.auc, judged.eer) == (1.0, 0.0)


def test_the_registrys_interval_is_of_its_counts() -> None:
    for name in EMBEDDERS:
        known = PINNED[name].false_matches
        assert known is not None
        assert f"{known.errors} accepted falsely" in PINNED[name].error_rates
        exact = interval(known.errors, known.comparisons)
        assert (known.low, known.high) == pytest.approx((exact.low, exact.high), rel=0.005)


@pytest.mark.parametrize(
    ("embedder", "least_alike", "most_alike"),
    [("dlib", 0.817, 0.788), ("mobilefacenet", 0.518, 0.411)],
)
def test_the_ranges_are_those_of_the_benchmark(
    pairs: Evaluation, embedder: str, least_alike: float, most_alike: float
) -> None:
    # As benchmarks.accuracy prints them, which compares pair by pair by core.vectors.
    found = of(pairs, embedder).verification.scores
    assert found.genuine.min() == pytest.approx(least_alike, abs=0.005)
    assert found.impostor.max() == pytest.approx(most_alike, abs=0.005)


def test_the_report_of_real_faces(pairs: Evaluation, model_dir: Path, tmp_path: Path) -> None:
    detector = build_detector(Settings(model_dir=model_dir))
    with patch.object(plots, "find_spec", return_value=None):  # drawn in test_report.py
        files = write_report(pairs, tmp_path, Faces(pairs.pictures, detector, LIMITS, 40))
    sheets = {
        f"worst-{kind}-{name}.png" for kind in ("one-person", "two-people") for name in EMBEDDERS
    }
    assert set(files) == {"report.html", "results.json", "unusable.csv", *sheets}


def test_people_of_several_collections_are_told_apart(
    embedding: tuple[Embedding, Mapping[str, Rule]], shared_dir: Path, tmp_path: Path
) -> None:
    faces = shared_dir / "faces"
    shutil.copytree(faces / "gallery" / "train", tmp_path, dirs_exist_ok=True)
    # In `detection`, the same letter is the same person.
    for name in ("007_B", "008_B", "009_C"):
        (tmp_path / name[-1]).mkdir(exist_ok=True)
        shutil.copy(faces / "detection" / f"{name}.jpg", tmp_path / name[-1])
    (tmp_path / "nobody").mkdir()
    shutil.copy(faces / "detection" / "017_0.jpg", tmp_path / "nobody")
    found = evaluate("people", from_folders(tmp_path), *embedding)
    assert [(one.name, one.code) for one in found.unusable] == [("nobody/017_0.jpg", "no_face")]
    assert (len(found.names), found.people) == (12, 7)
    for result in found.results:
        assert (result.verification.fnmr.trials, result.verification.fmr.errors) == (5, 0)
        assert result.identification is not None
        assert result.identification.not_among[0].errors == 0
        assert result.identification.strangers.wrong_name == 0
        assert result.identification.enrolled.wrong_name == 0
        assert result.speed is not None
