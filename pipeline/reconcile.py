"""Drop folder against ledger: the mechanism that loses no photo, whatever events were missed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from core.errors import NotFound
from core.names import from_printable
from db import photos, removals
from db.photos import Seen, Status
from db.session import Database, Session
from pipeline.deletion import sweep
from pipeline.drop import Entry, Listing, list_drop
from pipeline.temporaries import sweep_temporaries
from pipeline.webhooks.events import emit_refused


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found: photos that need to be converted, profiles, and how many photos in all."""

    work: Sequence[Entry]
    profiles: Sequence[Entry]
    photo_count: int


def needs_work(entry: Entry, seen: Seen | None, now: datetime) -> bool:
    """Whether a file must be looked at: it is new, it changed, or its time to retry has come."""
    if seen is None or seen.identity != str(entry.identity):
        return True
    if seen.status is Status.PENDING:
        return seen.next_attempt_at is None or seen.next_attempt_at <= now
    return False


class Reconciler:
    """Scans the drop folder and brings the ledger's rows up to what is there."""

    def __init__(self, database: Database, drop: Path) -> None:
        self._database = database
        self._drop = drop

    def scan(self) -> Scan:
        """One pass: finish deletions, list, note what is new or gone. NotReady: no folder.

        New files get a `pending` row at once, so that the counts hold what waits. A file that
        is gone is only marked so: it never removes anybody.
        """
        sweep(self._database, self._drop)
        sweep_temporaries(self._drop)
        listing = list_drop(self._drop)
        with self._database.read() as session:
            known = photos.seen(session)
            asked = {one.path: one for one in removals.all_asked(session)}
        now = datetime.now(UTC)
        profiles = [entry for entry in listing.entries if entry.is_profile]
        # What was asked to be deleted, and could not be yet, is nobody's photo any more.
        others = [
            entry
            for entry in listing.entries
            if not entry.is_profile
            and not (entry.key in asked and asked[entry.key].may_mean(entry.identity))
        ]
        work = [entry for entry in others if needs_work(entry, known.get(entry.key), now)]
        self._note(listing, work, known)
        return Scan(work, profiles, len(others))

    def needing_work(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of a few photos that need to be converted now; new ones get a `pending` row."""
        if not entries:
            return []
        with self._database.read() as session:
            known = photos.seen(session, [entry.key for entry in entries])
        now = datetime.now(UTC)
        work = [entry for entry in entries if needs_work(entry, known.get(entry.key), now)]
        fresh = [(entry.key, entry.user_id) for entry in work if entry.key not in known]
        if fresh:
            with self._database.write() as session:
                photos.add_pending(session, fresh)
        return work

    def due(self) -> list[PurePosixPath]:
        """Pending photos whose time to try again has come."""
        with self._database.read() as session:
            return [from_printable(path) for path in photos.due(session, datetime.now(UTC))]

    def _note(self, listing: Listing, work: Sequence[Entry], known: dict[str, Seen]) -> None:
        here = {entry.key for entry in listing.entries}
        fresh = [(entry.key, entry.user_id) for entry in work if entry.key not in known]
        gone = [
            path
            for path, seen in known.items()
            if seen.present and path not in here and not listing.may_hold(path)
        ]
        back = [path for path, seen in known.items() if not seen.present and path in here]
        users_of = dict(fresh)
        self._in_pieces(
            list(users_of),
            lambda session, keys: photos.add_pending(
                session, [(key, users_of[key]) for key in keys]
            ),
        )
        self._in_pieces(gone, _mark_gone)
        self._in_pieces(back, photos.mark_present)

    def _in_pieces(
        self, keys: Sequence[str], work: Callable[[Session, Sequence[str]], object]
    ) -> None:
        """A transaction for every few hundred keys: others write in between."""
        for piece in photos.batches(keys):
            with self._database.write() as session:
                work(session, piece)


_VANISHED = "the file went away before it could be read"


def _mark_gone(session: Session, keys: Sequence[str]) -> None:
    for row in photos.mark_gone(session, keys, _VANISHED):
        emit_refused(session, row)


def retry(database: Database, status: Status, code: str | None) -> int:
    """Have refused photos tried again at the next scan; returns how many."""
    if status not in (Status.REJECTED, Status.CONFLICT, Status.PENDING):
        raise NotFound("only pending, rejected and conflict photos can be tried again")
    with database.write() as session:
        return photos.reset(session, status, code)
