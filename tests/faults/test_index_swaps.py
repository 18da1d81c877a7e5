"""Snapshots are swapped under many searching threads: each answer is of one moment."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from core.types import Matrix, Vector
from index import FaceIndex
from tests.index_kit import SMALL, added, brute_force, by_id, embeddings, fill, space

SWAPS = 50
THREADS = 100


@contextmanager
def searching(search: Callable[[int], None], threads: int, pause: float) -> Iterator[None]:
    """Threads that call `search` with their number again and again; an error in one is raised."""
    done = threading.Event()

    def run(number: int) -> None:
        while not done.wait(pause):
            search(number)

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(run, number) for number in range(threads)]
        try:
            yield
        finally:
            done.set()
    for future in running:
        future.result()


def test_threads_find_the_old_faces_while_segments_are_added_and_merged(tmp_path: Path) -> None:
    index = FaceIndex.open(tmp_path, space(), SMALL)
    vectors = embeddings((SWAPS + 1) * 16)
    searches: list[int] = []

    def search(number: int) -> None:
        face_id = 1 + number * 3
        assert index.search(vectors[face_id - 1], 1)[0].face_id == face_id
        searches.append(face_id)

    fill(index, vectors[:16])
    with searching(search, threads=4, pause=0.01):
        for start in range(16, len(vectors), 16):
            fill(index, vectors[start : start + 16], first_id=start + 1)
            assert index.maintain()
    assert len(searches) > SWAPS


def test_a_hundred_threads_see_the_old_gallery_or_the_new_never_a_mixture(tmp_path: Path) -> None:
    """The same people with other vectors at each swap, searched in the process that publishes
    and in one that follows."""
    galleries = [embeddings(40, seed=1), embeddings(40, seed=2)]
    queries = embeddings(THREADS, seed=3)
    scores = [[scores_of(vectors, query) for vectors in galleries] for query in queries]
    ours, other = (FaceIndex.open(tmp_path, space(), SMALL) for _ in range(2))
    seen: list[tuple[int, int]] = []

    def search(number: int) -> None:
        index = other if number % 2 else ours
        if index is other:
            index.refresh()
        matches = index.search(queries[number], 3)
        assert len(matches) == 3
        found = {match.face_id: match.similarity for match in matches}
        [which] = [i for i in (0, 1) if found.items() <= scores[number][i].items()]
        seen.append((number, which))

    ours.rebuild(added(galleries[0]), 40)
    assert other.refresh()
    with searching(search, THREADS, pause=0.1):
        for swap in range(1, SWAPS + 1):
            ours.rebuild(added(galleries[swap % 2]), 40 + swap)
    other.refresh()
    for index in (ours, other):
        assert index.position == 40 + SWAPS
        assert index.search(galleries[0][5], 1)[0].face_id == 6
    assert {number for number, _ in seen} == set(range(THREADS))
    assert {which for _, which in seen} == {0, 1}


def scores_of(vectors: Matrix, query: Vector) -> dict[int, float]:
    """The exact similarity of each face."""
    matches = brute_force(by_id(vectors), query, len(vectors))
    return {match.face_id: match.similarity for match in matches}


def open_descriptors() -> list[Path]:
    with os.scandir("/proc/self/fd") as entries:
        paths = [Path(entry.path) for entry in entries]
    return [path for path in paths if path.is_symlink()]  # the scan's own is closed by now


def test_descriptors_and_maps_stay_flat_over_fifty_swaps(tmp_path: Path) -> None:
    index, other = (FaceIndex.open(tmp_path, space(), SMALL) for _ in range(2))
    vectors = embeddings(50)

    def held() -> tuple[int, ...]:
        maps = Path("/proc/self/maps").read_text().splitlines()
        links = [str(link.readlink()) for link in open_descriptors()]
        return tuple(sum(str(tmp_path) in text for text in texts) for texts in (links, maps))

    def swap() -> None:
        index.rebuild(added(vectors), 50)
        assert other.refresh()
        other.search(vectors[0], 3)
        for each in (index, other):
            each.finish_checks()

    swap()
    before = held()
    assert sum(before) > 0
    for _ in range(SWAPS):
        swap()
    assert held() == before
    assert len(list(tmp_path.glob("seg-*"))) == 1
