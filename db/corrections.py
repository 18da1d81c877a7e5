"""Corrections: what people said about events later, beside what was recorded."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.checkin_models import Correction


def add(session: Session, correction: Correction) -> None:
    """Write a correction down."""
    session.add(correction)
    session.flush()


def of(session: Session, checkin_ids: Collection[int]) -> Mapping[int, Sequence[Correction]]:
    """The corrections of these events, oldest first, by the event's row."""
    found: dict[int, list[Correction]] = {checkin_id: [] for checkin_id in checkin_ids}
    if checkin_ids:
        statement = select(Correction).where(Correction.checkin_id.in_(checkin_ids))
        for row in session.execute(statement.order_by(Correction.id)).scalars():
            found[row.checkin_id].append(row)
    return found
