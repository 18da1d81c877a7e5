"""Fixtures that more than one kind of test needs."""

import os
from pathlib import Path

import pytest

from core.files import write_atomic
from core.lease import lease
from core.settings import Settings
from pipeline.models.prepare import prepare
from pipeline.models.registry import DLIB, MOBILEFACENET, MTCNN

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real photos and small networks, which are never part of the repository."""
    found = Path(os.environ.get("SHARED_DIR") or ROOT.parent / "shared").resolve()
    if not (found / "faces").is_dir():
        pytest.skip("real photos are not here: set SHARED_DIR to a folder that has faces/")
    return found


@pytest.fixture(scope="session")
def prepared_models(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A MODEL_DIR with the networks that come with packages, made once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    models = (base if worker_id == "master" else base.parent) / "models"
    models.mkdir(exist_ok=True)
    with lease(models / "lock", wait=True):
        for model_id in (MTCNN.id, DLIB.id):
            prepare(model_id, Settings(model_dir=models))
    return models


@pytest.fixture(scope="session")
def model_dir(shared_dir: Path, prepared_models: Path) -> Path:
    """The same with MobileFaceNet in its place."""
    target = prepared_models / MOBILEFACENET.id / MOBILEFACENET.files[0].name
    target.parent.mkdir(exist_ok=True)
    write_atomic(target, (shared_dir / "models" / "mobilefacenet.onnx").read_bytes())
    return prepared_models


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
