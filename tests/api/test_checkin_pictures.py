"""Pictures of check-ins: kept only where that is wanted, and never longer."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from api import create_app
from core import files
from core.errors import Busy, StorageFull
from core.settings import KeepPictures
from db import checkins
from pipeline import pictures
from pipeline.deletion import delete_user
from pipeline.pictures import PictureSweep, pictures_folder
from tests.api.contract_kit import Contract
from tests.api.kit import body, enroll, refused
from tests.checkin_kit import add_door, check_in, checked_in, moment
from tests.fakes import fake_settings, make_services, portrait

DAY = 86400.0


class World:
    """A service that keeps pictures as it is told, and its folder."""

    def __init__(self, folder: Path, keep: KeepPictures) -> None:
        settings = fake_settings(folder).model_copy(
            update={"keep_pictures": keep, "keep_pictures_days": 7}
        )
        self.services = make_services(settings)
        self.services.start()
        app = create_app(services=self.services)
        self.contract = Contract(app)
        self.client = app.test_client()
        self.folder = pictures_folder(settings)
        enroll(self.client, "1042", portrait(5))
        add_door(self.client)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*/*") if path.is_file())

    def sweep(self, now: float) -> None:
        PictureSweep(self.services.database, self.services.settings).sweep(now)

    def shown(self, event: dict[str, object]) -> int:
        return self.client.get(f"/checkins/{event['event_id']}/picture").status_code


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """All pictures are kept, for 7 days."""
    world = World(tmp_path, KeepPictures.ALL)
    yield world
    world.contract.check()
    world.services.close()


@pytest.mark.parametrize(
    ("keep", "people"),
    [(KeepPictures.NONE, []), (KeepPictures.UNRECOGNIZED, [9]), (KeepPictures.ALL, [5, 9])],
)
def test_only_what_is_wanted_is_kept(tmp_path: Path, keep: KeepPictures, people: list[int]) -> None:
    world = World(tmp_path, keep)
    for person in (5, 9):
        event = checked_in(world.client, portrait(person))
        assert event["has_picture"] is (person in people)
        assert world.shown(event) == (200 if person in people else 404)
    assert len(world.files()) == len(people)
    world.services.close()


def test_a_picture_is_shown_as_it_came(world: World) -> None:
    event = checked_in(world.client, portrait(5))
    response = world.client.get(f"/checkins/{event['event_id']}/picture")
    assert (response.data, response.mimetype) == (portrait(5), "image/png")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    (file,) = world.files()
    assert file.parent.name == datetime.now(UTC).date().isoformat()
    assert file.name.startswith(f"{event['event_id']}.")
    assert str(world.folder) not in str(body(world.client.get(f"/checkins/{event['event_id']}")))


def test_a_picture_that_is_lost_is_not_found(world: World) -> None:
    event = checked_in(world.client, portrait(5))
    world.files()[0].unlink()
    refused(world.client.get(f"/checkins/{event['event_id']}/picture"), 404, "not_found")


def test_repetitions_and_refusals_leave_no_picture(world: World) -> None:
    event, taken = "0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a", moment()
    checked_in(world.client, portrait(5), event_id=event, captured_at=taken)
    checked_in(world.client, portrait(5), event_id=event, captured_at=taken)
    refused(check_in(world.client, portrait(5), event), 409, "idempotency_conflict")
    assert len(world.files()) == 1


def test_who_loses_a_race_takes_no_picture_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, taken = "0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a", moment()
    told = checked_in(world.client, portrait(5), event_id=event, captured_at=taken)
    find, seen = checkins.find, iter([True, True])
    monkeypatch.setattr(checkins, "find", lambda *at: None if next(seen, False) else find(*at))
    assert checked_in(world.client, portrait(5), event_id=event, captured_at=taken)["duplicate"]
    assert len(world.files()) == 1
    assert world.shown(told) == 200


def test_what_is_not_recorded_leaves_no_picture(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise Busy("the database is busy; try again")

    monkeypatch.setattr(checkins, "add", busy)
    refused(check_in(world.client, portrait(5)), 503, "busy")
    assert world.files() == []


def test_a_full_disk_is_said_and_the_event_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, taken = "0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a", moment()

    def full(*_: object) -> None:
        raise StorageFull("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomic", full)
        answer = check_in(world.client, portrait(5), event, captured_at=taken)
        refused(answer, 507, "storage_full")
    assert checked_in(world.client, portrait(5), event_id=event, captured_at=taken)["grant"]


def test_pictures_go_with_their_person_and_events_stay(world: World) -> None:
    own = checked_in(world.client, portrait(5))
    other = checked_in(world.client, portrait(9))
    assert world.client.delete("/users/1042").status_code == 204
    assert [world.shown(own), world.shown(other)] == [404, 200]
    assert body(world.client.get(f"/checkins/{own['event_id']}"))["has_picture"] is False
    world.sweep(time.time() + 2 * 3600)
    assert [path.name[:36] for path in world.files()] == [other["event_id"]]


def test_pictures_go_at_once_where_the_folder_is_known(world: World) -> None:
    checked_in(world.client, portrait(5))
    own = world.services
    delete_user(own.database, own.settings.photo_dir, "1042", world.folder)
    assert world.files() == []


@pytest.mark.parametrize("first", ["1042", "1043"])
def test_pictures_go_with_everybody_they_were_said_to_show(world: World, first: str) -> None:
    world.client.post("/users", json={"user_id": "1043"})
    event = checked_in(world.client, portrait(5))
    said = {"user_id": "1043", "reason": "her sister"}
    world.client.post(f"/checkins/{event['event_id']}/corrections", json=said)
    world.client.delete(f"/users/{first}")
    assert world.shown(event) == 404


@pytest.mark.parametrize("first", ["1042", "1043"])
def test_pictures_of_repeats_go_with_everybody_their_event_was_said_to_show(
    world: World, first: str
) -> None:
    for user_id in ("1043", "1044"):
        world.client.post("/users", json={"user_id": user_id})
    event, repeat = checked_in(world.client, portrait(5)), checked_in(world.client, portrait(5))
    assert repeat["repeat_of"] == event["event_id"]
    for user_id in ("1043", "1044"):
        said = {"user_id": user_id, "reason": "her sister"}
        world.client.post(f"/checkins/{event['event_id']}/corrections", json=said)
    world.client.delete(f"/users/{first}")
    assert [world.shown(event), world.shown(repeat)] == [404, 404]


def test_old_pictures_are_deleted_and_their_events_stay(world: World) -> None:
    event = checked_in(world.client, portrait(5))
    now = time.time()
    world.sweep(now + 7 * DAY)
    assert world.shown(event) == 200
    world.sweep(now + 9 * DAY)
    assert world.shown(event) == 404
    assert list(world.folder.glob("2*")) == []
    assert body(world.client.get(f"/checkins/{event['event_id']}"))["has_picture"] is False


def test_what_no_event_has_is_swept_when_it_is_an_hour_old(world: World) -> None:
    event = checked_in(world.client, portrait(5))
    (kept,) = world.files()
    orphan = kept.with_name("0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a.00000000.png")
    rest = kept.with_name(f".{kept.name}.1.00000000.tmp")
    for path in (orphan, rest):
        path.write_bytes(b"killed before the commit")
    world.sweep(time.time())
    assert orphan.exists()
    for path in (kept, orphan, rest):
        os.utime(path, (time.time() - 4000,) * 2)
    world.sweep(time.time())
    assert world.files() == [kept]
    assert world.shown(event) == 200


def test_a_clock_that_leaps_deletes_nothing_for_a_day(world: World) -> None:
    event = checked_in(world.client, portrait(5))
    now = time.time()
    leapt = now + 400 * DAY
    world.sweep(now)
    for at in (leapt, leapt + 3600, leapt + 0.9 * DAY):
        world.sweep(at)
        assert world.shown(event) == 200
    # Set right again, nothing has happened.
    world.sweep(now + 3600)
    world.sweep(leapt)
    assert world.shown(event) == 200
    # A clock that was right all along: the service had been off for long.
    world.sweep(leapt + 1.1 * DAY)
    assert world.shown(event) == 404


def test_the_sweep_runs_once_an_hour_in_one_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    monkeypatch.setattr(PictureSweep, "sweep", lambda _, now: seen.append(now))
    checked_in(world.client, portrait(5))
    sweeps = PictureSweep(world.services.database, world.services.settings)
    for _ in range(3):
        sweeps.run(1.0)
    assert seen == [1.0]
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 4000)
    monkeypatch.setattr(pictures, "time", later)
    sweeps.run(2.0)
    assert seen == [1.0, 2.0]


def test_a_damaged_note_of_the_last_sweep_is_made_anew(world: World) -> None:
    event = checked_in(world.client, portrait(5))
    (world.folder / "swept.json").write_bytes(b"{")
    world.sweep(time.time())
    assert world.shown(event) == 200
    assert (world.folder / "swept.json").read_bytes().startswith(b'{"at"')


def test_midnight_between_taking_and_recording(world: World) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    event = checked_in(world.client, portrait(5), captured_at=yesterday.isoformat())
    assert world.files()[0].parent.name == event["received_at"][:10]
