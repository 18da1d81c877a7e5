"""The benchmark of the index: galleries are what they say, tables hold what was measured."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import index as program
from benchmarks.index_builder import doomed
from benchmarks.index_child import recall, timed
from benchmarks.index_data import Dataset, Shape, exact_best
from benchmarks.index_engine import Job
from benchmarks.index_engines import ENGINES, chosen, version
from benchmarks.index_kenal import faces, spec
from benchmarks.index_plots import plot
from benchmarks.index_process import heard
from benchmarks.index_results import Head, Results, Row
from benchmarks.index_sets import BLOCK, MOST_FACES, space
from benchmarks.index_tables import table
from benchmarks.index_watch import Watched, phases_table
from index import FaceIndex

each_set = pytest.mark.parametrize("name", program.SETS)
SHAPE = Shape("realistic", 500, 16, 30)


def row(engine: str = "kenal", run: str = "1", p50: float = 2.0) -> Row:
    return Row(engine, "numpy 2", run, 30, "s", {"0.5": 0.25, "0.6": 0.75}, p50, 3.0, 4.0)


def needs(package: str) -> None:
    if version(package) is None:
        pytest.skip(f"{package} is not installed: make setup-bench")


def head(folder: Path) -> Head:
    return Head(SHAPE, Dataset.made(SHAPE, folder).facts, "a machine")


@each_set
def test_a_gallery_of_a_seed_begins_with_the_smaller_one(name: str) -> None:
    small, large = space(name, 24, 1).block(1, 100), space(name, 24, 1).block(1, BLOCK)
    np.testing.assert_array_equal(small.vectors, large.vectors[:100])
    np.testing.assert_array_equal(small.persons, large.persons[:100])
    np.testing.assert_allclose(np.linalg.norm(large.vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(small.vectors, space(name, 24, 2).block(1, 100).vectors)
    assert not np.allclose(small.vectors, space(name, 24, 1).block(0, 100).vectors)


@pytest.mark.parametrize("name", ["realistic", "spectrum"])
def test_a_person_has_a_few_faces_in_one_block(name: str) -> None:
    first, second = (space(name, 16, 1).block(number, BLOCK).persons for number in (0, 1))
    _, counts = np.unique(first[:1000], return_counts=True)
    assert counts.max() == MOST_FACES
    assert counts.min() == 1
    assert not set(first.tolist()) & set(second.tolist())


def test_probes_are_planted_at_their_cosine_and_their_row_is_the_best(tmp_path: Path) -> None:
    dataset = Dataset.made(Shape("isotropic", BLOCK + 300, 128, 60), tmp_path)
    vectors, truth = dataset.vectors(), dataset.truth()
    cosines = np.einsum("ij,ij->i", dataset.queries(), vectors[truth])
    np.testing.assert_allclose(cosines, [float(group) for group in dataset.groups()], atol=1e-5)
    assert dataset.facts.planted == 1
    assert truth.max() >= BLOCK


@each_set
def test_the_truth_is_the_best_of_all_rows(name: str, tmp_path: Path) -> None:
    dataset = Dataset.made(Shape(name, BLOCK + 300, 16, 40), tmp_path)
    products = dataset.queries().astype(np.float64) @ dataset.vectors().astype(np.float64).T
    best = products[np.arange(40), dataset.truth()]
    np.testing.assert_allclose(best, products.max(axis=1), atol=1e-6)
    np.testing.assert_array_equal(exact_best(dataset.vectors()[-5:], dataset.vectors())[-1:], 8491)


def test_faces_of_a_person_are_alike_and_strangers_are_not(tmp_path: Path) -> None:
    realistic = Dataset.made(Shape("realistic", 5000, 512, 300), tmp_path).facts
    spectrum = Dataset.made(Shape("spectrum", 5000, 512, 300), tmp_path).facts
    for facts in (realistic, spectrum):
        assert 0.7 < facts.genuine["p50"] < 0.8
        assert abs(facts.impostor["p50"]) < 0.02
        assert facts.impostor["p99"] < facts.genuine["p1"]
        assert facts.planted > 0.95
    assert 55 < spectrum.participation < 70
    assert realistic.participation < spectrum.participation


def test_a_gallery_is_made_once(tmp_path: Path) -> None:
    first = Dataset.made(SHAPE, tmp_path)
    np.save(first.folder / "truth.npy", np.arange(30))
    assert Dataset.made(SHAPE, tmp_path).truth().tolist() == list(range(30))
    assert Dataset.made(replace(SHAPE, queries=31), tmp_path).truth().shape == (31,)


def test_recall_is_counted_by_group() -> None:
    assert recall([1, 2, 3], [1, 0, 3], ["b", "a", "a"]) == {"a": 0.5, "b": 1.0}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_engine_finds_what_is_there(engine: str, tmp_path: Path) -> None:
    needs(ENGINES[engine].package)
    dataset = Dataset.made(Shape("realistic", 2000, 160, 30), tmp_path)
    (tmp_path / "index").mkdir()
    told: list[str] = []
    job = Job(dataset.vectors(), tmp_path / "index", 1, told.append)
    ENGINES[engine].build(job)
    *_, careful = ENGINES[engine].open(job)
    found, took = timed(careful.search, dataset.queries())
    assert recall(found, dataset.truth().tolist(), dataset.groups())["genuine"] >= 0.9
    assert len(took) == 30


def test_engines_are_chosen_by_pattern() -> None:
    assert chosen(["exact*", "kenal"]) == ["exact-ram", "exact-map", "kenal"]
    with pytest.raises(SystemExit, match="no engine is called 'anoy'"):
        chosen(["anoy"])


def test_the_last_run_of_an_engine_counts(tmp_path: Path) -> None:
    results = Results(tmp_path / "out", SHAPE)
    assert results.rows() == []
    results.add([row("annoy", "1", p50=1), row("annoy", "1", p50=2)])
    results.add([row("kenal", "2", p50=3)])
    results.add([row("annoy", "3", p50=4)])
    assert [(r.engine, r.p50_ms) for r in results.rows()] == [("annoy", 4), ("kenal", 3)]
    assert Results(tmp_path / "out", replace(SHAPE, queries=60)).rows() == []


def test_a_table_shows_what_was_measured_and_what_failed(tmp_path: Path) -> None:
    failed = Row(
        "hnswlib", "hnswlib 0.8", "1", 30, note="build: stopped at 9 s, having reached: half"
    )
    lines = table(head(tmp_path), [row(), failed]).splitlines()
    assert lines[0] == "# realistic: 500 faces of 16 dimensions"
    assert "- hnswlib: build: stopped at 9 s, having reached: half" in lines
    (shown,) = (line for line in lines if line.startswith("| kenal "))
    assert shown.startswith("| kenal | s | 0.250 | 0.750 | 2.00 | 3.00 | 0.500 | – |")
    assert not any(line.startswith("| hnswlib ") for line in lines)


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    results = Results(tmp_path, SHAPE)
    assert results.head() is None
    results.save_head(head(tmp_path))
    assert results.head() == head(tmp_path)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("", ""),
        ("import time; time.sleep(60)", "stopped at 2 s"),
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9 (out of memory?)"),
        ("raise ValueError('no trees')", "ValueError: no trees"),
    ],
)
def test_a_child_that_fails_is_a_line_of_the_table(code: str, failure: str) -> None:
    said = 'print(\'{"reached": "half"}\', flush=True)'
    child = heard([sys.executable, "-c", f"{said}\n{code}"], 1, 2, lambda _: None)
    assert (child.failure, child.reached) == (failure, "half")


def run_program(monkeypatch: pytest.MonkeyPatch, given: Sequence[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["index", *given])
    program.main()


def test_a_run_goes_on_where_the_last_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = ["--sizes", "300", "--dims", "16", "--sets", "isotropic", "--queries", "30"]
    given = [*size, "--out", str(tmp_path / "out"), "--engines"]
    run_program(monkeypatch, [*given, "exact-ram"])
    run_program(monkeypatch, [*given, "exact*"])
    run_program(monkeypatch, [*given, "exact*"])
    heads = [line for line in capsys.readouterr().out.splitlines() if "to do" in line]
    assert heads == [f"{count} engine runs to do" for count in (1, 1, 0)]
    page = (tmp_path / "out" / "index-isotropic-300x16.md").read_text()
    assert "| exact-ram | – | 1.000 | 1.000 | 1.000 |" in page
    assert "| exact-map | – | 1.000 | 1.000 | 1.000 |" in page


def test_a_plot_is_a_picture(tmp_path: Path) -> None:
    needs("matplotlib")
    plot(tmp_path / "docs" / "plot.png", [(head(tmp_path), [row(), row("annoy", p50=9)])] * 2)
    assert (tmp_path / "docs" / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_watched_index_is_searched_as_long_as_something_goes_on(tmp_path: Path) -> None:
    dataset = Dataset.made(SHAPE, tmp_path)
    index = FaceIndex.open(tmp_path / "index", spec(SHAPE.dim))
    index.rebuild(faces(dataset.vectors()), SHAPE.count)
    watched = Watched(index, dataset.queries(), (dataset.truth() + 1).tolist(), 0)
    left = iter([True] * 45)
    phase = watched.during("idle", lambda: next(left, False))
    assert (phase.searches, phase.found) == (45, 1)
    assert watched.during("over", lambda: False).searches == 1
    assert phases_table([phase])[2].startswith("| idle | ")


def test_no_removed_face_is_the_best_of_a_probe(tmp_path: Path) -> None:
    dataset = Dataset.made(SHAPE, tmp_path)
    removed = doomed(dataset)
    assert 10 <= len(removed) <= 25
    assert not set(removed) & set((dataset.truth() + 1).tolist())
