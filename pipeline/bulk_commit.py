"""One transaction for many photos; each stands for itself, as if it had one of its own."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.errors import KenalError
from core.names import PhotoName
from core.types import EmbeddingSpec
from db.session import Database, Session
from pipeline.bulk_alike import Alike, Company, LookAlikes, most_alike
from pipeline.commit import Analyzed, Arrival, Commits, Committed
from pipeline.ledger import Ledger, Outcome, Refusal, Start
from pipeline.terms import Terms

T = TypeVar("T")
_LOCK_SECONDS = 0.5
"""So long other writers wait for one transaction, and for its last photo; Busy after 5."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A photo whose face was embedded, and on what terms it is enrolled."""

    name: PhotoName
    arrival: Arrival
    analyzed: Analyzed
    terms: Terms

    def refused(self, error: KenalError) -> Refusal:
        return Refusal(self.name.path, self.arrival.sha256, self.arrival.identity, error)


Result = Ready | Refusal
"""What a conversion came to, and what the ledger does not know yet."""

Claim = tuple[PhotoName, Arrival]
"""What a file that was read claims: whose photo it is, and with which content."""


class Batches:
    """Begins and ends conversions, so many in one transaction as are given."""

    def __init__(
        self,
        database: Database,
        commits: Commits,
        ledger: Ledger,
        look_alikes: LookAlikes,
        spec: EmbeddingSpec,
    ) -> None:
        self._database = database
        self._commits = commits
        self._ledger = ledger
        self._look_alikes = look_alikes
        self._spec = spec

    def begin(self, claims: Sequence[Claim], force: bool, alone: bool) -> list[Outcome | Start]:
        """As `Ledger.begin` for each; what it refuses is recorded at once.

        Raises KenalError where the database does not take it: then nothing of it happened.
        """
        begun: list[Outcome | Start] = []
        with self._database.write() as session:
            for name, arrival in claims:
                begun.append(self._begin(session, name, arrival, force, alone))
        return begun

    def give_back(self, claims: Sequence[Claim]) -> None:
        """As `Ledger.give_back` for each; raises KenalError."""
        with self._database.write() as session:
            for name, arrival in claims:
                self._ledger.give_back(session, name, arrival)

    def settle(self, results: Sequence[Result]) -> list[Outcome]:
        """Enroll or refuse each, in this order: who comes later is compared with who came before.

        Ends early, after one at least, where it takes long: others wait to write. It answers for
        those that it came to; of the rest nothing happened. A refusal undoes nothing but its own
        photo. Raises KenalError where the database does not take it, or is of another embedding
        space: then nothing of it happened.
        """
        position = self._look_alikes.position()
        searched = self._searched(results)
        with self._database.write() as session:
            company = Company.since(session, self._spec, position)
            if any(isinstance(result, Ready) for result, _ in searched):
                self._commits.check_space(session)
            settled: list[Outcome] = []
            for result, alike in _in_time(searched):
                if isinstance(result, Refusal):
                    settled.append(self._ledger.record(session, result))
                else:
                    settled.append(self._enroll(session, company, result, alike))
            return settled

    def _searched(self, results: Sequence[Result]) -> list[tuple[Result, Alike | None]]:
        """Each with who else looks the same; before the transaction, which others wait for."""
        ready = [result for result in results if isinstance(result, Ready)]
        faces_of = [(one.name.user_id, one.analyzed.vector) for one in ready]
        alikes = iter(self._look_alikes.of_each(faces_of) if faces_of else ())
        searched: list[tuple[Result, Alike | None]] = []
        for result in results:
            alike = next(alikes) if isinstance(result, Ready) else None
            if isinstance(result, Ready) and isinstance(alike, KenalError):
                searched.append((result.refused(alike), None))
            elif not isinstance(alike, KenalError):
                searched.append((result, alike))
        return searched

    def _begin(
        self, session: Session, name: PhotoName, arrival: Arrival, force: bool, alone: bool
    ) -> Outcome | Start:
        try:
            return self._ledger.begin(session, name, arrival, force, alone)
        except KenalError as error:
            refusal = Refusal(name.path, arrival.sha256, arrival.identity, error)
            return self._ledger.record(session, refusal)

    def _enroll(
        self, session: Session, company: Company, ready: Ready, alike: Alike | None
    ) -> Outcome:
        name, vector = ready.name, ready.analyzed.vector
        alike = most_alike(alike, company.most_alike(name.user_id, vector))
        try:
            with session.begin_nested():
                committed = self._commits.enroll(
                    session, name, ready.arrival, ready.analyzed, terms=ready.terms, alike=alike
                )
        except KenalError as error:
            return self._ledger.record(session, ready.refused(error))
        company.add(name.user_id, vector)
        return enrolled(name, committed)


def _in_time(items: Iterable[T]) -> Iterator[T]:
    """One at least, and those that are asked for before a transaction has lasted too long."""
    enough_at = time.monotonic() + _LOCK_SECONDS
    for item in items:
        yield item
        if time.monotonic() >= enough_at:
            return


def enrolled(name: PhotoName, committed: Committed) -> Outcome:
    """The outcome of a photo whose person has a face of it now."""
    return Outcome(
        status=committed.status,
        path=name.key,
        user_id=name.user_id,
        photo_id=committed.photo_id,
        face_id=committed.face_id,
        code=None,
        message=committed.message,
    )
