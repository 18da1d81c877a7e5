"""What the documents say and what the program does are the same, in both directions."""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def table(document: str) -> list[list[str]]:
    """The cells of the rows of the one table in `document`, without its heading."""
    lines = (ROOT / document).read_text().splitlines()
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines if line[:1] == "|"]
    return [row for row in rows[1:] if not _is_rule(row)]


def _is_rule(row: list[str]) -> bool:
    return set("".join(row)) <= {"-", ":"}


def _shown(default: object) -> str:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default in (None, ""):
        return ""
    value = default.value if isinstance(default, Enum) else default
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_settings_are_documented_as_they_are() -> None:
    documented = {row[0]: row[1:] for row in table("docs/settings.md")}
    actual = {
        f"`{PREFIX}{name.upper()}`": [_shown(field.default), field.description]
        for name, field in Settings.model_fields.items()
    }
    assert documented == actual


@each_document
def test_documents_name_only_settings_that_exist(document: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", document.read_text())) <= known


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@each_document
def test_documents_name_only_make_targets_that_exist(document: Path) -> None:
    assert set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", document.read_text(), re.MULTILINE)) <= (
        targets()
    )


def test_every_make_target_says_what_it_does_or_is_internal() -> None:
    helped = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets() - helped == {"setup-dev"}
    assert {"serve", "test"} <= set(
        re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    )


def links(document: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in link:
            yield link


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    missing = [link for link in links(document) if not (document.parent / link).exists()]
    assert missing == []
