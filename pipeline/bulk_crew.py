"""A few threads that do what they are given, and hand back what came of it."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

J = TypeVar("J")
R = TypeVar("R")
_LAST = 1 << 62
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Done(Generic[J, R]):
    """What came of a job: a result, or the error that its work ended with."""

    job: J
    result: R | BaseException


class Crew(Generic[J, R]):
    """Does jobs in `threads` threads, those of the lowest rank first. For one thread to ask.

    Raises RuntimeError where the system gives no more threads; then none is left of them.
    """

    def __init__(self, threads: int) -> None:
        self._jobs: queue.PriorityQueue[tuple[int, int, J | None, Callable[[], R] | None]]
        self._jobs = queue.PriorityQueue()
        self._done: queue.SimpleQueue[Done[J, R]] = queue.SimpleQueue()
        self._given = self._taken_back = 0
        self._threads: list[threading.Thread] = []
        try:
            for number in range(threads):
                self._add_thread(number)
        except BaseException:
            # Else whoever tries again would leave some more behind each time.
            self.end()
            raise

    def __len__(self) -> int:
        """How many jobs were given whose results were not taken yet."""
        return self._given - self._taken_back

    def give(self, rank: int, job: J, work: Callable[[], R]) -> None:
        self._jobs.put((rank, self._given, job, work))
        self._given += 1

    def take(self, wait_seconds: float) -> list[Done[J, R]]:
        """All results that are there; waits for the first one, if one can come."""
        found: list[Done[J, R]] = []
        try:
            if len(self) > 0:
                found.append(self._done.get(timeout=max(wait_seconds, 1e-3)))
            while True:
                found.append(self._done.get_nowait())
        except queue.Empty:
            self._taken_back += len(found)
            return found

    def end(self) -> tuple[list[J], list[Done[J, R]]]:
        """Finish what was begun, for some seconds at most; what was not begun, and the results."""
        dropped: list[J] = []
        try:
            while True:
                _, _, job, _ = self._jobs.get_nowait()
                if job is not None:
                    dropped.append(job)
        except queue.Empty:
            self._taken_back += len(dropped)
        for number in range(len(self._threads)):
            self._jobs.put((_LAST, _LAST + number, None, None))
        until = time.monotonic() + _END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return dropped, self.take(0)

    def _add_thread(self, number: int) -> None:
        # A daemon: a file system that hangs must not keep the process from ending.
        thread = threading.Thread(target=self._run, name=f"analysis-{number}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _run(self) -> None:
        while True:
            _, _, job, work = self._jobs.get()
            if job is None or work is None:
                return
            try:
                result: R | BaseException = work()
            except BaseException as error:  # noqa: BLE001 - whatever it was, its job ends with it
                result = error
            self._done.put(Done(job, result))
            # Nothing of a photo is kept while the next one is waited for.
            del job, work, result
