"""Deliveries on loopback: signed, tried again, each webhook at its own pace, at least once."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from core.settings import Settings
from db import deliveries, migrate, webhooks
from db.deliveries import DeliveryStatus
from db.session import Database
from pipeline.webhooks import post, schedule, sender
from pipeline.webhooks.events import EventType, emit, emit_deleted
from pipeline.webhooks.hooks import renew_secret
from pipeline.webhooks.sender import tidy
from pipeline.webhooks.signing import new_secret
from tests.webhook_kit import (
    Receiver,
    dribbling,
    private_settings,
    receiving,
    rows,
    sending_in,
    settings_in,
    soon,
    subscribe,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    return settings


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.resolved_database_url)
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries after moments."""
    monkeypatch.setattr(schedule, "_PAUSES_SECONDS", (0.1,) * 10)
    monkeypatch.setattr(schedule, "rest", lambda failures: 0.05)


def announce(database: Database, *user_ids: str) -> None:
    with database.write() as session:
        for user_id in user_ids:
            emit(session, EventType.DELETED, {"user_id": user_id}, user_id)


def statuses(database: Database) -> list[str]:
    return [row.status for row in rows(database)]


def test_an_event_arrives_signed(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    hook = subscribe(database, receiver.url + "?token=1")
    with sending_in(database, settings):
        announce(database, "ann Åse")
        assert soon(lambda: statuses(database) == ["delivered"])
    (got,) = receiver.got
    got.verify(hook.secret)
    assert got.path == "/hook?token=1"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert (got.type, got.json["data"]) == ("deleted", {"user_id": "ann Åse"})
    assert set(got.json) == {"type", "timestamp", "data"}
    (row,) = rows(database)
    assert got.id == row.message_id
    assert (row.attempts, row.response_status, row.error) == (1, 200, None)
    assert row.next_attempt_at is None


def test_a_foreign_secret_does_not_verify(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    subscribe(database, receiver.url)
    other = subscribe(database, "http://127.0.0.1:1/", events=["enrolled"])
    announce(database, "ann")
    with sending_in(database, settings):
        assert soon(lambda: len(receiver.got) == 1)
    with pytest.raises(Exception, match="No matching signature"):
        receiver.got[0].verify(other.secret)


def test_for_a_day_the_old_secret_signs_too(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    old = subscribe(database, receiver.url).secret
    with database.write() as session:
        hook = webhooks.get(session, 1)
        renew_secret(hook)
        assert hook.previous_until is not None
        assert deliveries.signing_secrets(hook, hook.previous_until) == (hook.secret,)
    announce(database, "ann")
    with sending_in(database, settings):
        assert soon(lambda: len(receiver.got) == 1)
    receiver.got[0].verify(old)
    receiver.got[0].verify(hook.secret)
    assert hook.secret != old


@pytest.mark.usefixtures("quick")
def test_an_error_is_tried_again_under_the_same_id(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    receiver.says = [(500, {}), (404, {}), (204, {})]
    hook = subscribe(database, receiver.url)
    announce(database, "ann")
    with sending_in(database, settings):
        assert soon(lambda: statuses(database) == ["delivered"])
    assert len({got.id for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    for got in receiver.got:
        got.verify(hook.secret)
    assert (rows(database)[0].attempts, rows(database)[0].response_status) == (3, 204)


@pytest.mark.usefixtures("quick")
def test_a_receiver_that_comes_back(database: Database, settings: Settings) -> None:
    with receiving() as gone:
        port = gone.port
    subscribe(database, f"http://127.0.0.1:{port}/hook")
    announce(database, "ann", "bob")
    with sending_in(database, settings):
        assert soon(lambda: all(row.attempts for row in rows(database)))
        assert "refused" in (rows(database)[0].error or "")
        with receiving(port) as back:
            assert soon(lambda: statuses(database) == ["delivered"] * 2)
    assert {got.json["data"]["user_id"] for got in back.got} == {"ann", "bob"}
    assert [row.error for row in rows(database)] == [None, None]


@pytest.mark.usefixtures("quick")
def test_given_up_after_the_last_attempt(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    receiver.says = [(500, {})] * 50
    subscribe(database, receiver.url)
    announce(database, "ann")
    with sending_in(database, settings):
        assert soon(lambda: statuses(database) == ["failed"])
    assert len(receiver.got) == schedule.MAX_ATTEMPTS == 11
    (row,) = rows(database)
    assert (row.error, row.next_attempt_at) == ("the receiver answered 500", None)


@pytest.mark.usefixtures("quick")
def test_redirects_are_not_followed(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    with receiving() as other:
        receiver.says = [(status, {"Location": other.url}) for status in (301, 302, 303, 307, 308)]
        subscribe(database, receiver.url)
        announce(database, "ann")
        with sending_in(database, settings):
            assert soon(lambda: len(receiver.got) == 3)
            assert soon(lambda: "redirects are not followed" in (rows(database)[0].error or ""))
        assert other.got == []


def test_gone_deactivates(database: Database, settings: Settings, receiver: Receiver) -> None:
    receiver.says = [(410, {})]
    subscribe(database, receiver.url)
    announce(database, "ann", "bob")
    with sending_in(database, settings):
        assert soon(lambda: statuses(database)[0] == "failed")
        announce(database, "carl")
    with database.read() as session:
        assert not webhooks.get(session, 1).active
    assert len(receiver.got) == 1
    # What was queued before waits: whoever makes it active again loses nothing.
    assert statuses(database) == ["failed", "pending"]


def test_a_slow_receiver_holds_up_nobody(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    leave = threading.Event()
    with receiving() as slow:
        slow.before = lambda: leave.wait(60)
        subscribe(database, slow.url)
        subscribe(database, receiver.url)
        announce(database, *(f"user {n}" for n in range(30)))
        with sending_in(database, settings):
            assert soon(lambda: len(receiver.got) == 30)
            assert len(slow.got) == 1
            leave.set()
            assert soon(lambda: statuses(database) == ["delivered"] * 60)


def test_an_answer_that_never_ends_ends(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every byte comes in time, and all of them together never would."""
    monkeypatch.setattr(post, "ATTEMPT_SECONDS", 1.0)
    with dribbling(b"HTTP/1.1 200 OK\r\nX-Long: ") as port:
        subscribe(database, f"http://127.0.0.1:{port}/")
        announce(database, "ann")
        with sending_in(database, settings):
            assert soon(lambda: rows(database)[0].error is not None)
    assert rows(database)[0].error == "no answer within 10 seconds"


def test_an_endless_body_is_left(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "ATTEMPT_SECONDS", 1.0)
    with dribbling(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        subscribe(database, f"http://127.0.0.1:{port}/")
        announce(database, "ann")
        with sending_in(database, settings):
            assert soon(lambda: statuses(database) == ["delivered"])


def test_what_is_no_http(database: Database, settings: Settings) -> None:
    with dribbling(b"SSH-2.0-OpenSSH_9.6\r\n\r\n") as port:
        subscribe(database, f"http://127.0.0.1:{port}/")
        announce(database, "ann")
        with sending_in(database, settings):
            assert soon(lambda: rows(database)[0].error is not None)
    assert rows(database)[0].error == "the answer was not HTTP, or ended early"


def test_an_address_that_was_allowed_once(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    subscribe(database, receiver.url)
    announce(database, "ann")
    with sending_in(database, private_settings(settings, private=False)):
        assert soon(lambda: rows(database)[0].error is not None)
    assert rows(database)[0].error == "the host has an address that webhooks may not go to"
    assert receiver.got == []


def test_only_who_subscribed_and_is_active(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    subscribe(database, receiver.url, events=["enrolled"])
    with database.write() as session:
        webhooks.add(session, receiver.url, None, ["deleted"], new_secret()).active = False
        emit(session, EventType.DELETED, {"user_id": "ann"})
    assert rows(database) == []
    with database.write() as session:
        emit(session, EventType.ENROLLED, {"user_id": "ann"})
    assert [row.webhook_id for row in rows(database)] == [1]


def test_nothing_is_announced_that_was_rolled_back(database: Database) -> None:
    subscribe(database, "http://127.0.0.1:1/")

    def fail() -> None:
        with database.write() as session:
            emit(session, EventType.DELETED, {"user_id": "ann"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert rows(database) == []


def test_two_senders_are_one(database: Database, settings: Settings, receiver: Receiver) -> None:
    receiver.before = lambda: time.sleep(0.05)
    subscribe(database, receiver.url)
    announce(database, *(f"user {n}" for n in range(20)))
    with sending_in(database, settings), sending_in(database, settings):
        assert soon(lambda: statuses(database) == ["delivered"] * 20)
    assert len(receiver.got) == 20


@pytest.mark.usefixtures("quick")
def test_retry_after_is_respected(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    receiver.says = [(429, {"Retry-After": "1800"})]
    subscribe(database, receiver.url)
    announce(database, "ann", "bob")
    with sending_in(database, settings):
        assert soon(lambda: rows(database)[0].response_status == 429)
        time.sleep(1)
    # Both wait: the receiver asked for a pause, not for this one delivery to be late.
    assert len(receiver.got) == 1
    row = rows(database)[0]
    assert row.last_attempt_at is not None
    assert row.next_attempt_at is not None
    assert row.next_attempt_at - row.last_attempt_at > timedelta(minutes=29)


def test_a_retry_asked_for_while_the_last_attempt_fails(database: Database) -> None:
    subscribe(database, "http://127.0.0.1:1/")
    announce(database, "ann")
    now = datetime.now(UTC)
    with database.write() as session:
        attempt = deliveries.claim(session, 1, now, lambda n: now + timedelta(hours=1))
        assert attempt is not None
        deliveries.queue_again(deliveries.get(session, 1, attempt.delivery_id))
    with database.write() as session:
        failed = deliveries.Ended(DeliveryStatus.FAILED, 500, "x", None)
        deliveries.record(session, attempt, failed)
    assert statuses(database) == ["pending"]
    with database.read() as session:
        assert deliveries.due_webhooks(session, datetime.now(UTC)) == [1]


def test_a_delivery_that_was_deleted_meanwhile(database: Database) -> None:
    subscribe(database, "http://127.0.0.1:1/")
    announce(database, "ann")
    now = datetime.now(UTC)
    with database.write() as session:
        attempt = deliveries.claim(session, 1, now, lambda n: now)
        assert attempt is not None
        webhooks.remove(session, webhooks.get(session, 1))
    with database.write() as session:
        done = deliveries.Ended(DeliveryStatus.DELIVERED, 200, None, None)
        deliveries.record(session, attempt, done)
    assert rows(database) == []


def age(database: Database, delivery_id: int, days: int, status: str) -> None:
    at = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None)
    with database.write() as session:
        session.execute(
            text("UPDATE deliveries SET created_at=:at, queued_at=:at, status=:s WHERE id=:id"),
            {"at": at, "s": status, "id": delivery_id},
        )


def test_old_deliveries_are_given_up_and_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_PRUNED_AT_ONCE", 2)
    subscribe(database, "http://127.0.0.1:1/")
    announce(database, *"abcdefgh")
    for number in range(1, 6):
        age(database, number, 31, "delivered")
    age(database, 6, 4, "pending")
    age(database, 7, 2, "pending")
    tidy(database)
    assert [(row.id, row.status) for row in rows(database)] == [
        (6, "failed"),
        (7, "pending"),
        (8, "pending"),
    ]
    assert rows(database)[0].error == "it could not be delivered in 3 days"


def test_of_a_deleted_person_only_the_deletion_is_told(database: Database) -> None:
    subscribe(database, "http://127.0.0.1:1/")
    with database.write() as session:
        for user_id in ("ann", "bob"):
            emit(session, EventType.ENROLLED, {"user_id": user_id}, user_id)
            emit(session, EventType.CHECK_IN, {"user_id": user_id}, user_id)
            emit(session, EventType.CHECK_IN, {"user_id": user_id, "n": 2}, user_id)
    age(database, 2, 0, "delivered")
    with database.write() as session:
        emit_deleted(session, "ann")
    left = [(row.user_id, row.type) for row in rows(database)]
    assert left == [
        ("ann", "check_in"),
        ("bob", "enrolled"),
        ("bob", "check_in"),
        ("bob", "check_in"),
        ("ann", "deleted"),
    ]
