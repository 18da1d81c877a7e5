"""Fixtures that more than one kind of test needs."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.models.registry import MOBILEFACENET

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real photos and small networks, which are never part of the repository."""
    found = Path(os.environ.get("SHARED_DIR") or ROOT.parent / "shared").resolve()
    if not (found / "faces").is_dir():
        pytest.skip("real photos are not here: set SHARED_DIR to a folder that has faces/")
    return found


@pytest.fixture(scope="session")
def model_dir(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MODEL_DIR with MobileFaceNet in its place."""
    models = tmp_path_factory.mktemp("models")
    (models / MOBILEFACENET.id).mkdir()
    source = shared_dir / "models" / "mobilefacenet.onnx"
    shutil.copyfile(source, models / MOBILEFACENET.id / MOBILEFACENET.files[0].name)
    return models


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests first: on several cores they then do not run last and alone."""
    items.sort(key=lambda item: _RANK.get(item.path.name, len(_RANK)))


_LONGEST_FIRST = (
    "test_dropped_photos.py",
    "test_two_workers.py",
    "test_networks.py",
    "test_gallery.py",
    "test_crashes.py",
    "test_facenet.py",
)
_RANK = {name: rank for rank, name in enumerate(_LONGEST_FIRST)}
