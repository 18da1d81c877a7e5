"""docs/api.md against the application: every route, and no route that is not there."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask

from api import create_app
from pipeline.services import Services
from tests.fakes import FakeNetworks, fake_settings

TEXT = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
METHODS = {"GET", "POST", "PATCH", "DELETE"}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app(services=Services.build(fake_settings(tmp_path), FakeNetworks()))


def test_every_route_is_documented(app: Flask) -> None:
    documented = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`?]*)`", TEXT))
    routes = {
        (method, rule.rule.replace("<user_id>", "{user_id}").replace("<photo_id>", "{id}"))
        for rule in app.url_map.iter_rules()
        for method in METHODS & (rule.methods or set())
    }
    assert documented == routes


def test_every_example_is_json() -> None:
    examples = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert len(examples) >= 8
    for example in examples:
        assert "request_id" in json.loads(example)


def test_every_link_inside_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\(#([^)]*)\)", TEXT)) <= headings
