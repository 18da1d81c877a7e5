"""`flask calibrate`: what an admin types, what they read, and what is in force afterwards."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from api import create_app
from api.cli import calibrate as command
from db import audit, calibrations, checkins, faces, users
from db.calibration_models import Calibration
from db.checkin_models import CheckIn
from evaluation import recording
from pipeline.services import Services
from tests.calibration_kit import recorded, row
from tests.evaluation.kit import people
from tests.fakes import THRESHOLD, color_of, fake_settings, make_services, spec, vector_of

ENOUGH = 40
"""So many people show an FMR of 1 %."""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = make_services(fake_settings(tmp_path))
    yield services
    services.close()


@pytest.fixture
def runner(services: Services) -> FlaskCliRunner:
    return create_app(services=services).test_cli_runner()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return people(tmp_path / "labelled photos", ENOUGH, 2)


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def failed(result: Result, code: str) -> str:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith(f"{code}: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def in_force(services: Services) -> Calibration | None:
    with services.database.read() as session:
        return calibrations.in_force(session, spec())


def run(runner: FlaskCliRunner, *asked: str) -> Result:
    return runner.invoke(args=["calibrate", *asked])


def test_a_proposal_changes_nothing(
    runner: FlaskCliRunner, services: Services, photos: Path
) -> None:
    said = done(run(runner, "propose", "--fmr", "0.01", "--dataset", str(photos)))
    assert "of 40 people in 780 couples (folder)" in said
    assert f"now:      {THRESHOLD:.4f}, the network's own" in said
    assert "for FMR 0.01" in said
    assert "one person refused (FNMR): 0 of 40" in said
    assert "Nothing is recorded" in said
    assert str(photos) not in said
    assert in_force(services) is None


def test_recorded_with_its_provenance_and_in_force(
    runner: FlaskCliRunner, services: Services, photos: Path
) -> None:
    engine = services.start()
    asked = ["propose", "--fmr", "0.01", "--dataset", str(photos), "--record", "--by", "ann"]
    said = done(run(runner, *asked))
    found = in_force(services)
    assert found is not None
    assert f"Recorded as calibration {found.id}." in said
    assert services.engine() is not engine
    assert services.engine().rule.threshold == found.threshold
    assert (found.target_kind, found.target, found.gallery_size) == ("fmr", 0.01, None)
    assert (found.data_kind, found.people, found.created_by) == ("folder", ENOUGH, "ann")
    assert (found.genuine, found.impostors) == (40, 3120)
    assert found.fmr_bound <= 0.01
    assert found.fmr_low <= found.false_matches / found.impostors <= found.fmr_high
    assert len(found.data_sha256) == 64
    assert found.tool.startswith("kenal ")
    values = [str(getattr(found, name)) for name in Calibration.__table__.columns.keys()]  # noqa: SIM118
    assert not any("labelled" in value or "/" in value for value in values)
    with services.database.read() as session:
        (noted,) = audit.page(session, None, 5)
    assert (noted.action, noted.target) == ("calibration.record", str(found.id))


def test_pairs(runner: FlaskCliRunner, tmp_path: Path, photos: Path) -> None:
    same = [f"p{n}/0.png,p{n}/1.png,1" for n in range(1, ENOUGH + 1)]
    two = [
        f"p{one}/0.png,p{other}/0.png,0"
        for one in range(1, ENOUGH + 1)
        for other in range(one + 1, ENOUGH + 1)
    ]
    listed = tmp_path / "pairs.csv"
    listed.write_text("\n".join(["file_x,file_y,label", *same, *two]))
    asked = ["propose", "--fmr", "0.01", "--pairs", str(listed), "--photos", str(photos)]
    assert "40 times one person, 780 times two" in done(run(runner, *asked))


def test_the_gallery_may_only_raise_the_threshold(
    runner: FlaskCliRunner, services: Services
) -> None:
    people_in(services, ENOUGH)
    said = failed(run(runner, "propose", "--fmr", "0.01", "--gallery", "--record"), "conflict")
    assert "labelled photos" in said
    assert in_force(services) is None
    recorded(services.database, spec(), row(0.05))
    said = done(run(runner, "propose", "--fpir", "0.2", "--gallery", "--record"))
    found = in_force(services)
    assert found is not None
    assert found.threshold > 0.05
    assert (found.gallery_size, found.data_kind) == (ENOUGH, "gallery")
    assert "now:      0.0500, calibration 1" in said
    assert "enrolled people who look the same: " in said
    before, after = said.split("look the same: ")[1].split(" couples now, ")
    assert int(before) > int(after.split(" ")[0])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--fmr", "0.01"], "--dataset, --pairs or --gallery"),
        (["--gallery"], "one target"),
        (["--fmr", "0.01", "--fpir", "0.01", "--gallery"], "one target"),
        (["--fpir", "0.01", "--gallery"], "nobody is enrolled"),
        (["--fmr", "2", "--gallery"], "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(
    runner: FlaskCliRunner, asked: list[str], words: str
) -> None:
    assert words in failed(run(runner, "propose", *asked), "invalid_parameter")


def test_what_makes_no_sense_is_refused_before_anything_is_done(
    runner: FlaskCliRunner, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_up(embedder: str | None) -> None:
        raise AssertionError("a network was looked up")

    monkeypatch.setattr(command, "_analyzer", looked_up)
    data = ["--dataset", str(photos)]
    for asked in (["--fmr", "2", *data], ["--fmr", "0.1", "--fpir", "0.1", *data], data):
        failed(run(runner, "propose", *asked), "invalid_parameter")
    empty = photos / "p1"
    assert "no photos there" in failed(
        run(runner, "propose", "--fmr", "0.1", "--dataset", str(empty)), "invalid_parameter"
    )


def test_one_person_is_no_couple(runner: FlaskCliRunner, tmp_path: Path) -> None:
    alone = people(tmp_path / "alone", 1, 3)
    asked = ["propose", "--fmr", "0.1", "--dataset", str(alone)]
    said = failed(run(runner, *asked), "invalid_parameter")
    assert "with 1 person, who makes 0 different couples" in said


def test_a_gallery_s_lower_threshold_is_shown_and_said_not_to_be_recorded(
    runner: FlaskCliRunner, services: Services
) -> None:
    people_in(services, ENOUGH)
    said = done(run(runner, "propose", "--fmr", "0.01", "--gallery"))
    proposed = said.split("proposed: ")[1].split(" ")[0]
    last = said.splitlines()[-1]
    assert last.startswith("Nothing is recorded, and would not be: the enrolled photos")
    assert f"from {THRESHOLD:.4f} to {proposed}: " in last
    assert in_force(services) is None


def test_too_few_people_are_refused_in_plain_words(
    runner: FlaskCliRunner, services: Services, photos: Path
) -> None:
    asked = ["propose", "--fmr", "1e-4", "--dataset", str(photos), "--record"]
    said = failed(run(runner, *asked), "invalid_parameter")
    assert "40 people, who make 780 different couples" in said
    assert "at least 29,956 are needed, as of 246 people" in said
    assert in_force(services) is None


def test_another_calibration_that_came_meanwhile_is_not_overruled(
    runner: FlaskCliRunner, services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = recording.check_proposal

    def slowly(*given: object) -> None:
        recorded(services.database, spec(), row(0.9))
        monkeypatch.setattr(recording, "check_proposal", really)

    monkeypatch.setattr(recording, "check_proposal", slowly)
    asked = ["propose", "--fmr", "0.01", "--dataset", str(photos), "--record"]
    assert "meanwhile" in failed(run(runner, *asked), "conflict")
    found = in_force(services)
    assert found is not None
    assert found.threshold == 0.9


def test_without_a_calibration_the_history_says_so(runner: FlaskCliRunner) -> None:
    result = run(runner, "history")
    assert done(result) == ""
    assert "No calibration is recorded." in result.stderr


def test_show_history_withdraw(runner: FlaskCliRunner, services: Services) -> None:
    assert done(run(runner, "show")).startswith("colors: 0.6000, the network's own\n")
    first = recorded(services.database, spec(), row(0.7))
    second = recorded(services.database, spec(), row(0.8), first)
    shown = done(run(runner, "show"))
    assert shown.startswith(f"colors: 0.8000, calibration {second}\n")
    said = done(run(runner, "withdraw", str(second), "--by", "bob"))
    assert f"Calibration {second} is withdrawn." in said
    assert f"colors: 0.7000, calibration {first}\n" in said
    newest, oldest = done(run(runner, "history")).splitlines()
    assert newest.startswith(f"{second}\tcolors\t0.8000\t")
    assert newest.endswith(" by bob")
    assert oldest.endswith("\tstands")
    failed(run(runner, "withdraw", str(second)), "conflict")
    failed(run(runner, "withdraw", "99"), "not_found")


def test_a_setting_wins_and_that_is_said(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path, threshold=0.75))
    number = recorded(services.database, spec(), row(0.7))
    said = done(run(create_app(services=services).test_cli_runner(), "show"))
    assert said.startswith("colors: 0.7500, set as KENAL_THRESHOLD\n")
    assert f"Calibration {number} is not in force" in said
    # It is stricter than what was measured: no more strangers than that.
    assert services.start().rule.threshold == 0.75
    services.close()


def test_check_ins_are_counted_and_not_judged_again(
    runner: FlaskCliRunner, services: Services, photos: Path
) -> None:
    asked = ["propose", "--fmr", "0.01", "--dataset", str(photos)]
    said = done(run(runner, *asked))
    assert "check-ins judged at 0.6000: none" in said
    proposed = float(said.split("proposed: ")[1].split(" ")[0])
    assert proposed < THRESHOLD
    check_ins(services, [("match", 0.9), ("no_match", 0.59), ("no_match", proposed - 0.01)])
    said = done(run(runner, *asked))
    assert "of 1 matches 0 would have been refused; of 2 without a name 1 might" in said
    recorded(services.database, spec(), row(proposed - 0.1))
    check_ins(services, [("match", proposed - 0.05), ("match", proposed)], proposed - 0.1)
    # What was judged at other thresholds is not of the present one.
    assert "of 2 matches 1 would have been refused; of 0 " in done(run(runner, *asked))


def people_in(services: Services, count: int) -> None:
    with services.database.write() as session:
        for person in range(1, count + 1):
            user = users.find_or_create(session, f"p{person}")
            faces.add(session, user, spec(), vector_of(color_of(person)), {})


def check_ins(
    services: Services, given: Sequence[tuple[str, float]], threshold: float = THRESHOLD
) -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    for decision, similarity in given:
        event = CheckIn(
            event_id=str(uuid4()),
            body_sha256="0" * 64,
            source="device",
            device_id="door-1",
            decision=decision,
            similarity=similarity,
            threshold=threshold,
            captured_at=at,
            received_at=at,
            at=at,
            late=False,
            clock_suspect=False,
            granted=False,
            effective_at=at,
            voided=False,
            corrected=False,
        )
        with services.database.write() as session:
            checkins.add(session, event)
