"""API keys: made, shown once, rotated with overlap, revoked at once.

A key is `knl_<key id>_<secret>`. The id finds the row; of the secret, 256 random bits, only a
salted SHA-256 is stored: a slow hash protects guessable passwords, and this one cannot be guessed.
"""

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.access import Scope
from core.errors import ConflictError, InvalidParameter
from db import keys
from db.access_models import ApiKey, Device
from db.session import Session

FORM = re.compile(r"knl_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
SALT_BYTES = 16
MAX_NAME = 128
MAX_NETWORKS = 64
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LETTERS = 12


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
    now = datetime.now(UTC)
    _check(wanted, now)
    row = ApiKey(
        name=wanted.name,
        scopes=sorted(wanted.scopes),
        networks=_checked_networks(wanted.networks),
        device=wanted.device.id if wanted.device else None,
        created_by=created_by,
        created_at=now,
        expires_at=wanted.expires_at,
    )
    return _issued(session, row)


def rotate(session: Session, key_id: str, overlap: timedelta, created_by: str) -> Issued:
    """A new secret for the same name, rights and end; the old key ends after `overlap`.

    May be done again during the overlap. Raises NotFound, and ConflictError for a key that ended.
    """
    old, now = keys.get(session, key_id), datetime.now(UTC)
    if not old.is_live(now):
        raise ConflictError("this key has ended; create a new one")
    new = ApiKey(
        name=old.name,
        scopes=list(old.scopes),
        networks=list(old.networks),
        device=old.device,
        created_by=created_by,
        created_at=now,
        expires_at=old.expires_at,
    )
    end = now + overlap
    old.retires_at = end if old.retires_at is None else min(end, old.retires_at)
    return _issued(session, new)


def revoke(session: Session, key_id: str) -> ApiKey:
    """End a key now, in every process; nothing happens twice. Raises NotFound."""
    row = keys.get(session, key_id)
    row.revoked_at = row.revoked_at or datetime.now(UTC)
    return row


def digest(salt: bytes, secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(salt + secret.encode()).digest()


def _issued(session: Session, row: ApiKey) -> Issued:
    """The row with an id and a secret of its own, in the database."""
    row.key_id = "".join(secrets.choice(_LETTERS) for _ in range(_ID_LETTERS))
    row.salt, secret = secrets.token_bytes(SALT_BYTES), secrets.token_urlsafe(32)
    row.digest = digest(row.salt, secret)
    session.add(row)
    session.flush()
    return Issued(row, f"knl_{row.key_id}_{secret}")


def _check(wanted: NewKey, now: datetime) -> None:
    name = wanted.name
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable() or FORM.search(name):
        raise InvalidParameter(f"name is a text of 1 to {MAX_NAME} letters", {"parameter": "name"})
    if not wanted.scopes:
        raise InvalidParameter("a key needs at least one scope", {"parameter": "scopes"})
    if (Scope.DEVICE in wanted.scopes) != (wanted.device is not None):
        raise InvalidParameter(
            "a key with the scope device is made with its device", {"parameter": "scopes"}
        )
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise InvalidParameter("expires_at is past", {"parameter": "expires_at"})


def _checked_networks(networks: Sequence[str]) -> list[str]:
    if len(networks) > MAX_NETWORKS:
        raise InvalidParameter(f"at most {MAX_NETWORKS} networks", {"parameter": "networks"})
    return list(dict.fromkeys(_network(text) for text in networks))


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        network = None
    # An IPv4 address that arrives inside an IPv6 one is compared as what it is.
    if network is None or getattr(network.network_address, "ipv4_mapped", None) is not None:
        raise InvalidParameter(
            "networks are like 192.168.1.0/24 or 2001:db8::/32", {"parameter": "networks"}
        )
    return str(network)
