"""Many photos at once: read and examined by a few threads, written by one in few transactions.

    put ──► read ──► begin ──► examine ──► finish ──► what `turn` answers
            crew     batch      crew       batch

What is in flight is bounded in photos and bytes. A photo whose conversion was cut off before is
converted by itself, with nothing else begun: should it end the process, it alone is to blame. The
person's photos that were put after it wait for it, examined already.
"""

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from core.cores import cores
from core.names import fold_user_id
from pipeline.bulk_commit import Result
from pipeline.bulk_crew import Crew, Done
from pipeline.bulk_guard import GuardedSteps, unexpected
from pipeline.bulk_order import Finished, Job, in_turn, number_of
from pipeline.converter import Content, Converter
from pipeline.drop import Entry
from pipeline.ledger import Outcome, Refusal, Start

_WINDOW = 64
_BATCH = 32
_WINDOW_BYTES = 128 << 20
_LINGER_SECONDS = 0.2
"""So long a finished photo waits for others to share its transaction, while others are on."""
_GAP_SECONDS = 0.15
"""So long the next transaction waits after a long one: others look every 0.1 s for their turn."""
_ASIDE_SECONDS = 5.0
_NEVER = float("inf")
_READS_FIRST, _EXAMINES = 0, 1

Ended = tuple[Entry, Outcome | None]
"""What became of an entry; None where not even that could be recorded: its row is as it was."""


class Bulk:
    """Converts the entries it is given, each to exactly one outcome, in any order.

    For one thread, which does all the writing: `put` while there `has_room`, then `turn`, until
    it `is_idle`. At most `window` photos are in flight, and `batch` in one transaction. Photos of
    one person are committed in the order in which they were put: the first tells who it is.
    """

    def __init__(
        self,
        converter: Converter,
        threads: int | None = None,
        window: int = _WINDOW,
        batch: int = _BATCH,
    ) -> None:
        self._converter, self._steps = converter, GuardedSteps(converter)
        self._threads = threads or cores()
        self._window, self._batch = window, batch
        self._crew: Crew[Job, Content | Result] = Crew(self._threads)
        self._flying: dict[str, Job] = {}
        self._numbers = itertools.count()
        self._read: list[Job] = []
        self._examining = 0
        self._finished: list[Finished] = []
        self._finish_at = _NEVER
        self._aside: list[Job] = []
        self._aside_until = _NEVER

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_idle(self) -> bool:
        """Nothing is in hand."""
        return not self._flying and not self._aside

    @property
    def has_room(self) -> bool:
        """Whether one more entry may be put."""
        if self.is_idle:
            return True
        in_hand = len(self._flying) + len(self._aside)
        size_bytes = sum(job.entry.identity.size_bytes for job in self._flying.values())
        if in_hand >= self._window or size_bytes >= _WINDOW_BYTES:
            return False
        # Who stands aside has their turn, though others keep coming.
        alone = any(job.alone for job in self._flying.values())
        return not alone and time.monotonic() < self._aside_until

    def put(self, entry: Entry) -> None:
        """Take one more entry."""
        # Ids that differ only by letter case are one here: who comes first has the name.
        person = fold_user_id(entry.user_id or entry.key)
        job = Job(next(self._numbers), entry, person)
        if any(other.entry.key == entry.key for other in self._in_hand()):
            self._put_aside(job)  # Another content of the same path: one after the other.
        else:
            self._start(job)

    def turn(self, wait_seconds: float) -> list[Ended]:
        """Go on with what is in hand; waits at most so long for something to happen."""
        if self._aside and self._only_waits():
            self._start_aside()
        until = min(time.monotonic() + wait_seconds, self._finish_at)
        self._collect(self._crew.take(until - time.monotonic()))
        # In this order: the crew works while we write.
        ended = self._begin() if self._may_begin() else []
        return [*ended, *(self._finish() if self._must_finish() else [])]

    def convert_all(self, entries: Iterable[Entry]) -> Iterator[Ended]:
        """What became of each of `entries`, as it ends."""
        waiting = iter(entries)
        following = next(waiting, None)
        while following is not None or not self.is_idle:
            while following is not None and self.has_room:
                self.put(following)
                following = next(waiting, None)
            yield from self.turn(_LINGER_SECONDS)

    def close(self) -> list[Ended]:
        """Finish what is being examined, in bounded time; the others are as if they never came."""
        dropped, done = self._crew.end()
        self._collect(done)
        ended: list[Ended] = []
        while self._in_turn():
            ended += self._finish()
        # What waits for a person's earlier photo is not committed without it.
        self._give_back([*dropped, *(job for job, _ in self._finished)])
        self._flying.clear()
        self._aside.clear()
        self._read.clear()
        self._finished.clear()
        return ended

    def _in_hand(self) -> Iterator[Job]:
        return itertools.chain(self._flying.values(), self._aside)

    def _start(self, job: Job) -> None:
        self._flying[job.entry.key] = job
        self._crew.give(_READS_FIRST, job, lambda: self._converter.read(job.entry.path))

    def _examine(self, job: Job, content: Content) -> None:
        self._examining += 1
        self._crew.give(_EXAMINES, job, lambda: self._converter.examine(content))

    def _put_aside(self, job: Job) -> None:
        if not self._aside:
            self._aside_until = time.monotonic() + _ASIDE_SECONDS
        job.alone, job.content = True, None
        self._aside.append(job)

    def _only_waits(self) -> bool:
        """What is in flight, if anything, is finished and waits for those aside."""
        return len(self._flying) == len(self._finished) and not self._in_turn()

    def _start_aside(self) -> None:
        job = min(self._aside, key=number_of)
        self._aside.remove(job)
        self._aside_until = self._aside_until if self._aside else _NEVER
        self._give_back(waiting for waiting, _ in self._finished)
        self._start(job)

    def _collect(self, done: Sequence[Done[Job, Content | Result]]) -> None:
        for one in done:
            job, result = one.job, one.result
            if job.content is not None:
                self._examining -= 1
                job.content = None
            if isinstance(result, Content):
                job.content = result
                self._read.append(job)
            elif isinstance(result, BaseException):
                fault = unexpected(job.entry.key, result)
                self._ready(job, Refusal(job.entry.path, None, job.entry.identity, fault))
            else:
                self._ready(job, result)

    def _ready(self, job: Job, result: Result) -> None:
        job.content = None
        if not self._finished:
            self._finish_at = time.monotonic() + _LINGER_SECONDS
        self._finished.append((job, result))

    def _may_begin(self) -> bool:
        if not self._read or self._examining > self._batch // 2:
            return False
        # Not for every photo by itself, unless the crew runs out of work.
        is_reading = len(self._crew) > self._examining
        return self._examining < self._threads or not is_reading

    def _begin(self) -> list[Ended]:
        """Have those examined that were read, but for what the ledger answers."""
        jobs, self._read = self._read[: self._batch], self._read[self._batch :]
        contents = [job.content for job in jobs if job.content is not None]
        answers = self._steps.begin(contents, alone=any(job.alone for job in jobs))
        ended: list[Ended] = []
        for job, content, answer in zip(jobs, contents, answers, strict=True):
            if answer is Start.NOW:
                job.begun = content.claim
                self._examine(job, content)
            elif answer is Start.ALONE:
                del self._flying[job.entry.key]
                self._put_aside(job)
            elif isinstance(answer, Refusal):
                self._ready(job, answer)
            else:
                ended.append(self._ended(job, answer))
        return ended

    def _must_finish(self) -> bool:
        if not self._finished:
            return False
        nothing_else = len(self._crew) == 0 and not self._read
        full = len(self._finished) >= self._batch
        return full or nothing_else or time.monotonic() >= self._finish_at

    def _finish(self) -> list[Ended]:
        """Commit what is finished, a person's photos in the order in which they were put."""
        some = self._in_turn()[: self._batch]
        outcomes = self._steps.finish([result for _, result in some])
        if len(outcomes) < len(some):
            time.sleep(_GAP_SECONDS)
        taken = [job for job, _ in some[: len(outcomes)]]
        numbers = {job.number for job in taken}
        self._finished = [one for one in self._finished if one[0].number not in numbers]
        self._finish_at = time.monotonic() + _LINGER_SECONDS if self._finished else _NEVER
        return [self._ended(job, out) for job, out in zip(taken, outcomes, strict=True)]

    def _in_turn(self) -> list[Finished]:
        return in_turn(self._finished, self._in_hand())

    def _give_back(self, jobs: Iterable[Job]) -> None:
        """The ledger forgets that these began: should the process end, they are not blamed."""
        begun = [(job, job.begun) for job in jobs if job.begun is not None]
        self._steps.give_back([claim for _, claim in begun])
        for job, _ in begun:
            job.begun = None

    def _ended(self, job: Job, outcome: Outcome | None) -> Ended:
        del self._flying[job.entry.key]
        return job.entry, outcome
