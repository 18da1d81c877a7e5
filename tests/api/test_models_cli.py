"""`flask models use`, `status`, `rollback` and `remove`, on two fake networks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from api import create_app
from tests.fakes import EMBEDDER, fake_settings, nobody
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import FURTHER
from tests.switch_kit import in_force, now, two_networks_in, who


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GalleryKit]:
    monkeypatch.setattr("pipeline.models.prepare.prepare", lambda *_: None)
    with two_networks_in(tmp_path, fake_settings(tmp_path, threshold=0.7)) as kit:
        kit.enroll("anna.png", 1)
        kit.enroll("bert.png", 2)
        yield kit


@pytest.fixture
def runner(kit: GalleryKit) -> FlaskCliRunner:
    return create_app(services=kit.services).test_cli_runner()


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result, code: str) -> str:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith(code), result.output
    return result.output


def test_there_and_back(kit: GalleryKit, runner: FlaskCliRunner) -> None:
    refused(runner.invoke(args=["models", "rollback"]), "conflict")
    told = refused(runner.invoke(args=["models", "use", FURTHER]), "conflict")
    assert "KENAL_THRESHOLD 0.7 was set for colors" in told
    told = done(runner.invoke(args=["models", "use", FURTHER, "--threshold", "0.5"]))
    assert f"{FURTHER} is in force, in every process" in told
    assert f"KENAL_EMBEDDER is {EMBEDDER}" in told
    told = done(runner.invoke(args=["models", "status"]))
    assert f"{FURTHER} (in force): 2 of 2 faces\n" in told
    assert f"{EMBEDDER} (kept for a rollback): 2 of 2 faces\n" in told
    assert now(kit).engine.rule.threshold == 0.5
    kit.services._presence.end()
    assert f"{EMBEDDER} is in force" in done(runner.invoke(args=["models", "rollback"]))
    assert now(kit).engine.rule.threshold == 0.7
    assert who(kit, 2) == (EMBEDDER, "bert")
    refused(runner.invoke(args=["models", "remove", EMBEDDER, "--yes"]), "conflict")
    assert "are removed" in done(runner.invoke(args=["models", "remove", FURTHER, "--yes"]))
    assert FURTHER not in done(runner.invoke(args=["models", "status"]))
    refused(runner.invoke(args=["models", "remove", FURTHER, "--yes"]), "not_found")
    refused(runner.invoke(args=["models", "rollback"]), "conflict")


def test_people_are_lost_only_where_somebody_agrees(
    kit: GalleryKit, runner: FlaskCliRunner
) -> None:
    (kit.drop / "bert.png").write_bytes(nobody())
    use = ["models", "use", FURTHER, "--threshold", "0.5"]
    told = refused(runner.invoke(args=use), "conflict: nothing is switched")
    assert "1 people could not be recognized" in told
    assert in_force(kit).embedder == EMBEDDER
    told = done(runner.invoke(args=["models", "status"]))
    assert f"{FURTHER} (to be in force): 1 of 2 faces; without: 1 photo_changed\n" in told
    assert "bert  face 2  photo_changed  the person is not recognized" in told
    assert "no other network is to be" in done(runner.invoke(args=["models", "use", EMBEDDER]))
    done(runner.invoke(args=[*use, "--yes"]))
    assert who(now(kit), 2) == (FURTHER, None)
    assert who(kit, 1) == (FURTHER, "anna")
