"""`flask <group> <command>`: what an admin types, what they read, and the exit code."""

import csv
import json
import os
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import text

from api import create_app
from index import FaceIndex, IndexReport, OnProgress, TuneReport
from pipeline.services import Services
from tests.api.kit import body, enroll, recognize
from tests.fakes import BUG, FakeNetworks, fake_settings, group, make_services, nobody, portrait


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def failed(result: Result, code: str) -> str:
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{code}: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    return result.stderr


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """A drop folder with one photo of each fate."""
    folder = tmp_path / "photo_storage"
    folder.mkdir(exist_ok=True)
    (folder / "1042.png").write_bytes(portrait(5))
    (folder / "1042.json").write_text('{"name": "Ada"}')
    (folder / "7").mkdir()
    (folder / "7" / "a.png").write_bytes(portrait(77))
    (folder / "7" / "b.png").write_bytes(portrait(99))
    (folder / "8.png").write_bytes(nobody())
    (folder / "9.png").write_bytes(group([3, 4], [60, 60]))
    (folder / "notes.txt").write_text("no photo")
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    return folder


def test_scan(runner: FlaskCliRunner, client: FlaskClient, drop: Path) -> None:
    said = done(runner.invoke(args=["photos", "scan"]))
    assert "Looked at 6 photos: " in said
    assert "2 enrolled, 3 rejected, 1 conflict" in said
    assert "Seen: 6 = 0 pending + 2 enrolled + 3 rejected + 1 conflict" in said
    assert body(client.get("/users/1042"))["name"] == "Ada"
    assert body(recognize(client, portrait(77)))["user_id"] == "7"
    with (drop / "_report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["path"]: row["code"] or row["status"] for row in csv.DictReader(file)}
    assert rows == {
        "1042.png": "enrolled",
        "7/a.png": "enrolled",
        "7/b.png": "face_conflict",
        "8.png": "no_face",
        "9.png": "multiple_faces",
        "notes.txt": "unsupported_image",
    }


def test_scan_again_finds_nothing_to_do(runner: FlaskCliRunner, drop: Path) -> None:
    first = done(runner.invoke(args=["photos", "scan"]))
    second = done(runner.invoke(args=["photos", "scan"]))
    assert second.startswith("Looked at 0 photos.\n")
    assert second.splitlines()[-1] == first.splitlines()[-1]


def test_a_bug_at_one_photo_does_not_end_the_scan(
    runner: FlaskCliRunner, client: FlaskClient, drop: Path
) -> None:
    (drop / "0.png").write_bytes(portrait(BUG))
    said = done(runner.invoke(args=["photos", "scan"]))
    assert "1 pending" in said
    assert "2 enrolled" in said
    waiting = body(client.get("/photos?status=pending"))["photos"]
    assert [(photo["path"], photo["code"]) for photo in waiting] == [("0.png", "internal")]


def test_report(runner: FlaskCliRunner, drop: Path) -> None:
    runner.invoke(args=["photos", "scan"])
    (drop / "_report.csv").unlink()
    said = done(runner.invoke(args=["photos", "report"]))
    assert "Seen: 6 = " in said
    assert "_report.csv, in the drop folder" in said
    assert str(drop.parent) not in said
    assert (drop / "_report.csv").is_file()


def test_retry(runner: FlaskCliRunner, drop: Path) -> None:
    runner.invoke(args=["photos", "scan"])
    assert "1 photos" in done(runner.invoke(args=["photos", "retry", "--code", "no_face"]))
    assert "Looked at 1 photos" in done(runner.invoke(args=["photos", "scan"]))
    assert "3 photos" in done(runner.invoke(args=["photos", "retry"]))
    assert "1 photos" in done(runner.invoke(args=["photos", "retry", "--status", "conflict"]))
    assert runner.invoke(args=["photos", "retry", "--status", "enrolled"]).exit_code == 2


def test_accept(runner: FlaskCliRunner, client: FlaskClient, drop: Path) -> None:
    runner.invoke(args=["photos", "scan"])
    assert body(recognize(client, portrait(99)))["decision"] == "no_match"
    assert done(runner.invoke(args=["photos", "accept", "7/b.png"])) == "7/b.png: enrolled\n"
    assert body(recognize(client, portrait(99)))["user_id"] == "7"


def test_accept_gives_no_photo_to_two_people(
    runner: FlaskCliRunner, client: FlaskClient, drop: Path
) -> None:
    (drop / "other.png").write_bytes(portrait(5))
    runner.invoke(args=["photos", "scan"])
    rows = {row["path"]: row["status"] for row in body(client.get("/photos"))["photos"]}
    refused, known = sorted(["1042.png", "other.png"], key=lambda path: rows[path])
    assert (rows[refused], rows[known]) == ("conflict", "enrolled")
    result = runner.invoke(args=["photos", "accept", refused])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{refused}: conflict (face_conflict: ")
    done(runner.invoke(args=["users", "delete", known.removesuffix(".png"), "--yes"]))
    assert "enrolled" in done(runner.invoke(args=["photos", "accept", refused]))


@pytest.mark.parametrize("path", ["8.png", "9.png", "notes.txt"])
def test_accept_takes_no_unusable_photo(runner: FlaskCliRunner, drop: Path, path: str) -> None:
    result = runner.invoke(args=["photos", "accept", path])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{path}: rejected (")


@pytest.mark.parametrize("path", ["none.png", "../kenal.png", "photo_storage/1042.png", ""])
def test_accept_says_where_paths_start(runner: FlaskCliRunner, drop: Path, path: str) -> None:
    failed(runner.invoke(args=["photos", "accept", path]), "not_found")
    assert "Seen: 0 = " in done(runner.invoke(args=["photos", "report"]))


def test_users(runner: FlaskCliRunner, client: FlaskClient, tmp_path: Path) -> None:
    enroll(client, "1042", portrait(5))
    client.post("/users", json={"user_id": "ann", "name": "line\r\n\x1b[31mred"})
    lines = done(runner.invoke(args=["users", "list"])).splitlines()
    assert lines == ["1042\tface 1\t", "ann\tno face\tline   [31mred"]
    shown = json.loads(done(runner.invoke(args=["users", "show", "1042"])))
    assert (shown["face_id"], shown["photos"][0]["status"]) == (1, "enrolled")
    failed(runner.invoke(args=["users", "show", "nobody"]), "not_found")
    failed(runner.invoke(args=["users", "show", ".."]), "invalid_name")


def test_delete_asks_first(runner: FlaskCliRunner, client: FlaskClient, tmp_path: Path) -> None:
    enroll(client, "1042", portrait(5))
    assert runner.invoke(args=["users", "delete", "1042"], input="n\n").exit_code == 1
    assert client.get("/users/1042").status_code == 200
    done(runner.invoke(args=["users", "delete", "1042", "--yes"]))
    assert client.get("/users/1042").status_code == 404
    assert list((tmp_path / "photo_storage").iterdir()) == []
    failed(runner.invoke(args=["users", "delete", "1042", "--yes"]), "not_found")


def damage_index(folder: Path) -> None:
    files = [path for path in (folder / "var" / "index").rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-7])


def test_index(
    runner: FlaskCliRunner, client: FlaskClient, services: Services, tmp_path: Path
) -> None:
    enroll(client, "1042", portrait(5))
    enroll(client, "7", portrait(77))
    assert "faces: 2" in done(runner.invoke(args=["index", "status"]))
    assert "2 faces" in done(runner.invoke(args=["index", "verify"]))
    assert "2 faces" in done(runner.invoke(args=["index", "rebuild"]))
    assert "segments: 1" in done(runner.invoke(args=["index", "status"]))
    damage_index(tmp_path)
    result = runner.invoke(args=["index", "verify"])
    assert result.exit_code == 1
    assert "flask index rebuild" in result.stderr
    assert str(tmp_path) not in result.output
    assert body(recognize(client, portrait(5)))["user_id"] == "1042"
    done(runner.invoke(args=["index", "rebuild"]))
    done(runner.invoke(args=["index", "verify"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM faces WHERE seq = 2", "0 faces were missing in it, 1 were not in the"),
        ("UPDATE faces SET id = 99 WHERE seq = 2", "1 faces were missing in it, 1 were not in the"),
        (f"UPDATE faces SET embedding = x'{'0000803f' * 64}' WHERE seq = 2", "1 had another"),
    ],
)
def test_index_verify_compares_every_face(
    runner: FlaskCliRunner, client: FlaskClient, services: Services, change: str, says: str
) -> None:
    for number in range(1, 4):
        enroll(client, str(number), portrait(number))
    done(runner.invoke(args=["index", "rebuild"]))
    with services.database.write() as session:
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        session.execute(text("UPDATE users SET face_id = NULL"))
        session.execute(text("UPDATE photos SET face_id = NULL"))
        session.execute(text(change))
    result = runner.invoke(args=["index", "verify"])
    assert result.exit_code == 1
    assert says in result.stderr
    done(runner.invoke(args=["index", "rebuild"]))
    done(runner.invoke(args=["index", "verify"]))


def test_index_verify_after_a_backup_was_put_back(
    runner: FlaskCliRunner, client: FlaskClient, services: Services
) -> None:
    enroll(client, "1", portrait(1))
    done(runner.invoke(args=["index", "rebuild"]))
    with services.database.write() as session:
        session.execute(text("UPDATE gallery SET seq = 0"))
    result = runner.invoke(args=["index", "verify"])
    assert result.exit_code == 1
    assert "the index is of a later time than the database" in result.stderr
    assert "is of a later time" in done(runner.invoke(args=["index", "status"]))
    assert "flask index rebuild" in failed(runner.invoke(args=["index", "compact"]), "not_ready")


def test_index_compact(runner: FlaskCliRunner, client: FlaskClient) -> None:
    for number in range(1, 5):
        enroll(client, str(number), portrait(number))
    done(runner.invoke(args=["index", "rebuild"]))
    client.delete("/users/2")
    before, after = done(runner.invoke(args=["index", "compact"])).splitlines()
    assert before.startswith("before: 3 faces, 1 segments of 4 faces and ")
    assert after.startswith("after:  3 faces, 1 segments of 3 faces and ")
    assert "nothing to compact" in done(runner.invoke(args=["index", "compact"]))


def test_index_tune(runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, int]] = []

    def measured(
        own: FaceIndex, target: float, probes: int, on_progress: OnProgress
    ) -> TuneReport | None:
        asked.append((target, probes))
        on_progress("measuring", 1, 2)
        return TuneReport(target, probes, 0.9876, 1.234, 5.678) if probes == 50 else None

    monkeypatch.setattr(FaceIndex, "tune", measured)
    assert "exact already" in done(runner.invoke(args=["index", "tune"]))
    said = done(runner.invoke(args=["index", "tune", "--target", "0.95", "--probes", "50"]))
    assert asked == [(0.99, 200), (0.95, 50)]
    assert "0.9876 over 50 searches" in said
    assert "1.23 ms (median), 5.68 ms (99 %)" in said
    assert runner.invoke(args=["index", "tune", "--target", "1.5"]).exit_code == 2


def test_an_enrollment_during_verify_is_no_fault(
    runner: FlaskCliRunner, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = FaceIndex.verify

    def verify_slowly(own: FaceIndex, on_progress: OnProgress) -> IndexReport:
        report = verify(own, on_progress)
        enroll(client, "1042", portrait(5))
        return report

    monkeypatch.setattr(FaceIndex, "verify", verify_slowly)
    assert "1 faces" in done(runner.invoke(args=["index", "verify"]))


def test_nothing_chosen_and_no_schema(tmp_path: Path) -> None:
    services = Services.build(fake_settings(tmp_path), FakeNetworks())
    runner = create_app(services=services).test_cli_runner()
    assert "flask db upgrade" in failed(runner.invoke(args=["users", "list"]), "not_ready")
    for _ in range(2):
        assert "up to date" in done(runner.invoke(args=["db", "upgrade"]))
    assert done(runner.invoke(args=["users", "list"])) == ""
    said = failed(runner.invoke(args=["index", "status"]), "not_ready")
    assert "flask models prepare" in said
    failed(runner.invoke(args=["photos", "scan"]), "not_ready")
    services.close()


def test_models(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path).model_copy(update={"embedder": "dlib"})
    services = Services.build(settings)
    runner = create_app(services=services).test_cli_runner()
    done(runner.invoke(args=["db", "upgrade"]))
    said = done(runner.invoke(args=["models", "prepare"]))
    assert "Embedder of this gallery: dlib (set by KENAL_EMBEDDER)" in said
    assert "KENAL_EMBEDDER" in said.splitlines()[-1]
    lines = done(runner.invoke(args=["models", "list"])).splitlines()
    assert [line[0] for line in lines if "dlib" in line] == ["*"]
    assert [line.split()[0] for line in lines if "not here" in line] == ["facenet", "mobilefacenet"]
    assert "dlib: ok" in done(runner.invoke(args=["models", "verify"]))
    failed(runner.invoke(args=["models", "verify", "mobilefacenet"]), "model_unavailable")
    failed(runner.invoke(args=["models", "prepare", "nothing"]), "not_found")
    wrong = tmp_path / "weights.onnx"
    wrong.write_bytes(b"not the network")
    fetched = runner.invoke(args=["models", "fetch", "mobilefacenet", "--from-file", str(wrong)])
    assert "wrong SHA-256" in failed(fetched, "model_unavailable")
    services.close()


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path))
    services.close()
    (tmp_path / "var" / "kenal.sqlite3").write_bytes(b"no database at all" * 1000)
    runner = create_app(services=services).test_cli_runner()
    assert "damaged" in failed(runner.invoke(args=["users", "list"]), "not_ready")
    services.close()
