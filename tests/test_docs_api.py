"""Routes and commands: what the documents name is there, and what is there is documented."""

import json
import re
from pathlib import Path

import click
import pytest
from flask import Flask

from api import create_app
from api.commands import GROUPS, Commands
from pipeline.services import Services
from tests.fakes import FakeNetworks, fake_settings

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "docs" / "api.md", *sorted((ROOT / "docs" / "api").glob("*.md"))]
TEXTS = {path.name: path.read_text() for path in DOCUMENTS}
TEXT = "\n".join(TEXTS.values())
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
METHODS = {"GET", "POST", "PATCH", "DELETE"}


COMMAND = r"`flask ([a-z]+ [a-z]+)"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app(services=Services.build(fake_settings(tmp_path), FakeNetworks()))


def test_every_route_is_documented(app: Flask) -> None:
    documented = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`?]*)`", TEXT))
    routes = {
        (method, re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in METHODS & (rule.methods or set())
    }
    assert documented == routes


def test_every_example_is_json() -> None:
    examples = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert len(examples) >= 8
    for example in examples:
        assert "request_id" in json.loads(example)


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_inside_leads_somewhere(name: str) -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXTS[name], re.MULTILINE)
    }
    assert set(re.findall(r"\(#([^)]*)\)", TEXTS[name])) <= headings


def groups() -> list[click.Group]:
    """Every group of commands, imported."""
    commands = Commands()
    context = click.Context(commands)
    found = [commands.get_command(context, name) for name in GROUPS]
    return [group for group in found if isinstance(group, click.Group)]


def commands_of() -> set[str]:
    return {f"{group.name} {command}" for group in groups() for command in group.commands}


def test_every_command_is_documented() -> None:
    assert set(re.findall(r"^\| " + COMMAND, COMMANDS, re.MULTILINE)) == commands_of()


def test_documents_name_only_commands_that_exist() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        named = re.findall(r"(?:`|^|bin/)flask ([a-z]+ [a-z]+)", document.read_text(), re.MULTILINE)
        assert set(named) <= commands_of(), document.name


def test_documented_options_are_those_of_the_commands() -> None:
    for group in groups():
        for name, command in group.commands.items():
            line = next(ln for ln in COMMANDS.splitlines() if f"`flask {group.name} {name}" in ln)
            usage = line.split("`")[1]
            options = {p.opts[-1] for p in command.params if isinstance(p, click.Option)}
            assert set(re.findall(r"--[a-z-]+", usage)) == options, usage
