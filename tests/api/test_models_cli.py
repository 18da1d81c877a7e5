"""`flask models use`, `status`, `rollback` and `remove`, on two fake networks."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from api import create_app
from pipeline.spaces.switch import Switch
from tests.fakes import EMBEDDER, fake_settings, nobody
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import FURTHER, FURTHER_SPEC
from tests.switch_kit import in_force, kept, now, two_networks_in, who
from tests.unit.test_registry import MANIFEST


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


def test_a_rollback_never_goes_to_a_network_that_was_not_in_force(
    kit: GalleryKit, runner: FlaskCliRunner
) -> None:
    """As after a first switch that was interrupted."""
    Switch(kit.services, FURTHER).announce(0.5)
    told = refused(runner.invoke(args=["models", "rollback"]), "conflict")
    assert "no network to go back to" in told
    assert kept(kit).in_force.embedder == EMBEDDER
    done(runner.invoke(args=["models", "use", FURTHER]))
    Switch(kit.services, EMBEDDER).announce(None)
    done(runner.invoke(args=["models", "rollback"]))
    assert kept(kit).in_force.embedder == EMBEDDER, "a rollback that was interrupted goes on"


def test_a_rollback_is_to_the_very_network_of_before(
    kit: GalleryKit, runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(runner.invoke(args=["models", "use", FURTHER, "--threshold", "0.5"]))
    done(runner.invoke(args=["models", "rollback"]))
    changed = replace(FURTHER_SPEC, weights_sha256="2" * 64)
    monkeypatch.setattr("tests.spaces_kit.FurtherEmbedder.spec", changed)
    told = refused(runner.invoke(args=["models", "rollback"]), "conflict")
    assert "its files were changed" in told
    assert kept(kit).in_force.embedder == EMBEDDER
    assert kept(kit).following is None


def measured_as_poor(kit: GalleryKit, name: str) -> None:
    """A record that the network itself brings along."""
    folder = kit.services.settings.models_path / name
    folder.mkdir(parents=True)
    measured = {"errors": 1, "comparisons": 48, "low": 0.0, "high": 0.3}
    manifest = {**MANIFEST, "false_matches": measured}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_network_that_confuses_people_is_not_taken_unasked(tmp_path: Path) -> None:
    use = ["models", "use", FURTHER, "--yes"]
    with two_networks_in(tmp_path) as kit, patch("pipeline.models.prepare.prepare"):
        kit.enroll("anna.png", 1)
        measured_as_poor(kit, FURTHER)
        runner = create_app(services=kit.services).test_cli_runner()
        told = refused(runner.invoke(args=use), "conflict")
        assert "two people for one in 1 of 48 comparisons" in told
        assert in_force(kit).embedder == EMBEDDER
        assert kept(kit).following is None, "nothing was begun"
        told = done(runner.invoke(args=[*use, "--accept-false-matches"]))
        assert "which may be up to 30 %" in told
        client = create_app(services=now(kit).services).test_client()
        said = client.get("/readyz").get_json()["checks"]["threshold"]
        assert "which may be up to 30 %" in said["warning"]
        assert said["expected_fpir"] == {"low": 0.0, "high": 0.3}
        kit.services._presence.end()
        done(runner.invoke(args=["models", "rollback", "--yes"]))
        # Judged by a threshold of the operator's own.
        assert "1 of 48" not in done(runner.invoke(args=[*use, "--threshold", "0.9"]))


def test_what_cannot_be_removed_is_not_asked_about(kit: GalleryKit, runner: FlaskCliRunner) -> None:
    told = refused(runner.invoke(args=["models", "remove", EMBEDDER]), "conflict")
    assert "[y/N]" not in told


def test_doors_that_would_learn_of_nobody_any_more_are_told_of(
    kit: GalleryKit, runner: FlaskCliRunner
) -> None:
    use = ["models", "use", FURTHER, "--threshold", "0.5"]
    assert "Doors that recognize" not in done(runner.invoke(args=use))
    client = create_app(services=kit.services).test_client()
    door = {"device_id": "door", "name": "Door", "holds_gallery": True}
    assert client.post("/devices", json=door).status_code == 201
    told = done(runner.invoke(args=["models", "rollback"]))
    assert f"add {FURTHER} to KENAL_DEVICE_NETWORKS first" in told
