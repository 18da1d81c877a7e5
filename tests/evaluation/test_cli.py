"""`flask evaluate`: what an admin types, what they read, and the exit code."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from api import create_app
from api.cli import evaluate as command
from core.errors import ModelUnavailable
from evaluation.report import plots
from pipeline.services import Services
from tests.evaluation.kit import people
from tests.fakes import FakeDetector, FakeNetworks, fake_settings, make_services, nobody, portrait

COLORS = ["--embedder", "colors"]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = make_services(fake_settings(tmp_path, threshold=0.7))
    yield services
    services.close()


@pytest.fixture
def runner(services: Services, monkeypatch: pytest.MonkeyPatch) -> FlaskCliRunner:
    monkeypatch.setattr(command, "build_analyzer", FakeNetworks())
    monkeypatch.setattr(command, "build_detector", lambda settings: FakeDetector())
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    return create_app(services=services).test_cli_runner()


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def failed(result: Result, code: str) -> str:
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{code}: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def recorded(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text())


def test_folder(runner: FlaskCliRunner, tmp_path: Path) -> None:
    photos = people(tmp_path / "dataset")
    (photos / "p2" / "nobody.png").write_bytes(nobody())
    out = tmp_path / "report"
    asked = ["evaluate", "folder", str(photos), "--out", str(out), *COLORS]
    result = runner.invoke(args=asked)
    said = done(result)
    assert "dataset: 18 photos of 6 people\n" in said
    assert "1 photos cannot be used (1 no_face): see unusable.csv\n" in said
    assert "6 right, 0 wrong names, 0 ambiguous, 0 none" in said
    assert f"The report is {out / 'report.html'}\n" in said
    assert "matplotlib is missing" in result.stderr
    found = recorded(out)
    assert found["embedders"][0]["verification"]["fnmr"]["trials"] == 18
    # KENAL_THRESHOLD is of the gallery's own network, which this is.
    assert found["embedders"][0]["threshold"] == 0.7
    again = done(runner.invoke(args=asked))
    assert again.splitlines()[:15] == said.splitlines()[:15]


def test_a_second_run_embeds_nothing(
    runner: FlaskCliRunner, tmp_path: Path, services: Services
) -> None:
    photos = people(tmp_path / "dataset")
    asked = ["evaluate", "folder", str(photos), "--out", str(tmp_path / "report"), *COLORS]
    done(runner.invoke(args=asked))
    kept = services.settings.data_dir / "evaluation" / "embeddings"
    times = {path: path.stat().st_mtime_ns for path in kept.rglob("*") if path.is_file()}
    assert len(times) == 18
    done(runner.invoke(args=asked))
    assert {p: p.stat().st_mtime_ns for p in kept.rglob("*") if p.is_file()} == times


def test_pairs(runner: FlaskCliRunner, tmp_path: Path) -> None:
    people(tmp_path / "photos", 3, 2)
    (tmp_path / "list.csv").write_text(
        "file_x,file_y,label\np1/0.png,p1/1.png,1\np1/0.png,p2/0.png,0\np1/0.png,gone.png,0\n"
    )
    out = tmp_path / "report"
    asked = ["evaluate", "pairs", str(tmp_path / "list.csv"), "--photos", str(tmp_path / "photos")]
    said = done(runner.invoke(args=[*asked, "--out", str(out), *COLORS]))
    assert "list.csv: 3 photos\n" in said
    assert "1 photos cannot be used (1 vanished)" in said
    judged = recorded(out)["embedders"][0]["verification"]
    assert (judged["fmr"]["trials"], judged["fnmr"]["trials"]) == (1, 1)
    assert judged["pairs_left_out"] == 1


def test_lfw(runner: FlaskCliRunner, tmp_path: Path) -> None:
    for person in (1, 2):
        folder = tmp_path / f"P_{person}"
        folder.mkdir()
        for number in (1, 2):
            (folder / f"P_{person}_{number:04d}.png").write_bytes(portrait(person, number))
    parts = "P_1\t1\t2\nP_1\t1\tP_2\t1\nP_2\t1\t2\nP_1\t2\tP_2\t2\n"
    (tmp_path / "pairs.txt").write_text(f"2\t1\n{parts}")
    out = tmp_path / "report"
    said = done(
        runner.invoke(
            args=["evaluate", "pairs", str(tmp_path / "pairs.txt"), "--out", str(out), *COLORS]
        )
    )
    assert "100.00 ± 0.00 %, 2 parts" in said


def test_gallery(runner: FlaskCliRunner, services: Services, tmp_path: Path) -> None:
    out = tmp_path / "report"
    asked = ["evaluate", "gallery", "--out", str(out)]
    failed(runner.invoke(args=asked), "not_ready")
    enrollment = services.start().enrollment
    for person in range(1, 5):
        for shade in range(2):
            enrollment.enroll(f"user {person}", portrait(person, shade))
    said = done(runner.invoke(args=asked))
    assert "the enrolled gallery: 8 photos of 4 people\n" in said
    found = recorded(out)
    judged = found["embedders"][0]
    assert judged["threshold"] == 0.7
    assert (judged["verification"]["fnmr"]["trials"], judged["speed"]) == (4, None)
    assert judged["verification"]["fmr"]["trials"] == 24
    assert found["worst_pairs"][0]["first"].startswith("user ")


def test_a_folder_whose_name_is_no_text_has_a_report(
    runner: FlaskCliRunner, tmp_path: Path
) -> None:
    photos = people(tmp_path / os.fsdecode(b"data\xff"), 2, 2)
    out = tmp_path / "report"
    said = done(runner.invoke(args=["evaluate", "folder", str(photos), "--out", str(out), *COLORS]))
    assert "data\\xff: 4 photos of 2 people\n" in said
    assert recorded(out)["title"] == "data\\xff"


def test_no_picture_of_an_earlier_report_stays(runner: FlaskCliRunner, tmp_path: Path) -> None:
    out = tmp_path / "report"
    out.mkdir()
    own = [out / "worst-day.png", out / "roc.txt"]
    for path in [*own, out / "scores-mine.png"]:
        path.write_bytes(b"before there was a report")
    photos = people(tmp_path / "dataset", 3, 2)
    asked = ["evaluate", "folder", str(photos), "--out", str(out), *COLORS]
    done(runner.invoke(args=asked))
    # Nobody knows whose it is where no report was.
    assert (out / "scores-mine.png").exists()
    for name in ("roc.png", "scores-gone.png", "worst-one-person-gone.png"):
        (out / name).write_bytes(b"of a network that was here")
    done(runner.invoke(args=asked))
    faces = {"worst-one-person-colors.png", "worst-two-people-colors.png"}
    assert {path.name for path in out.glob("*.png")} == {"worst-day.png", *faces}
    assert all(path.exists() for path in own)


@pytest.mark.parametrize("command_of", ["folder", "gallery", "crop"])
def test_a_report_that_cannot_be_written_is_said_before_the_work(
    runner: FlaskCliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_of: str
) -> None:
    def worked(*_: object) -> None:
        raise AssertionError("work was begun")

    for name in ("build_analyzer", "build_detector", "enrolled"):
        monkeypatch.setattr(command, name, worked)
    (tmp_path / "file").write_bytes(b"")
    photos = [] if command_of == "gallery" else [str(people(tmp_path / "dataset", 2, 2))]
    out = tmp_path / "file" / "report"
    said = failed(
        runner.invoke(args=["evaluate", command_of, *photos, "--out", str(out)]),
        "invalid_parameter",
    )
    assert "--out" in said
    assert str(tmp_path) not in said


def test_crop(runner: FlaskCliRunner, tmp_path: Path) -> None:
    photos = people(tmp_path / "dataset", 2, 2)
    (photos / "p1" / "nobody.png").write_bytes(nobody())
    out = tmp_path / "Data_Cropped"
    asked = ["evaluate", "crop", str(photos), "--out", str(out), "--size", "64", "--margin", "0"]
    said = done(runner.invoke(args=asked))
    assert f"4 faces are in {out}\n" in said
    assert "1 photos cannot be used (1 no_face)" in said
    assert "no_face" in (out / "unusable.csv").read_text()
    # What was cropped is a dataset again.
    asked = ["evaluate", "folder", str(out), "--out", str(tmp_path / "report"), *COLORS]
    assert "Data_Cropped: 4 photos of 2 people\n" in done(runner.invoke(args=asked))


@pytest.mark.parametrize("out", [".", "inside"])
def test_crops_never_mix_with_photos(runner: FlaskCliRunner, tmp_path: Path, out: str) -> None:
    photos = people(tmp_path / "dataset", 1, 1)
    asked = ["evaluate", "crop", str(photos), "--out", str(photos / out)]
    failed(runner.invoke(args=asked), "invalid_parameter")
    assert [path.name for path in photos.rglob("*") if path.is_file()] == ["0.png"]


def test_what_cannot_be_evaluated(runner: FlaskCliRunner, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = ["evaluate", "folder", str(tmp_path / "empty"), "--out", str(tmp_path / "report")]
    failed(runner.invoke(args=[*empty, *COLORS]), "invalid_parameter")
    photos = people(tmp_path / "dataset", 1, 1)
    # Nothing is prepared in this folder of networks.
    said = failed(runner.invoke(args=["evaluate", "folder", str(photos)]), "not_ready")
    assert "flask models prepare" in said
    assert runner.invoke(args=["evaluate", "folder", str(tmp_path / "none")]).exit_code == 2


def test_a_network_that_is_not_here(
    runner: FlaskCliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "build_analyzer", FakeNetworks(missing=True))
    photos = people(tmp_path / "dataset", 1, 1)
    failed(runner.invoke(args=["evaluate", "folder", str(photos), *COLORS]), ModelUnavailable.code)


def test_without_a_database_photos_are_evaluated_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "build_analyzer", FakeNetworks())
    monkeypatch.setattr(command, "build_detector", lambda settings: FakeDetector())
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    services = Services.build(fake_settings(tmp_path), FakeNetworks())
    photos = people(tmp_path / "dataset", 2, 2)
    out = ["--out", str(tmp_path / "report")]
    runner = create_app(services=services).test_cli_runner()
    done(runner.invoke(args=["evaluate", "folder", str(photos), *COLORS, *out]))
    services.close()
