"""The contract: valid, complete, equal to its snapshot, and a page that asks no other site."""

import json
import os
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from api.contract.document import document
from api.contract.operation import operation_of

SNAPSHOT = Path(__file__).parents[1] / "golden" / "openapi.json"


def test_it_is_valid_openapi(app: Flask) -> None:
    validate(document(app))


def test_every_address_is_in_it(app: Flask) -> None:
    shown = document(app)["paths"]
    assert isinstance(shown, dict)
    rules = {re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", r.rule) for r in app.url_map.iter_rules()}
    assert set(shown) == rules


def test_names_are_unique(app: Flask) -> None:
    shown = document(app)["paths"]
    assert isinstance(shown, dict)
    names = [said["operationId"] for path in shown.values() for said in path.values()]
    assert len(names) == len(set(names))


def test_the_contract_changes_only_on_purpose(app: Flask) -> None:
    """WRITE_SNAPSHOT=1 makes the snapshot anew: look at its diff before you commit it."""
    text = json.dumps(document(app), indent=1, sort_keys=True) + "\n"
    if os.environ.get("WRITE_SNAPSHOT") == "1":
        SNAPSHOT.write_text(text)
    assert SNAPSHOT.read_text() == text


def test_it_is_served(client: FlaskClient) -> None:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert json.loads(answer.data)["openapi"] == "3.1.0"


def test_the_page_asks_no_other_site(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.mimetype == "text/html"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    for name in re.findall(r'(?:src|href)="([^"]*)"', page.text):
        part = client.get(f"/{name}")
        assert part.status_code == 200, name
        assert part.headers["X-Content-Type-Options"] == "nosniff"
        assert part.mimetype == ("text/css" if name.endswith("css") else "text/javascript")


@pytest.mark.parametrize("name", ["index.html", "..%2F__init__.py", "swagger-ui.js", "x"])
def test_the_page_has_no_other_parts(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


def test_every_view_declares_its_answers(app: Flask) -> None:
    silent = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (said := operation_of(app, rule.endpoint)) is None
        or (
            set(said.answers.values()) == {None}
            and said.media_type == "application/json"
            and set(said.answers) != {204}
        )
    ]
    assert silent == []
