"""Whose key is it? Every check asks the database, so a revoked key ends at once, everywhere."""

import hmac
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime

from core.access import Caller
from core.errors import Unauthorized
from db import keys
from db.keys import KeyRecord
from db.session import Database
from pipeline.keys import FORM, SALT_BYTES, digest
from pipeline.notes import Notes

_NOBODY = KeyRecord(
    key_id="",
    name="",
    salt=bytes(SALT_BYTES),
    digest=bytes(32),
    scopes_json="[]",
    networks_json="[]",
    device_id=None,
    expires_at=None,
    retires_at=None,
    revoked_at=None,
    last_used_at=None,
)


class KeyCheck:
    """Tells who a caller is, by the text of a key and the address it came from."""

    def __init__(self, database: Database, notes: Notes) -> None:
        self._database = database
        self._notes = notes

    def caller(self, text: str, address: str | None) -> Caller:
        """Who sends this key from this address; raises Unauthorized, always in the same words."""
        form = FORM.fullmatch(text)
        key_id, secret = form.groups() if form else (None, "")
        found = self._record(key_id) if key_id else None
        # The same work for a key that is not there: its absence is not to be timed.
        known = found or _NOBODY
        right = hmac.compare_digest(known.digest, digest(known.salt, secret))
        now = datetime.now(UTC)
        if not (found and right and found.is_live(now) and _is_from(found.networks, address)):
            raise Unauthorized("this key is not valid")
        self._notes.key_used(found.key_id, found.last_used_at, now)
        return Caller(found.key_id, found.name, found.scopes, found.device_id)

    def _record(self, key_id: str) -> KeyRecord | None:
        with self._database.read() as session:
            return keys.record(session, key_id)


def _is_from(networks: Sequence[str], address: str | None) -> bool:
    if not networks:
        return True
    try:
        asked = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(asked, ipaddress.IPv6Address) and asked.ipv4_mapped is not None:
        asked = asked.ipv4_mapped
    return any(asked in ipaddress.ip_network(network) for network in networks)
