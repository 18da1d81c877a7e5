"""GET /reports/duplicates and `flask users duplicates`."""

import csv
import io

import pytest
from flask.testing import FlaskClient

from pipeline import duplicates
from tests.api.kit import Json, body, enroll, refused
from tests.fakes import portrait

URL = "/reports/duplicates"


@pytest.fixture
def roster(client: FlaskClient) -> FlaskClient:
    """anna and bert look the same, carl and dora too; emil looks like nobody."""
    for number, (user_id, person) in enumerate(
        [("anna", 5), ("carl", 9), ("bert", 5), ("dora", 9), ("emil", 77), ("anna", 5)]
    ):
        enroll(client, user_id, portrait(person, shade=number))
    return client


def pages(client: FlaskClient, query: str = "") -> list[Json]:
    found = [body(client.get(f"{URL}?{query}"))]
    while found[-1]["next_cursor"]:
        found.append(body(client.get(f"{URL}?{query}&cursor={found[-1]['next_cursor']}")))
    return found


def people_of(found: list[Json]) -> set[frozenset[str]]:
    pairs = [pair for page in found for pair in page["pairs"]]
    return {frozenset(person["user_id"] for person in pair["people"]) for pair in pairs}


ALIKE = {frozenset(["anna", "bert"]), frozenset(["carl", "dora"])}


def test_people_who_look_the_same(roster: FlaskClient) -> None:
    [*_, last] = found = pages(roster)
    assert people_of(found) == ALIKE
    assert (last["scanned"], last["total"], last["threshold"]) == (6, 6, 0.6)
    scores = [pair["similarity_score"] for pair in found[0]["pairs"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0.9 < score < 1 for score in scores)


def test_small_steps_find_the_same(roster: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "ROWS", 2)
    monkeypatch.setattr(duplicates, "COLUMNS", 2)
    monkeypatch.setattr(duplicates, "STEP_PRODUCTS", 1)
    found = pages(roster)
    assert len(found) > 5
    assert people_of(found) == ALIKE


def test_threshold(roster: FlaskClient) -> None:
    assert people_of(pages(roster, "threshold=1")) == set()
    assert len(people_of(pages(roster, "threshold=-1"))) == 10, "every two of five people"


@pytest.mark.parametrize(
    "query",
    [
        *("threshold=2", "threshold=-1.1", "threshold=nan", "threshold=", "threshold=1e-1"),
        *("cursor=x", "cursor=", "cursor=YWZ0ZXI6Mg", "limit=5", "threshold=0&threshold=0"),
    ],
)
def test_options_are_strict(reader: FlaskClient, query: str) -> None:
    refused(reader.get(f"{URL}?{query}"), 400, "invalid_parameter")


def test_it_needs_the_gallery(cold_client: FlaskClient) -> None:
    refused(cold_client.get(URL), 503, "not_ready")


def test_at_the_command_line(roster: FlaskClient) -> None:
    run = roster.application.test_cli_runner()
    lines = run.invoke(args=["users", "duplicates"]).stdout.splitlines()
    assert {frozenset(line.split("\t")[1::2]) for line in lines} == ALIKE
    text = run.invoke(args=["users", "duplicates", "--csv", "--threshold", "0.5"]).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {frozenset([row["user_id"], row["other_user_id"]]) for row in rows} == ALIKE
    assert all(row["face_id"].isdigit() for row in rows)
    assert run.invoke(args=["users", "duplicates", "--threshold", "2"]).exit_code == 2
