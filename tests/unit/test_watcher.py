"""The armed watch: events become hints, a lost folder is armed again, a failure costs nothing."""

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from watchdog.events import FileClosedEvent, FileMovedEvent, FileOpenedEvent

from pipeline.intake import Hints
from pipeline.watcher import EventHandler, Watch, only_one, quiet_double_watches


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
def watch(drop: Path, hints: Hints) -> Iterator[Watch]:
    watch = Watch(drop, hints)
    yield watch
    watch.stop()


def hinted(hints: Hints, path: str) -> Callable[[], bool]:
    seen: set[PurePosixPath] = set()

    def done() -> bool:
        seen.update(hints.take())
        return PurePosixPath(path) in seen

    return done


def soon(done: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_a_new_file_is_hinted_at_any_depth(watch: Watch, drop: Path, hints: Hints) -> None:
    assert watch.ensure()
    assert not watch.ensure()
    (drop / "1042.jpg").write_bytes(b"x")
    assert soon(hinted(hints, "1042.jpg"))
    (drop / "bob").mkdir()
    time.sleep(0.5)
    (drop / "bob" / "1.jpg").write_bytes(b"x")
    assert soon(hinted(hints, "bob/1.jpg"))


def test_a_replaced_folder_is_watched_anew(watch: Watch, drop: Path, hints: Hints) -> None:
    watch.ensure()
    drop.rename(drop.with_name("old"))
    assert not watch.ensure()
    drop.mkdir()
    assert watch.ensure(), "a scan is due after it"
    (drop / "1042.jpg").write_bytes(b"x")
    assert soon(hinted(hints, "1042.jpg"))


def test_names_of_both_ends_of_a_move_and_odd_bytes(drop: Path, hints: Hints) -> None:
    handler = EventHandler(drop, hints)
    handler.on_any_event(FileMovedEvent(f"{drop}/a.tmp", f"{drop}/a.jpg"))
    handler.on_any_event(FileClosedEvent(os.fsencode(drop) + b"/\xff.jpg"))
    handler.on_any_event(FileOpenedEvent(f"{drop}/opened.jpg"))
    handler.on_any_event(FileClosedEvent("/elsewhere/b.jpg"))
    assert hints.take() == [PurePosixPath(p) for p in ("a.tmp", "a.jpg", "\udcff.jpg")]


def test_stopping_gives_back_descriptors_and_threads(drop: Path, hints: Hints) -> None:
    def used() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    before = used()
    for _ in range(10):
        watch = Watch(drop, hints)
        watch.ensure()
        watch.stop()
    assert soon(lambda: used() <= before)


def test_a_second_watcher_waits_and_stops_when_asked(tmp_path: Path) -> None:
    stop = threading.Event()
    with only_one(tmp_path / "lock", stop) as first:
        assert first
        threading.Timer(0.2, stop.set).start()
        with only_one(tmp_path / "lock", stop) as second:
            assert not second
    with only_one(tmp_path / "lock", threading.Event()) as third:
        assert third


def test_a_folder_heard_of_twice_is_not_told_with_its_path() -> None:
    said = "Callback with id '1' already exists for watch /home/kenal. It will be Overwritten."
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        quiet_double_watches()
        warnings.warn(said, RuntimeWarning, stacklevel=1)
        warnings.warn("another", RuntimeWarning, stacklevel=1)
    assert [str(one.message) for one in heard] == ["another"]
