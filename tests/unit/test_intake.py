"""Hints, scans, the queue and the worker, tick by tick, on fake networks and a clock of ours."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from pipeline.intake import Intake
from pipeline.ledger import Outcome
from pipeline.report import write_report
from pipeline.side_files import SideFiles
from pipeline.worker import Worker
from tests.fakes import BUG, portrait
from tests.gallery_kit import GalleryKit, gallery_in

STABLE_SECONDS = 0.05


class Desk:
    """An intake with its worker, and what the worker said."""

    def __init__(self, kit: GalleryKit, capacity: int = 4) -> None:
        self.outcomes: list[Outcome] = []
        self.worker = Worker(kit.engine.converter, self.outcomes.append, capacity)
        self.intake = Intake(
            kit.drop,
            kit.reconciler,
            self.worker,
            SideFiles(kit.services.database, kit.drop),
            stable_seconds=STABLE_SECONDS,
            rescan_seconds=1000,
        )
        self.worker.start()

    def until(self, done: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, [outcome.path for outcome in self.outcomes]
            self.intake.tick(time.monotonic())
            time.sleep(0.02)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit
        kit.check()


@pytest.fixture
def desk(kit: GalleryKit) -> Iterator[Desk]:
    desk = Desk(kit)
    yield desk
    desk.worker.stop()


def test_files_that_lie_there_already_are_all_enrolled_once(kit: GalleryKit, desk: Desk) -> None:
    for person in range(1, 41):
        kit.put(f"p{person}.png", portrait(person))
    desk.until(lambda: len(desk.outcomes) >= 40 and desk.intake.waiting == 0)
    assert [outcome.status for outcome in desk.outcomes] == ["enrolled"] * 40
    assert set(kit.statuses().values()) == {"enrolled"}


def test_a_hint_is_enough_between_two_scans(kit: GalleryKit, desk: Desk) -> None:
    desk.intake.tick(time.monotonic())
    kit.put("1042.png", portrait(5))
    desk.intake.hints.add(PurePosixPath("1042.png"))
    desk.until(lambda: bool(desk.outcomes))
    assert kit.who(5) == "1042"


def test_without_a_hint_the_next_scan_finds_it(kit: GalleryKit, desk: Desk) -> None:
    desk.intake.tick(time.monotonic())
    kit.put("1042.png", portrait(5))
    desk.intake.scan_soon()
    desk.until(lambda: bool(desk.outcomes))
    assert kit.who(5) == "1042"


def test_false_hints_do_nothing(kit: GalleryKit, desk: Desk) -> None:
    (kit.drop / "_report.csv").write_text("x")
    (kit.drop / ".a.png").write_bytes(portrait(1))
    hints = ["nothing.png", "../secret.png", ".a.png", "_report.csv", ".", "bob/../../x.png"]
    for path in hints:
        desk.intake.hints.add(PurePosixPath(path))
    for _ in range(20):
        desk.intake.tick(time.monotonic())
        time.sleep(0.01)
    assert kit.statuses() == {}


def test_a_file_that_still_grows_is_not_taken(kit: GalleryKit, desk: Desk) -> None:
    whole = portrait(5, size=(400, 400))
    path = kit.drop / "1042.png"
    with path.open("wb") as file:
        for start in range(0, len(whole), 1 + len(whole) // 20):
            file.write(whole[start : start + 1 + len(whole) // 20])
            file.flush()
            desk.intake.hints.add(PurePosixPath("1042.png"))
            desk.intake.tick(time.monotonic())
            time.sleep(STABLE_SECONDS / 5)
    assert desk.outcomes == []
    desk.until(lambda: bool(desk.outcomes))
    assert [outcome.status for outcome in desk.outcomes] == ["enrolled"]


def test_a_bug_keeps_the_photo_pending_and_the_worker_alive(kit: GalleryKit, desk: Desk) -> None:
    kit.put("bug.png", portrait(BUG))
    kit.put("good.png", portrait(5))
    desk.until(lambda: len(desk.outcomes) >= 2)
    assert kit.statuses() == {"bug.png": "pending", "good.png": "enrolled"}
    row = kit.row("bug.png")
    assert row is not None
    assert row.code == "internal"
    assert row.next_attempt_at is not None
    assert desk.worker.is_alive


def test_a_folder_that_went_away_is_a_problem_and_comes_back(kit: GalleryKit, desk: Desk) -> None:
    away = kit.drop.with_name("away")
    kit.drop.rename(away)
    desk.intake.tick(time.monotonic())
    assert desk.intake.problem == "not_ready"
    away.rename(kit.drop)
    kit.put("1042.png", portrait(5))
    desk.until(lambda: bool(desk.outcomes))
    assert desk.intake.problem is None


def test_profiles_are_applied_reported_and_mended(kit: GalleryKit, desk: Desk) -> None:
    from db import users

    def name() -> str | None:
        with kit.services.database.read() as session:
            return users.get(session, "1042").name

    kit.put("1042.png", portrait(5))
    kit.put("1042.json", b'{"name": ')
    desk.until(lambda: bool(desk.outcomes))
    assert kit.statuses() == {"1042.png": "enrolled", "1042.json": "rejected"}
    kit.put("1042.json", b'{"name": "Anna"}')
    desk.intake.hints.add(PurePosixPath("1042.json"))
    desk.until(lambda: name() == "Anna")
    assert kit.statuses() == {"1042.png": "enrolled"}


def test_the_report_holds_every_row_and_no_formula(kit: GalleryKit) -> None:
    kit.enroll("1042.png", 5)
    kit.put("=cmd().png", portrait(6))
    kit.scan_and_convert()
    write_report(kit.services.database, kit.drop)
    text = (kit.drop / "_report.csv").read_text("utf-8-sig")
    lines = text.splitlines()
    assert lines[0] == "path,user_id,status,code,message,face_id,present,updated_at"
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["1042.png", "1042", "enrolled", ""],
        ["'=cmd().png", "", "rejected", "invalid_name"],
    ]
    assert kit.scan_and_convert() == []
