"""`flask evaluate` judges each network by the threshold in force of it, as answers do."""

import json
from pathlib import Path

import pytest
from click.testing import Result

from api import create_app
from api.cli import evaluate as command
from evaluation.report import plots
from tests.calibration_kit import recorded, row
from tests.evaluation.kit import people
from tests.fakes import (
    EMBEDDER,
    FakeDetector,
    fake_settings,
    make_services,
    portrait,
    spec,
)
from tests.spaces_kit import FURTHER, FURTHER_SPEC, TwoNetworks
from tests.switch_kit import go_over, two_networks_in


@pytest.fixture(autouse=True)
def without_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "build_analyzer", TwoNetworks())
    monkeypatch.setattr(command, "build_detector", lambda settings: FakeDetector())
    monkeypatch.setattr(plots, "find_spec", lambda name: None)


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def judged_by(folder: Path) -> list[tuple[float, int | None]]:
    found = json.loads((folder / "results.json").read_text())
    return [(one["threshold"], one["calibration"]) for one in found["embedders"]]


def test_each_network_is_judged_by_the_threshold_in_force_of_its_own(tmp_path: Path) -> None:
    photos, out = people(tmp_path / "dataset", 3, 2), tmp_path / "report"
    named = ["--embedder", EMBEDDER, "--embedder", FURTHER]
    asked = ["evaluate", "folder", str(photos), "--out", str(out), *named]
    with two_networks_in(tmp_path, fake_settings(tmp_path, threshold=0.7)) as kit:
        runner = create_app(services=kit.services).test_cli_runner()
        number = recorded(kit.services.database, FURTHER_SPEC, row(0.9))
        said = done(runner.invoke(args=asked))
        assert f"{EMBEDDER} judges at 0.7000, set as KENAL_THRESHOLD\n" in said
        assert f"{FURTHER} judges at 0.9000, calibration {number}\n" in said
        assert judged_by(out) == [(0.7, None), (0.9, number)]
        # What was set for the one says nothing of the other, which is in force by now.
        go_over(kit.services, threshold=0.5)
        said = done(runner.invoke(args=asked))
        assert f"{FURTHER} judges at 0.5000, given when the network was chosen\n" in said
        assert judged_by(out) == [(0.7, None), (0.5, None)]
    with two_networks_in(tmp_path) as kit:
        runner = create_app(services=kit.services).test_cli_runner()
        recorded(kit.services.database, spec(), row(0.8))
        done(runner.invoke(args=asked))
        assert [value for value, _ in judged_by(out)] == [0.8, 0.5]


def test_the_gallery_is_judged_by_its_calibration(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path))
    enrollment = services.start().enrollment
    for person in (1, 2):
        enrollment.enroll(f"user {person}", portrait(person))
    number = recorded(services.database, spec(), row(0.85))
    asked = ["evaluate", "gallery", "--out", str(tmp_path / "report")]
    said = done(create_app(services=services).test_cli_runner().invoke(args=asked))
    assert f"colors judges at 0.8500, calibration {number}\n" in said
    assert judged_by(tmp_path / "report") == [(0.85, number)]
    services.close()
