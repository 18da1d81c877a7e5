"""Answers to requests with an Idempotency-Key, for as long as they are repeated."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from db.delivery_models import StoredAnswer

_FORGOTTEN_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given: its status, its JSON text, and its Location."""

    status: int
    body: str
    location: str | None


def find(session: Session, caller: str, key: str) -> StoredAnswer | None:
    statement = select(StoredAnswer).where(StoredAnswer.caller == caller, StoredAnswer.key == key)
    return session.execute(statement).scalar_one_or_none()


def add(
    session: Session, caller: str, key: str, fingerprint: str, *, claim: str, at: datetime
) -> None:
    """Note that a request is being worked on."""
    session.add(
        StoredAnswer(caller=caller, key=key, fingerprint=fingerprint, claim=claim, created_at=at)
    )
    session.flush()


def keep(session: Session, claim: str, given: Given, user_id: str | None) -> bool:
    """Keep the answer of whoever holds `claim`; False where another has taken the work over."""
    kept = session.execute(
        update(StoredAnswer)
        .where(StoredAnswer.claim == claim, StoredAnswer.status.is_(None))
        .values(status=given.status, body=given.body, location=given.location, user_id=user_id)
        .returning(StoredAnswer.id)
    )
    return kept.first() is not None


def drop(session: Session, claim: str) -> None:
    """The work of `claim` came to nothing that would be repeated."""
    session.execute(
        delete(StoredAnswer).where(StoredAnswer.claim == claim, StoredAnswer.status.is_(None))
    )


def forget_before(session: Session, moment: datetime) -> None:
    """Delete answers older than `moment`, some at a time."""
    old = select(StoredAnswer.id).where(StoredAnswer.created_at < moment).limit(_FORGOTTEN_AT_ONCE)
    session.execute(delete(StoredAnswer).where(StoredAnswer.id.in_(old)))


def has_before(session: Session, moment: datetime) -> bool:
    """Whether there are answers older than `moment`."""
    old = select(StoredAnswer.id).where(StoredAnswer.created_at < moment).limit(1)
    return session.execute(old).first() is not None


def forget_person(session: Session, user_id: str) -> None:
    """Delete the answers that speak of a person, also those about others."""
    # A face may look like theirs. All answers of a day are read for it: people go rarely.
    named = StoredAnswer.body.contains(json.dumps(user_id), autoescape=True)
    session.execute(delete(StoredAnswer).where(or_(StoredAnswer.user_id == user_id, named)))
