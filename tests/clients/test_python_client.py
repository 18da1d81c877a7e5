"""The Python client against a real server: what it asks, and what it survives."""

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from kenal_client import (
    CheckInResult,
    ConflictError,
    ConnectionFailed,
    Kenal,
    NotFound,
    Person,
    PhotoError,
)
from kenal_client.parsing import parse
from kenal_client.transport import Ask, Transport
from tests.clients.lossy import Fate, Lossy, lossy
from tests.fakes import group, nobody, portrait
from tests.served_kit import Served, served

ADA, BOB, STRANGER = 5, 77, 300


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    patient = {"KENAL_FRESH_SECONDS": "60"}
    with served(tmp_path_factory.mktemp("served"), patient) as server:
        with Kenal(server.url) as kenal:
            kenal.photos.enroll("ada", portrait(ADA))
            kenal.devices.create("Gate 1", device_id="gate-1", direction="in")
        yield server


@pytest.fixture
def kenal(server: Served) -> Iterator[Kenal]:
    with Kenal(server.url) as kenal:
        yield kenal


@pytest.fixture
def proxy(server: Served) -> Iterator[Lossy]:
    with lossy(server.port) as proxy:
        yield proxy


def test_recognize_verify_compare_detect(kenal: Kenal) -> None:
    found = kenal.recognize(portrait(ADA, shade=3))
    assert (found.decision, found.recognized, found.user_id) == ("match", True, "ada")
    assert found.profile is not None
    assert found.profile.created_at.tzinfo is not None
    assert kenal.recognize(io.BytesIO(portrait(STRANGER))).decision == "no_match"
    assert kenal.verify("ada", portrait(ADA)).recognized
    assert not kenal.verify("ada", portrait(BOB)).recognized
    assert kenal.compare(portrait(BOB), portrait(BOB, shade=4)).decision == "match"
    assert kenal.compare(portrait(BOB), portrait(ADA)).decision == "no_match"
    people = kenal.recognize_all(group([ADA, STRANGER], [160, 120]))
    assert [face.user_id for face in people.faces] == ["ada", None]
    assert len(kenal.detect(group([ADA, STRANGER], [160, 120])).faces) == 2
    assert kenal.detect(nobody()).faces == ()
    with pytest.raises(PhotoError) as caught:
        kenal.recognize(nobody())
    assert caught.value.code == "no_face"
    with pytest.raises(NotFound):
        kenal.verify("nobody", portrait(ADA))


def test_people(kenal: Kenal) -> None:
    user_id = "Åse @home"
    made = kenal.users.create(user_id, name="Åse", attributes={"floor": 3})
    assert kenal.users.get(user_id) == made
    with pytest.raises(ConflictError):
        kenal.users.create(user_id)
    changed = kenal.users.update(user_id, name=None, email="ase@example.org")
    assert (changed.name, changed.email, changed.attributes) == (
        None,
        "ase@example.org",
        {"floor": 3},
    )
    kenal.users.delete(user_id)
    with pytest.raises(NotFound) as caught:
        kenal.users.get(user_id)
    assert caught.value.request_id


def test_every_page_is_fetched(server: Served, kenal: Kenal) -> None:
    wanted = [f"many-{number}" for number in range(5)]
    for user_id in wanted:
        kenal.users.create(user_id)
    with httpx.Client(base_url=server.url) as http:
        rows = list(Transport(http, 0).pages(Ask("GET", "/users", {"limit": 2}), "users"))
    assert [parse(Person, row) for row in rows] == list(kenal.users.list())
    assert [person.user_id for person in kenal.users.list()][-5:] == wanted


def test_photos(kenal: Kenal, tmp_path: Path) -> None:
    path = tmp_path / "bob.png"
    path.write_bytes(portrait(BOB))
    made = kenal.photos.enroll("bob", path, mode="strict")
    assert (made.status, made.duplicate, made.user_id) == ("enrolled", False, "bob")
    assert kenal.photos.enroll("bob", path).duplicate
    with pytest.raises(ConflictError) as caught:
        kenal.photos.enroll("bob", portrait(STRANGER))
    assert caught.value.code == "face_conflict"
    accepted = kenal.photos.enroll("bob", portrait(STRANGER), accept=True)
    assert {photo.id for photo in kenal.photos.list("bob")} >= {made.id, accepted.id}
    kenal.photos.delete("bob", accepted.id)
    assert accepted.id not in {photo.id for photo in kenal.photos.list("bob")}
    kenal.users.delete("bob")


def test_devices(kenal: Kenal) -> None:
    made = kenal.devices.create("Door", place="Hall")
    assert made.key
    assert made.key not in repr(made)
    assert kenal.devices.get(made.device_id).status == "never"
    heard = kenal.heartbeat(made.device_id, version="1.2", queue_length=4)
    assert abs(heard.clock_skew_ms) < 60_000
    changed = kenal.devices.update(made.device_id, place=None, active=False)
    assert (changed.name, changed.place, changed.active) == ("Door", None, False)
    fresh = kenal.devices.new_key(made.device_id, overlap_hours=0)
    assert fresh.key != made.key
    assert fresh.key not in repr(fresh)
    assert made.device_id in {device.device_id for device in kenal.devices.list()}
    kenal.devices.delete(made.device_id)
    assert made.device_id not in {device.device_id for device in kenal.devices.list()}


def test_check_in_and_attendance(kenal: Kenal) -> None:
    before = datetime.now(UTC)
    told = kenal.check_in(portrait(ADA), device_id="gate-1")
    assert (told.grant, told.duplicate, told.user_id, told.direction) == (True, False, "ada", "in")
    assert kenal.checkin(told.event_id).granted
    late = kenal.check_in(
        portrait(ADA), device_id="gate-1", captured_at=before - timedelta(hours=1), direction="out"
    )
    assert (late.grant, late.late, late.direction) == (False, True, "out")
    found = kenal.checkins(user_id="ada", device_id="gate-1", start=before)
    assert told.event_id in {event.event_id for event in found}
    assert list(kenal.checkins(start=before + timedelta(days=1))) == []
    days = list(kenal.attendance(before.date() - timedelta(days=1), datetime.now(UTC).date()))
    assert {row.user_id for row in days} == {"ada"}
    assert sum(row.events for row in days) >= 2


@pytest.mark.parametrize("fate", list(Fate))
def test_a_check_in_is_recorded_once_whatever_is_lost(
    server: Served, proxy: Lossy, fate: Fate
) -> None:
    proxy.fates.extend([fate, fate])
    with Kenal(proxy.url) as kenal:
        told = kenal.check_in(portrait(ADA), device_id="gate-1")
        assert proxy.seen == 3
        # Only a first answer grants, and here it was lost unless nothing had been sent.
        assert told.grant is (fate is Fate.HANG_UP)
        assert told.duplicate is not told.grant
        assert kenal.checkin(told.event_id).granted


@pytest.mark.parametrize("fate", [Fate.LOSE, Fate.CUT])
def test_what_creates_is_done_once(server: Served, proxy: Lossy, fate: Fate) -> None:
    proxy.fates.append(fate)
    user_id = f"once-{fate.name}"
    with Kenal(proxy.url) as kenal:
        assert kenal.users.create(user_id).user_id == user_id
        proxy.fates.append(fate)
        photo = kenal.photos.enroll(user_id, portrait(200 + len(fate.name) * 9))
        assert not photo.duplicate
        assert len(list(kenal.photos.list(user_id))) == 1
        proxy.fates.append(fate)
        kenal.users.delete(user_id)
        with pytest.raises(NotFound):
            kenal.users.get(user_id)


def test_a_key_that_was_lost_is_not_asked_for_again(server: Served, proxy: Lossy) -> None:
    proxy.fates.append(Fate.LOSE)
    with Kenal(proxy.url) as kenal:
        with pytest.raises(ConnectionFailed):
            kenal.devices.create("Gate 9", device_id="gate-9")
        assert proxy.seen == 1
        assert kenal.devices.get("gate-9").name == "Gate 9"


def test_a_server_that_is_not_there() -> None:
    with Kenal("http://127.0.0.1:1", retries=1) as kenal, pytest.raises(ConnectionFailed) as caught:
        kenal.users.get("ada")
    assert (caught.value.status, caught.value.code) == (None, None)


def test_a_server_killed_in_the_middle_records_each_check_in_once(tmp_path: Path) -> None:
    with served(tmp_path / "killed") as server, Kenal(server.url, retries=10) as kenal:
        kenal.photos.enroll("ada", portrait(ADA))
        kenal.devices.create("Gate 1", device_id="gate-1")
        sent = [str(uuid4()) for _ in range(40)]
        answered: list[CheckInResult] = []
        enough = threading.Event()

        def check_in(event_id: str) -> None:
            answered.append(kenal.check_in(portrait(ADA), device_id="gate-1", event_id=event_id))
            if len(answered) >= 10:
                enough.set()

        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(check_in, event_id) for event_id in sent]
            assert enough.wait(60)
            server.kill()
            time.sleep(0.3)
            server.start()
            for one in waiting:
                one.result()
        recorded = [event.event_id for event in kenal.checkins()]
    assert sorted(recorded) == sorted(sent)
    assert sorted(told.event_id for told in answered) == sorted(sent)
    assert {told.reason for told in answered} <= {None, "duplicate", "late", "slow"}
    assert all(told.grant is (told.reason is None) for told in answered)
