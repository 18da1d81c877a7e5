"""How much there is of everything, for monitoring: counted over indexes, not whole tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import photos
from db.access_models import Device
from db.checkin_models import CheckIn
from db.deliveries import DeliveryStatus
from db.delivery_models import Delivery, Webhook
from db.models import User
from db.photos import Status

_WAITING = (DeliveryStatus.PENDING, DeliveryStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Counts:
    """`deliveries` are those pending and failed; `online` the devices heard of lately.

    `last_check_in` is the row up to which check-ins were counted.
    """

    people: int
    ledger: Mapping[Status, int]
    deliveries: Mapping[DeliveryStatus, int]
    overdue: timedelta
    check_ins: int
    last_check_in: int
    devices: int
    online: int


def count_all(
    session: Session, now: datetime, online_for: timedelta, before: Counts | None = None
) -> Counts:
    """Everything as of this session; `online_for` is how lately an online device was heard of.

    With what was counted `before`, only the check-ins since are counted: none ever goes.
    """
    known, counted_to = (before.check_ins, before.last_check_in) if before else (0, 0)
    fresh = select(func.count(CheckIn.id), func.max(CheckIn.id)).where(CheckIn.id > counted_to)
    check_ins, last = session.execute(fresh).one()
    heard = select(func.count()).select_from(Device).where(Device.last_seen_at >= now - online_for)
    return Counts(
        people=session.execute(select(func.count(User.id))).scalar_one(),
        ledger=photos.counts(session),
        deliveries=_deliveries(session),
        overdue=overdue(session, now),
        check_ins=known + check_ins,
        last_check_in=last or counted_to,
        devices=session.execute(select(func.count(Device.id))).scalar_one(),
        online=session.execute(heard).scalar_one(),
    )


def overdue(session: Session, now: datetime) -> timedelta:
    """For how long the delivery that is due longest has been due; zero where none is."""
    first = (
        select(func.min(Delivery.next_attempt_at))
        .where(Delivery.webhook_id == Webhook.id, Delivery.status == DeliveryStatus.PENDING)
        .scalar_subquery()
    )
    # One look into the index for each webhook, however many deliveries wait.
    due = session.execute(select(first).where(Webhook.active)).scalars()
    return max((now - at for at in due if at is not None and at < now), default=timedelta())


def _deliveries(session: Session) -> dict[DeliveryStatus, int]:
    found = dict.fromkeys(_WAITING, 0)
    # By webhook, as the index is: the payloads beside it are never read.
    statement = (
        select(Delivery.status, func.count())
        .where(Delivery.status.in_(_WAITING))
        .group_by(Delivery.webhook_id, Delivery.status)
    )
    for status, number in session.execute(statement):
        found[DeliveryStatus(status)] += number
    return found
