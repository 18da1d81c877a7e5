"""API keys: made, shown once, checked in constant time, rotated with overlap, revoked at once.

A key is `knl_<key id>_<secret>`. The id finds the row; of the secret, 256 random bits, only a
salted SHA-256 is stored: a slow hash protects guessable passwords, and this one cannot be guessed.
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.access import Caller, Scope
from core.errors import InvalidParameter, Unauthorized
from db import keys
from db.access_models import ApiKey, Device
from db.keys import KeyRecord
from db.session import Database, Session

_FORM = re.compile(r"knl_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LETTERS = 12
_SALT_BYTES = 16
_NOBODY = KeyRecord("", "", bytes(_SALT_BYTES), bytes(32), frozenset(), (), None, None, None, None)
_USE_NOTED_EVERY = timedelta(minutes=10)
MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is made from; without `networks` it is good from everywhere."""

    name: str
    scopes: frozenset[Scope]
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None
    device: Device | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A key just made: `text` is the key itself, to be shown once."""

    row: ApiKey
    text: str = field(repr=False)


def create(session: Session, wanted: NewKey, created_by: str) -> Issued:
    """A new key; raises InvalidParameter for one that could never be used or has no meaning."""
    _check(wanted)
    key_id = "".join(secrets.choice(_LETTERS) for _ in range(_ID_LETTERS))
    secret, salt = secrets.token_urlsafe(32), secrets.token_bytes(_SALT_BYTES)
    row = ApiKey(
        key_id=key_id,
        name=wanted.name,
        salt=salt,
        digest=_digest(salt, secret),
        scopes=sorted(wanted.scopes),
        networks=[str(ipaddress.ip_network(network)) for network in wanted.networks],
        device=wanted.device.id if wanted.device else None,
        created_by=created_by,
        created_at=datetime.now(UTC),
        expires_at=wanted.expires_at,
    )
    session.add(row)
    session.flush()
    return Issued(row, f"knl_{key_id}_{secret}")


def rotate(session: Session, key_id: str, overlap: timedelta, created_by: str) -> Issued:
    """A new key with the same name and rights; the old one ends after `overlap`.

    Raises NotFound, and InvalidParameter for a key that has ended already.
    """
    old, now = keys.get(session, key_id), datetime.now(UTC)
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise InvalidParameter("this key has ended; create a new one")
    new = ApiKey(
        name=old.name,
        scopes=old.scopes,
        networks=old.networks,
        device=old.device,
        created_by=created_by,
        created_at=now,
        expires_at=old.expires_at,
        key_id="".join(secrets.choice(_LETTERS) for _ in range(_ID_LETTERS)),
        salt=secrets.token_bytes(_SALT_BYTES),
    )
    secret = secrets.token_urlsafe(32)
    new.digest = _digest(new.salt, secret)
    end = now + overlap
    old.expires_at = end if old.expires_at is None else min(end, old.expires_at)
    session.add(new)
    session.flush()
    return Issued(new, f"knl_{new.key_id}_{secret}")


def revoke(session: Session, key_id: str) -> ApiKey:
    """End a key now, in every process; nothing happens twice. Raises NotFound."""
    row = keys.get(session, key_id)
    row.revoked_at = row.revoked_at or datetime.now(UTC)
    return row


class KeyCheck:
    """Tells whose key a text is. Every check asks the database: a revoked key ends at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def caller(self, text: str, address: str | None) -> Caller:
        """Who sends this key from this address; raises Unauthorized, always in the same words."""
        form = _FORM.fullmatch(text)
        found = self._record(form[1]) if form else None
        # The same work for a key that is not there: its absence is not to be timed.
        known = found or _NOBODY
        right = hmac.compare_digest(known.digest, _digest(known.salt, form[2] if form else ""))
        now = datetime.now(UTC)
        if not (found and right and _is_live(found, now) and _is_from(found.networks, address)):
            raise Unauthorized("this key is not valid")
        self._note_use(found, now)
        return Caller(found.key_id, found.name, found.scopes, found.device_id)

    def _record(self, key_id: str) -> KeyRecord | None:
        with self._database.read() as session:
            return keys.record(session, key_id)

    def _note_use(self, found: KeyRecord, now: datetime) -> None:
        if found.last_used_at is None or now - found.last_used_at >= _USE_NOTED_EVERY:
            with self._database.write() as session:
                keys.note_use(session, found.key_id, now)


def _check(wanted: NewKey) -> None:
    if not wanted.name or len(wanted.name) > MAX_NAME or not wanted.name.isprintable():
        raise InvalidParameter(f"name is a text of 1 to {MAX_NAME} letters", {"parameter": "name"})
    if not wanted.scopes:
        raise InvalidParameter("a key needs at least one scope", {"parameter": "scopes"})
    if (Scope.DEVICE in wanted.scopes) != (wanted.device is not None):
        raise InvalidParameter(
            "a key with the scope device is made with its device", {"parameter": "scopes"}
        )
    if wanted.expires_at is not None and wanted.expires_at <= datetime.now(UTC):
        raise InvalidParameter("expires_at is past", {"parameter": "expires_at"})
    _check_networks(wanted.networks)


def _check_networks(networks: Sequence[str]) -> None:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise InvalidParameter(
                "networks are like 192.168.1.0/24 or 2001:db8::/32", {"parameter": "networks"}
            ) from None


def _is_live(key: KeyRecord, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


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


def _digest(salt: bytes, secret: str) -> bytes:
    return hashlib.sha256(salt + secret.encode()).digest()
