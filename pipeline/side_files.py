"""Profile side files in the drop folder: applied when they are new, reported when they are bad."""

from pathlib import Path

from core import files
from core.errors import KenalError, Vanished
from core.files import FileIdentity
from db import photos, users
from db.session import Database
from pipeline import profiles
from pipeline.drop import Entry
from pipeline.ledger import Ledger


class SideFiles:
    """Applies profiles of one drop folder. A bad one has a ledger row until it is mended."""

    def __init__(self, database: Database, drop: Path) -> None:
        self._database = database
        self._drop = drop
        self._ledger = Ledger(database, drop)
        self._done: dict[str, FileIdentity] = {}

    def apply(self, entry: Entry) -> None:
        """Apply one side file; of a person without a photo it waits for the first one."""
        if self._done.get(entry.key) == entry.identity:
            return
        sha256: str | None = None
        try:
            user_id = profiles.profile_user_id(entry.path)
            data, _ = files.read_regular(self._drop / entry.path, profiles.MAX_PROFILE_BYTES)
            sha256 = files.sha256_bytes(data)
            profiles.parse_profile(data)
            is_done = self._apply(entry.key, user_id, data)
        except Vanished:
            return
        except KenalError as error:
            self._ledger.refuse(entry.path, sha256, entry.identity, error, None)
            is_done = not error.retryable
        if is_done:
            self._done[entry.key] = entry.identity

    def _apply(self, key: str, user_id: str, data: bytes) -> bool:
        with self._database.read() as session:
            person = users.find(session, user_id)
            complaint = photos.find(session, key) is not None
            news = person is not None and person.profile_sha256 != files.sha256_bytes(data)
        if news or complaint:
            with self._database.write() as session:
                row = photos.find(session, key)
                if row is not None:
                    session.delete(row)
                person = users.find(session, user_id)
                if person is not None:
                    profiles.apply(person, data)
        return person is not None
