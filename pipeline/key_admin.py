"""What an admin does with keys, each act in the audit; the same for the API and the commands."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.access import LOCAL, Caller, Scope
from db import audit, keys
from db.access_models import ApiKey
from db.session import Database
from pipeline.keys import Issued, NewKey, create, revoke, rotate

_log = logging.getLogger(__name__)
FIRST_NAME = "first admin key"


@dataclass(frozen=True, slots=True)
class KeyAdmin:
    """Makes and ends keys in the name of `by`."""

    database: Database
    by: Caller
    request_id: str | None = None

    def create(self, wanted: NewKey) -> Issued:
        """A new key; raises InvalidParameter."""
        with self.database.write() as session:
            made = create(session, wanted, self.by.id)
            details = {"name": made.row.name, "scopes": made.row.scopes}
            audit.note(
                session,
                self.by,
                "key.create",
                made.row.key_id,
                details=details,
                request_id=self.request_id,
            )
        return made

    def rotate(self, key_id: str, overlap: timedelta) -> Issued:
        """Its successor; raises NotFound, and ConflictError for a key that has ended."""
        with self.database.write() as session:
            made = rotate(session, key_id, overlap, self.by.id)
            audit.note(
                session,
                self.by,
                "key.rotate",
                key_id,
                details={"successor": made.row.key_id},
                request_id=self.request_id,
            )
        return made

    def revoke(self, key_id: str) -> ApiKey:
        """End it now; a revoked one stays as it is. Raises NotFound."""
        with self.database.write() as session:
            was_revoked = keys.get(session, key_id).revoked_at is not None
            row = revoke(session, key_id)
            if not was_revoked:
                audit.note(session, self.by, "key.revoke", key_id, request_id=self.request_id)
            admin_left = keys.has_live_admin(session, datetime.now(UTC))
        if not admin_left:
            _log.warning("no admin key is left; `flask keys create admin --name NAME` makes one")
        return row


def first_admin_key(database: Database) -> Issued | None:
    """An admin key where no key was ever made, for whoever starts Kenal for the first time."""
    wanted = NewKey(FIRST_NAME, frozenset([Scope.ADMIN]))
    with database.write() as session:
        if keys.count(session):
            return None
        made = create(session, wanted, LOCAL.id)
        audit.note(session, LOCAL, "key.create", made.row.key_id, details={"name": FIRST_NAME})
    return made


def has_live_admin(database: Database) -> bool:
    """Whether any key is left that may make another."""
    with database.read() as session:
        return keys.has_live_admin(session, datetime.now(UTC))
