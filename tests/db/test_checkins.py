"""Questions about check-ins are answered by indexes, however many there are."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from api.contract.checkins import CorrectionBody, ManualBody
from api.contract.devices import HeartbeatBody, NewDeviceBody
from db import checkins, migrate
from db.access_models import Device
from db.checkin_models import CheckIn, Correction
from db.checkins import AlreadyRecorded, Filter
from db.session import Database, Session

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVENT = "0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'kenal.sqlite3'}")
    migrate.upgrade(database)
    yield database
    database.close()


def of_anna(event_id: str = EVENT, seconds: float = 0) -> CheckIn:
    at = NOON + timedelta(seconds=seconds)
    return CheckIn(
        event_id=event_id,
        body_sha256="0" * 64,
        source="device",
        device_id="door-1",
        decision="match",
        user_id="anna",
        captured_at=at,
        received_at=at,
        at=at,
        late=False,
        clock_suspect=False,
        granted=True,
        effective_user_id="anna",
        effective_at=at,
        voided=False,
        corrected=False,
    )


def test_an_event_is_written_once(database: Database) -> None:
    with database.write() as session:
        checkins.add(session, of_anna())
    with pytest.raises(AlreadyRecorded), database.write() as session:
        checkins.add(session, of_anna())
    with database.read() as session:
        assert len(checkins.page(session, None, 10, Filter())) == 1


def plans_of(database: Database, ask: str) -> list[str]:
    """How SQLite answers what this question asks."""
    asked: list[tuple[str, object]] = []

    def note(*given: object) -> None:
        asked.append((str(given[2]), given[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with database.read() as session:
            QUESTIONS[ask](session)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    with database.connect() as connection:
        rows = [
            row
            for statement, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
        ]
    return [str(row.detail) for row in rows]


QUESTIONS: dict[str, Callable[[Session], object]] = {
    "of a device": lambda s: checkins.page(s, None, 10, Filter(device_id="door-1")),
    "of a person": lambda s: checkins.page(s, None, 10, Filter(user_id="anna")),
    "all": lambda s: checkins.page(s, 100, 10, Filter()),
    "to be looked at": lambda s: checkins.page(s, None, 10, Filter(review=True)),
    "near": lambda s: checkins.counted_near(s, of_anna(), timedelta(seconds=30)),
    "days": lambda s: list(checkins.counted(s, NOON, NOON + timedelta(days=1))),
    "next": lambda s: checkins.next_at(s, NOON),
    "next of a person": lambda s: checkins.next_at(s, NOON, user_id="anna"),
    "one": lambda s: checkins.find(s, EVENT),
    "of a person's pictures": lambda s: checkins.forget_person(s, "anna"),
    "names": lambda s: checkins.with_pictures(s, [f"2026-01-05/{EVENT}.00000000.png"]),
}


@pytest.mark.parametrize("ask", QUESTIONS)
def test_no_question_reads_every_event(database: Database, ask: str) -> None:
    plans = plans_of(database, ask)
    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN checkins")] == []


@pytest.mark.parametrize("ask", ["of a device", "to be looked at"])
def test_pages_are_not_sorted(database: Database, ask: str) -> None:
    assert not any("TEMP B-TREE" in plan for plan in plans_of(database, ask))


def test_events_of_before_are_not_to_be_looked_at(tmp_path: Path) -> None:
    """A database that was filled before doors could claim anything."""
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    migrate.upgrade(database)
    with database.write() as session:
        checkins.add(session, of_anna())
    before = ["review", "device_review", "device_opened"]
    with database.connect() as connection, connection.begin():
        for later in ("spaces", "calibrations"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {later}")
        connection.exec_driver_sql("DROP INDEX ix_checkins_review")
        connection.exec_driver_sql("DROP INDEX ix_checkins_device_user_id")
        for name in [*before, "device_similarity", "device_user_id", "device_decision"]:
            connection.exec_driver_sql(f"ALTER TABLE checkins DROP COLUMN {name}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
    migrate.upgrade(database)
    with database.read() as session:
        (event,) = checkins.page(session, None, 10, Filter(review=False))
        assert (event.user_id, event.device_opened, event.review) == ("anna", None, False)
        assert checkins.page(session, None, 10, Filter(review=True)) == []
    database.close()


def test_times_are_kept_in_utc(database: Database) -> None:
    with database.write() as session:
        checkins.add(session, of_anna())
        stored = session.execute(text("SELECT at FROM checkins")).scalar_one()
    assert stored == "2026-01-05 12:00:00.000000"


@pytest.mark.parametrize(
    ("column", "field"),
    [
        (Device.device_id, NewDeviceBody.model_fields["device_id"]),
        (Device.name, NewDeviceBody.model_fields["name"]),
        (Device.place, NewDeviceBody.model_fields["place"]),
        (Device.version, HeartbeatBody.model_fields["version"]),
        (CheckIn.author, ManualBody.model_fields["author"]),
        (CheckIn.note, ManualBody.model_fields["reason"]),
        (Correction.author, CorrectionBody.model_fields["author"]),
        (Correction.reason, CorrectionBody.model_fields["reason"]),
    ],
)
def test_what_the_api_takes_fits(column: Any, field: FieldInfo) -> None:
    # SQLite takes longer texts; other databases refuse them.
    longest = "x" * column.type.length
    taken: Any = Annotated[field.annotation, field]
    adapter: TypeAdapter[Any] = TypeAdapter(taken)
    assert adapter.validate_python(longest) == longest
    with pytest.raises(ValidationError):
        adapter.validate_python(longest + "x")
