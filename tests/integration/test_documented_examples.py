"""Every example of the documents works as it stands, and its answer is as it is shown."""

import shutil
from pathlib import Path

import pytest

from tests.documents_kit import steps
from tests.integration.walk import walking
from tests.served_kit import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "docs" / "integrators.md",
    ROOT / "docs" / "api.md",
    *sorted((ROOT / "docs" / "api").glob("*.md")),
    ROOT / "clients" / "python" / "README.md",
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
def test_examples_work(path: Path, tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        for step in steps(path.read_text()):
            walk.take(step)
