"""Processes that may die, for the tests of the index: `python -m tests.faults.index_child HOW …`.

wait DIRECTORY STEP     maintains, says when it is at STEP, and waits there to be killed
kills FOLDER            maintains FOLDER/prepared again and again, in copies FOLDER/1, FOLDER/2, …,
                        each time in a process killed one event later; prints the events
kills_apart FOLDER      the same where segments are built by a process of their own
examine DIRECTORY …     opens each damaged index in a process of its own; prints how each ended
limited DIRECTORY BYTES maintains while no file can grow over BYTES; prints what was raised
huge_ids FOLDER         indexes small and enormous ids with little memory
truncated DIRECTORY     cuts the files of an index it has open, and searches it
"""

import json
import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from core.errors import StorageFull
from core.types import FaceRemoved
from index import FaceIndex
from index.errors import BuildFailed, IndexDamaged
from tests.faults.index_log import (
    APART,
    LOG,
    MERGING,
    VECTORS,
    catch_up,
    database_rows,
    expected,
    is_right,
    publish,
)
from tests.index_kit import fill, published_files, space

_MOST_EVENTS = 500
_CHANGES_THE_DISK = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate")
_WRITING = os.O_WRONLY | os.O_RDWR


def wait(directory: str, where: str) -> None:
    def on_step(step: str) -> None:
        if step == where:
            say(f"{step}\n")
            sys.stdin.readline()

    index = FaceIndex.open(Path(directory), space(), MERGING, on_step)
    catch_up(index)
    index.maintain()


def kills(folder: str) -> None:
    kill_each(Path(folder), maintain_watched)


def kills_apart(folder: str) -> None:
    kill_each(Path(folder), maintain_apart)


def kill_each(base: Path, maintain: Callable[[Path, "Killer"], None]) -> None:
    assert forked(lambda: publish(base / "prepared")) == 0
    events: list[str] = []
    for number in range(1, _MOST_EVENTS):
        copy, last = base / str(number), base / f"{number}.event"
        shutil.copytree(base / "prepared", copy)
        ended = forked(partial(maintain, copy, Killer(number, last)))
        if ended == 0:
            say(json.dumps(events))
            return
        assert ended == -signal.SIGKILL
        events.append(last.read_text())
    raise AssertionError("the maintainer never finished")


class Killer:
    """Counts events once it is armed and dies at one, whose name it leaves in the file `last`."""

    def __init__(self, kill_at: int, last: Path) -> None:
        self._left, self._last = kill_at, last
        self.armed = False

    def __call__(self, event: str) -> None:
        if not self.armed:
            return
        self._left -= 1
        if self._left == 0:
            self.armed = False
            self._last.write_text(event)
            os.kill(os.getpid(), signal.SIGKILL)


def maintain_watched(directory: Path, killer: Killer) -> None:
    """Steps, changes of the disk and syncs are events."""
    index = FaceIndex.open(directory, space(), MERGING, killer)
    catch_up(index)
    watch_the_disk(killer)
    killer.armed = True
    index.maintain()
    killer.armed = False


def maintain_apart(directory: Path, killer: Killer) -> None:
    """Steps, and what the building process says, are events."""
    index = FaceIndex.open(directory, space(), APART, killer)
    catch_up(index)
    killer.armed = True
    index.maintain(lambda stage, done, total: killer(stage))
    killer.armed = False


def watch_the_disk(hear: Callable[[str], None]) -> None:
    """Hear of every change of the disk just before it is made, and of every sync."""
    sync = os.fsync

    def audit(event: str, values: tuple[object, ...]) -> None:
        if event in _CHANGES_THE_DISK:
            hear(event)
        elif event == "open" and isinstance(values[2], int) and values[2] & _WRITING:
            hear("open for writing")

    def fsync(descriptor: int) -> None:
        hear("os.fsync")
        sync(descriptor)

    os.fsync = fsync  # type: ignore[assignment]
    sys.addaudithook(audit)


def examine(*directories: str) -> None:
    expected()  # once, and not in every fork
    ended = {name: forked(partial(examine_one, Path(name))) for name in directories}
    say(json.dumps(ended))


def examine_one(directory: Path) -> None:
    """Open, ask, wait for the checks, and heal: a damage never crashes and never stays unsaid.

    The directory's name says how it is healed; in `later` ones all is checked in the background.
    """
    later = directory.name.endswith(".later")
    index = opened(directory, later)
    ask(index)
    index.finish_checks()
    ask(index)
    assert index.problem is not None
    assert not index.verify().ok
    if not later:
        # A maintainer that has not caught up must not publish what it has as if it were all.
        index.maintain()
        assert is_right(opened(directory, later))
        assert is_right(index)
    if directory.name.endswith(".maintain"):
        index.maintain()
    else:
        index.rebuild(database_rows(), len(LOG))
    for healed in (index, opened(directory, later)):
        healed.finish_checks()
        assert (healed.position, healed.problem) == (len(LOG), None)
        assert healed.verify().ok
        assert is_right(healed)


def opened(directory: Path, later: bool) -> FaceIndex:
    at_once = 0 if later else 1 << 30
    return FaceIndex.open(directory, space(), MERGING, check_at_once=at_once)


def ask(index: FaceIndex) -> None:
    """Whatever is damaged, faces that the index has are named, and as many as were asked for."""
    living = set(index.face_ids().tolist())
    assert living <= set(range(1, 61))
    for query in VECTORS[::7]:
        named = {match.face_id for match in index.search(query, 3)}
        assert len(named) == min(3, len(living))
        assert named <= living


def limited(directory: str, most_bytes: str) -> None:
    index = FaceIndex.open(Path(directory), space(), MERGING)
    catch_up(index)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), hard))
    outcome = "published"
    try:
        index.maintain()
    except (StorageFull, OSError, IndexDamaged, BuildFailed) as error:
        outcome = type(error).__name__
    assert is_right(index)
    other = FaceIndex.open(Path(directory), space(), MERGING)
    other.finish_checks()
    assert other.problem is None
    assert is_right(other)
    say(f"{outcome} {other.status().covered}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert index.maintain() or outcome == "published"
    assert index.verify().ok


def huge_ids(folder: str) -> None:
    """Index faces with small and with enormous ids, with half a gigabyte to grow by."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29), hard))
    for name, first_id in (("0", 1), ("1", 10**9), ("2", 2**53)):
        index = FaceIndex.open(Path(folder) / name, space(), MERGING)
        fill(index, VECTORS, first_id)
        assert index.maintain()
        index.apply([FaceRemoved(61, first_id)], 61)
        fill(index, -VECTORS[:17], first_id + 60)
        assert index.maintain()
        again = FaceIndex.open(Path(folder) / name, space(), MERGING)
        again.finish_checks()
        for each in (index, again):
            assert each.search(VECTORS[59], 1)[0].face_id == first_id + 59
            assert len(each.vectors_of(each.face_ids())) == 76


def truncated(directory: str) -> None:
    index = FaceIndex.open(Path(directory), space(), MERGING)
    index.finish_checks()
    assert is_right(index)
    for path in published_files(Path(directory)):
        os.truncate(path, 0)
    for query in VECTORS:
        index.search(query, 3)


def forked(work: Callable[[], None]) -> int:
    """Do `work` in a forked process; its exit status, negative for the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


HOW: tuple[Callable[..., None], ...] = (
    *(wait, kills, kills_apart, examine),
    *(limited, huge_ids, truncated),
)

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # or a late import would be a change of the disk
    {work.__name__: work for work in HOW}[sys.argv[1]](*sys.argv[2:])
