"""A recorded calibration is what every process judges by, and says it judges by, from then on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from db import calibrations
from pipeline.services import Services
from tests.api.kit import body, enroll, recognize
from tests.calibration_kit import recorded, row
from tests.fakes import (
    EMBEDDER,
    THRESHOLD,
    color_of,
    fake_settings,
    make_services,
    portrait,
    spec,
    vector_of,
)
from tests.spaces_kit import FURTHER, FURTHER_SPEC
from tests.switch_kit import go_over, two_networks_in

SIMILAR = float(vector_of(color_of(5)) @ vector_of(color_of(5, 6)))
"""Of two photos of one person."""


def threshold(client: FlaskClient) -> dict[str, object]:
    found = body(client.get("/readyz"))["checks"]["threshold"]
    assert isinstance(found, dict)
    return found


def said_of(client: FlaskClient, query: str = "") -> tuple[object, object, object]:
    found = body(recognize(client, portrait(5, 6), query))
    return found["decision"], found["threshold"], found["calibration"]


@pytest.fixture
def other(tmp_path: Path, services: Services) -> Iterator[FlaskClient]:
    """Another process on the same database, running before anything is recorded."""
    more = Services.build(services.settings, services._build_networks)
    more.start()
    yield create_app(services=more).test_client()
    more.close()


def test_it_is_in_force_in_every_process_at_once(
    client: FlaskClient, services: Services, other: FlaskClient
) -> None:
    enroll(client, "1042", portrait(5))
    clients = (client, other)
    assert [said_of(one) for one in clients] == [("match", THRESHOLD, None)] * 2
    strict = round(SIMILAR + 0.01, 4)
    first = recorded(services.database, spec(), row(strict))
    assert [said_of(one) for one in clients] == [("no_match", strict, first)] * 2
    assert [said_of(one, "user_id=1042")[0] for one in clients] == ["no_match"] * 2
    loose = round(SIMILAR - 0.01, 4)
    second = recorded(services.database, spec(), row(loose), first)
    assert [said_of(one) for one in clients] == [("match", loose, second)] * 2
    with services.database.write() as session:
        calibrations.withdraw(session, spec(), second, "ann")
    assert [said_of(one) for one in clients] == [("no_match", strict, first)] * 2
    with services.database.write() as session:
        calibrations.withdraw(session, spec(), first, "ann")
    assert [said_of(one) for one in clients] == [("match", THRESHOLD, None)] * 2


def test_every_face_is_judged_by_it(client: FlaskClient, services: Services) -> None:
    enroll(client, "1042", portrait(5))
    number = recorded(services.database, spec(), row(0.99))
    found = body(recognize(client, portrait(5, 6), "faces=all"))
    assert (found["threshold"], found["calibration"]) == (0.99, number)
    assert [face["decision"] for face in found["faces"]] == ["no_match"]
    assert [face["calibration"] for face in found["faces"]] == [number]


def test_enrolling_asks_by_it_too(client: FlaskClient, services: Services) -> None:
    enroll(client, "1042", portrait(5))
    number = recorded(services.database, spec(), row(0.999))
    answer = client.post("/users/1042/photos", data=portrait(5, 6), content_type="image/png")
    assert body(answer)["error"]["details"]["threshold"] == 0.999
    with services.database.write() as session:
        calibrations.withdraw(session, spec(), number, "ann")
    enroll(client, "1042", portrait(5, 6))


def test_nothing_is_loaded_again_for_it(client: FlaskClient, services: Services) -> None:
    before = services.engine()
    assert services.engine() is before
    recorded(services.database, spec(), row(0.9))
    after = services.engine()
    assert (after.analyzer is before.analyzer, after.gallery is before.gallery) == (True, True)
    assert (before.rule.threshold, after.rule.threshold) == (THRESHOLD, 0.9)
    # The same one until the next calibration: whatever it holds is not made with every request.
    assert services.engine() is after


def test_a_setting_wins_and_readiness_says_so(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path, threshold=0.75))
    number = recorded(services.database, spec(), row(0.7))
    services.start()
    client = create_app(services=services).test_client()
    enroll(client, "1042", portrait(5))
    assert said_of(client)[1:] == (0.75, None)
    found = threshold(client)
    assert (found["origin"], found["threshold"], found["calibration"]) == ("setting", 0.75, None)
    assert number
    # Stricter than what was measured: no more strangers than that, and perhaps none.
    assert found["expected_fpir"] == {"low": 0.0, "high": pytest.approx(0.012)}
    services.close()


def test_below_what_was_measured_nothing_is_known_but_that(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path, threshold=0.65))
    number = recorded(services.database, spec(), row(0.7))
    services.start()
    found = threshold(create_app(services=services).test_client())
    assert (found["expected_fpir"], found["estimated_from"]) == (None, None)
    assert f"0.65 is below 0.7 of calibration {number}" in str(found["warning"])
    services.close()


def test_readiness_says_how_many_strangers_it_lets_through(
    client: FlaskClient, services: Services
) -> None:
    assert threshold(client) == {
        "status": "ready",
        "threshold": THRESHOLD,
        "origin": "network",
        "calibration": None,
        "expected_fpir": None,
        "estimated_from": None,
        "faces": 0,
    }
    for person in (1, 2, 3):
        enroll(client, f"p{person}", portrait(person))
    number = recorded(services.database, spec(), row(0.7, "fpir", 0.03, 3, bound=0.01))
    assert threshold(client) == {
        "status": "ready",
        "threshold": 0.7,
        "origin": "calibration",
        "calibration": number,
        "expected_fpir": {"low": 0.003, "high": 0.0356},
        "estimated_from": "calibration",
        "faces": 3,
    }
    enroll(client, "p4", portrait(4))
    grown = threshold(client)
    assert "calibrated for 3 faces: among 4" in str(grown["warning"])
    assert (grown["status"], grown["faces"]) == ("ready", 4)


def test_a_grown_gallery_is_warned_of_at_the_start(
    client: FlaskClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    for person in (1, 2):
        enroll(client, f"p{person}", portrait(person))
    recorded(services.database, spec(), row(0.7, "fpir", 0.01, 1, bound=0.01))
    Services.build(services.settings, services._build_networks).start()
    assert "calibrated for 1 faces: among 2" in caplog.text


def test_most_searches_for_strangers_that_give_a_name_are_warned_of(
    client: FlaskClient, services: Services
) -> None:
    enroll(client, "1042", portrait(5))
    recorded(services.database, spec(), row(0.7, bound=0.5))
    assert "warning" not in threshold(client)
    for person in range(6, 30):
        enroll(client, f"p{person}", portrait(person))
    assert "--fpir" in str(threshold(client)["warning"])


def test_each_network_has_its_own(tmp_path: Path) -> None:
    with two_networks_in(tmp_path) as kit:
        services = kit.services
        own = recorded(services.database, spec(), row(0.8))
        further = recorded(services.database, FURTHER_SPEC, row(0.9))
        client = create_app(services=services).test_client()
        enroll(client, "1042", portrait(5))
        assert said_of(client)[1:] == (0.8, own)
        go_over(services, FURTHER)
        services.follow()
        assert said_of(client)[1:] == (0.9, further)
        with services.database.write() as session:
            calibrations.withdraw(session, FURTHER_SPEC, further, "ann")
        found = threshold(client)
        assert (found["origin"], found["calibration"]) == ("network", None)
        go_over(services, EMBEDDER)
        services.follow()
        assert said_of(client)[1:] == (0.8, own)
