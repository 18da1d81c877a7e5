"""Photos dropped in every clumsy way, and a watcher that is killed: nothing lost, nothing twice."""

import csv
import ftplib
import io
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.photos import astronaut, numbered
from tests.integration.system import FTP_PASSWORD, RunningKenal, running

PHOTOS = 200
KILLS = 3


@pytest.fixture(scope="module")
def kenal(
    tmp_path_factory: pytest.TempPathFactory, prepared_models: Path
) -> Iterator[RunningKenal]:
    folder: Path = tmp_path_factory.mktemp("dropped")
    with running(RunningKenal(folder, model_dir=prepared_models), "web", "watcher", "ftp") as kenal:
        yield kenal


def ledger(kenal: RunningKenal) -> dict[str, dict[str, str]]:
    """`_report.csv`, by path."""
    text = (kenal.drop / "_report.csv").read_text("utf-8-sig")
    return {row["path"]: row for row in csv.DictReader(io.StringIO(text))}


def status(kenal: RunningKenal, path: str) -> tuple[str, str]:
    row = ledger(kenal).get(path, {"status": "", "code": ""})
    return row["status"], row["code"]


def wait_for(kenal: RunningKenal, path: str, expected: tuple[str, str], seconds: float) -> None:
    kenal.until(lambda: status(kenal, path) == expected, seconds)


def connected(kenal: RunningKenal) -> ftplib.FTP:
    client = ftplib.FTP(timeout=30)
    client.connect("127.0.0.1", kenal.ftp_port)
    client.login("kenal", FTP_PASSWORD)
    return client


def test_an_upload_that_pauses_is_enrolled_once_after_its_end(kenal: RunningKenal) -> None:
    photo, path = numbered(1), kenal.drop / "pauses.jpg"
    with path.open("wb") as file:
        file.write(photo[: len(photo) // 2])
        file.flush()
        time.sleep(10)
        assert status(kenal, "pauses.jpg")[0] == "pending"
        file.write(photo[len(photo) // 2 :])
    wait_for(kenal, "pauses.jpg", ("enrolled", ""), 60)
    assert kenal.log("watcher").count("pauses.jpg: enrolled") == 1
    assert kenal.ask(numbered(60))["user_id"] == "pauses"


def test_overwriting_with_garbage_keeps_the_old_enrollment(kenal: RunningKenal) -> None:
    path = kenal.drop / "pauses.jpg"
    path.write_bytes(b"GARBAGE" * 100)
    wait_for(kenal, "pauses.jpg", ("rejected", "unsupported_image"), 60)
    assert kenal.ask(numbered(60))["user_id"] == "pauses"


def test_overwriting_with_another_person_is_a_conflict(
    kenal: RunningKenal, shared_dir: Path
) -> None:
    stranger = shared_dir / "faces/gallery/train/rose_leslie/img1.jpg"
    (kenal.drop / "pauses.jpg").write_bytes(stranger.read_bytes())
    wait_for(kenal, "pauses.jpg", ("conflict", "face_conflict"), 60)
    assert kenal.ask(numbered(60))["user_id"] == "pauses"
    assert kenal.ask(stranger.read_bytes())["decision"] == "no_match"


def test_a_temporary_name_is_ignored_until_it_is_renamed(kenal: RunningKenal) -> None:
    temporary = kenal.drop / "renamed.jpg.filepart"
    temporary.write_bytes(numbered(2))
    time.sleep(3)
    assert not [path for path in ledger(kenal) if "renamed" in path]
    temporary.rename(kenal.drop / "renamed.jpg")
    wait_for(kenal, "renamed.jpg", ("enrolled", ""), 60)


def test_an_ftp_upload_broken_at_60_percent_leaves_nothing(kenal: RunningKenal) -> None:
    photo = astronaut(size_px=1500)
    client = connected(kenal)
    data = client.transfercmd("STOR broken.jpg")
    data.sendall(photo[: len(photo) * 6 // 10])
    client.close()  # The control connection first, as when a client is lost.
    data.close()
    time.sleep(6)
    assert "broken.jpg" not in ledger(kenal)
    again = connected(kenal)
    again.storbinary("STOR broken.jpg", io.BytesIO(photo))
    again.quit()
    wait_for(kenal, "broken.jpg", ("enrolled", ""), 60)


def test_a_copy_broken_at_60_percent_waits_and_is_then_refused(kenal: RunningKenal) -> None:
    photo = numbered(3)
    (kenal.drop / "cut.jpg").write_bytes(photo[: len(photo) * 6 // 10])
    wait_for(kenal, "cut.jpg", ("pending", "image_corrupt"), 30)
    wait_for(kenal, "cut.jpg", ("rejected", "image_corrupt"), 90)
    (kenal.drop / "cut.jpg").write_bytes(photo)
    wait_for(kenal, "cut.jpg", ("enrolled", ""), 60)


@pytest.mark.timeout(900)
def test_photos_are_processed_once_though_the_watcher_is_killed(kenal: RunningKenal) -> None:
    names = [f"many-{number}.jpg" for number in range(PHOTOS)]
    for number, name in enumerate(names):
        data = numbered(100 + number) if number % 20 else b"no photo %d" % number
        (kenal.drop / name).write_bytes(data)
    for kill in range(1, KILLS + 1):
        goal = kill * PHOTOS // (KILLS + 2)
        kenal.until(lambda goal=goal: _done(kenal) >= goal, 300)  # type: ignore[misc]
        kenal.kill("watcher")
        kenal.start("watcher")
    kenal.until(lambda: _done(kenal) >= PHOTOS and kenal.counts()["pending"] == 0, 600)
    time.sleep(5)
    rows = {path: row for path, row in ledger(kenal).items() if path.startswith("many-")}
    assert Counter(row["status"] for row in rows.values()) == {"enrolled": 190, "rejected": 10}
    face_ids = sorted(int(row["face_id"]) for row in rows.values() if row["face_id"])
    # Ids are never used again: a photo enrolled twice would leave a gap.
    assert face_ids == list(range(face_ids[0], face_ids[0] + 190))
    counts = kenal.counts()
    assert counts["seen"] == sum(counts[s] for s in ("enrolled", "rejected", "conflict", "pending"))
    assert counts["seen"] == len(ledger(kenal))


def _done(kenal: RunningKenal) -> int:
    return sum(
        row["status"] in ("enrolled", "rejected", "conflict")
        for path, row in ledger(kenal).items()
        if path.startswith("many-")
    )
