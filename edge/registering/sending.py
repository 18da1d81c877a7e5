"""Sends waiting registrations to the server: every sample until it is answered, and once."""

from collections import Counter
from dataclasses import dataclass, field, replace

from edge.registering.enroll import Answer, Enroller, Kind
from edge.registering.ids import candidates
from edge.registering.waiting import Job, Waiting


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a registration. `waits`: why the rest waits, or empty."""

    user_id: str
    enrolled: int = 0
    left: int = 0
    waits: str = ""
    refusals: Counter[str] = field(default_factory=Counter)
    remarks: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """In words."""
        parts = [f"{self.enrolled} on the server as {self.user_id}"] if self.enrolled else []
        parts += [f"{number} refused: {why}" for why, number in self.refusals.items()]
        if self.waits:
            parts.append(f"{self.left} waiting for the server: {self.waits}")
        return "; ".join([*parts, *sorted(self.remarks)]) or "nothing to send"


class Sending:
    """The way of one registration; may be begun again at any point."""

    def __init__(self, waiting: Waiting, enroller: Enroller) -> None:
        self._waiting, self._enroller = waiting, enroller

    def send(self, job: Job) -> Sent:
        """Sends what is left of it; OSError where what was answered cannot be deleted."""
        job, answer = self._claimed(job)
        left = len(self._waiting.samples(job))
        if answer.kind is Kind.WAITS:
            return Sent(job.user_id, left=left, waits=answer.text)
        if answer.kind is not Kind.DONE:
            self._waiting.end(job)
            return Sent(job.user_id, refusals=Counter({answer.text: left}))
        return self._samples(job)

    def _claimed(self, job: Job) -> tuple[Job, Answer]:
        """The registration under a user_id that is this person's on the server."""
        answer = self._person(job)
        others = iter([] if job.is_fixed else candidates(job.name))
        while answer.kind is Kind.OTHER:
            user_id = next(others, None)
            if user_id is None:
                return job, answer
            job = self._waiting.changed(job, user_id, is_fixed=False)
            answer = self._person(job)
        if answer.kind is Kind.DONE and not job.is_fixed:
            job = self._waiting.changed(job, job.user_id, is_fixed=True)
        return job, answer

    def _person(self, job: Job) -> Answer:
        return self._enroller.person(job.user_id, job.name, f"{job.id}-{job.user_id}")

    def _samples(self, job: Job) -> Sent:
        sent, names = Sent(job.user_id), self._waiting.samples(job)
        for number, sample in enumerate(names):
            jpeg = self._waiting.jpeg(job, sample)
            if jpeg is None:
                continue
            # The same name at every attempt: the server does it once, and answers again.
            answer = self._enroller.photo(job.user_id, jpeg, f"{job.id}-{job.user_id}-{sample}")
            if answer.kind is Kind.WAITS:
                return replace(sent, left=len(names) - number, waits=answer.text)
            self._waiting.answered(job, sample)
            sent = _counted(sent, answer)
        self._waiting.end(job)
        return sent


def _counted(sent: Sent, answer: Answer) -> Sent:
    if answer.kind is not Kind.DONE:
        return replace(sent, refusals=sent.refusals + Counter([answer.text]))
    remarks = sent.remarks | ({answer.text} if answer.text else set())
    return replace(sent, enrolled=sent.enrolled + 1, remarks=remarks)
