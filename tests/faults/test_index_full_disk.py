"""A disk that takes no more: the old index serves, and the next attempt succeeds."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StorageFull
from core.types import FaceRemoved
from index import FaceIndex, Policy
from tests.faults.index_log import EARLY, LOG, MERGING, is_right, publish
from tests.index_kit import embeddings, fill, published_files, segment_names, space

ROOT = Path(__file__).parents[2]
EXACT = Policy(seal_at=16)
"""Segments of nothing but ids and vectors, so that the manifest is the largest new file."""


def maintained(directory: Path, most_bytes: int) -> str:
    """Maintain in a process whose files end at `most_bytes`: what was raised, what is covered."""
    words = ["limited", str(directory), str(most_bytes)]
    command = [sys.executable, "-m", "tests.faults.index_child", *words]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """What was raised, and what is published after it, by the size at which files end.

    Each file of a publication is cut short by one byte in one of them, and the old index serves
    in all: the process that was refused looks itself, and publishes when it can.
    """
    folder = tmp_path_factory.mktemp("full")
    publish(folder / "old")
    publish(folder / "new", seqs=(EARLY, len(LOG)))
    sizes = {path.stat().st_size for path in published_files(folder / "new")}
    found = {}
    for limit in sorted({0, 100} | {size - 1 for size in sizes}):
        directory = folder / f"limit{limit}"
        shutil.copytree(folder / "old", directory)
        found[limit] = maintained(directory, limit)
        index = FaceIndex.open(directory, space(), MERGING)
        assert (index.problem, index.position) == (None, len(LOG))
        assert is_right(index)
        assert segment_names(directory) == {part.name for part in index.status().segments}
    return found


def test_no_publication_whose_files_were_cut_short(outcomes: dict[int, str]) -> None:
    assert {outcome.split()[1] for outcome in outcomes.values()} == {str(EARLY)}, outcomes


def test_a_full_disk_is_said_as_promised(outcomes: dict[int, str]) -> None:
    raised = {limit: outcome.split()[0] for limit, outcome in outcomes.items()}
    assert set(raised.values()) <= {"StorageFull", "OSError"}, raised


def test_a_manifest_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    """It lists so many removed faces that it is the one file which is too large."""
    vectors = embeddings(2000)
    index = FaceIndex.open(tmp_path, space(), EXACT)
    fill(index, vectors, first_id=10**15)
    assert index.maintain()
    before = published_files(tmp_path)
    removed = [FaceRemoved(2001 + i, 10**15 + i) for i in range(300)]
    index.apply(removed, 2300)
    fill(index, embeddings(17, seed=8))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises((StorageFull, OSError)):
            index.maintain()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert [path for path in published_files(tmp_path) if path in before] == before
    old = FaceIndex.open(tmp_path, space(), EXACT)
    old.finish_checks()
    assert (old.problem, old.position, old.count) == (None, 2000, 2000)
    assert index.count == 1717
    assert index.maintain()
    manifest = tmp_path / "manifest.json"
    grown = [path for path in published_files(tmp_path) if path not in before]
    assert manifest.stat().st_size > 6000 > max(path.stat().st_size for path in grown)
    assert old.refresh()
    assert (old.position, old.count) == (2317, 1717)
