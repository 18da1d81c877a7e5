"""Every example of the documents works as it stands, and its answer is as it is shown."""

import shutil
from pathlib import Path

import pytest

from tests.documents_kit import Step, steps
from tests.integration.walk import Networks, walking
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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
def test_the_guide_works_with_real_faces(
    tmp_path: Path, shared_dir: Path, prepared_models: Path
) -> None:
    photos = shared_dir / "faces" / "gallery" / "single"
    names = {"ada.jpg": "obama.jpg", "visitor.jpg": "obama2.jpg"}
    networks = Networks(
        settings={"KENAL_EMBEDDER": "dlib", "KENAL_MODEL_DIR": str(prepared_models)},
        server="wsgi:app",
        commands="wsgi:app",
        photo=lambda name: (photos / names[name]).read_bytes(),
        preparing=[["db", "upgrade"], ["models", "prepare"]],
    )
    with walking(tmp_path, networks) as walk:
        for step in steps((ROOT / "docs" / "integrators.md").read_text()):
            walk.take(step)


BROKEN = [
    Step("sh", "curl http://localhost:8000/users/nobody", 7),
    Step("sh", "curl http://localhost:8000/users", 7, status="404"),
    Step("sh", "false; true", 7),
    Step("sh", "echo $NEVER_SET", 7),
    Step("python", "import no_such_module", 7),
    Step("json", '{"request_id": "…", "people": []}', 7),
]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
def test_an_example_that_is_broken_is_noticed(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        for step in BROKEN:
            walk.take(Step("sh", "curl http://localhost:8000/users", 1))
            with pytest.raises(AssertionError, match="line 7"):
                walk.take(step)
