"""In which order photos are committed: a person's first one tells who it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.bulk_commit import Claim, Result
from pipeline.converter import Content
from pipeline.drop import Entry


@dataclass(slots=True, eq=False)
class Job:
    """An entry on its way. `content` is held from when it was read until it was examined.

    `begun` is what the ledger was told of its beginning, until that is taken back.
    """

    number: int
    entry: Entry
    person: str
    alone: bool = False
    content: Content | None = None
    begun: Claim | None = None


Finished = tuple[Job, Result]


def number_of(job: Job) -> int:
    return job.number


def in_turn(finished: Sequence[Finished], in_hand: Iterable[Job]) -> list[Finished]:
    """Those that no photo of the same person, put before and not finished, stands before.

    In the order in which they were put; `in_hand` are all jobs, finished or not, and those aside.
    """
    numbers = {job.number for job, _ in finished}
    on = [job for job in in_hand if job.number not in numbers]
    first = {job.person: job.number for job in sorted(on, key=number_of, reverse=True)}
    turn = sorted(finished, key=lambda one: one[0].number)
    return [one for one in turn if one[0].number < first.get(one[0].person, one[0].number + 1)]
