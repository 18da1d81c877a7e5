"""Networks made from packages' weights: damaged ones are made anew, by one process at a time."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ModelUnavailable
from core.settings import Settings
from pipeline.models.prepare import prepare, prepare_entry, verify
from pipeline.models.prepared import network_files
from pipeline.models.registry import DLIB, MTCNN


@pytest.fixture
def models(prepared_models: Path, tmp_path: Path) -> Path:
    """A MODEL_DIR of one's own with dlib's network, which is made in seconds."""
    shutil.copytree(prepared_models / DLIB.id, tmp_path / "models" / DLIB.id)
    return tmp_path / "models"


@pytest.mark.parametrize("damage", [b"", b"not a network"])
def test_a_damaged_network_is_made_anew(models: Path, damage: bytes) -> None:
    settings = Settings(model_dir=models)
    network, sha256 = network_files(DLIB, models)[0]
    network.write_bytes(damage)
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        verify(DLIB.id, settings)
    prepare(DLIB.id, settings)
    verify(DLIB.id, settings)
    assert network_files(DLIB, models)[0] == (network, sha256)


def test_what_a_killed_preparation_left_is_removed(models: Path) -> None:
    left = models / DLIB.id / ".converting-abc"
    left.mkdir()
    (left / "network.onnx").write_bytes(b"a part")
    network_files(DLIB, models)[0][0].unlink()
    prepare(DLIB.id, Settings(model_dir=models))
    assert not left.exists()


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelUnavailable, match="folder for networks cannot be written"):
        prepare(DLIB.id, Settings(model_dir=tmp_path / "file" / "models"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_no_other_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.errors import StorageFull
    from pipeline.models.entry import Export

    package = tmp_path / "full_export.py"
    package.write_text("open('/dev/full', 'wb', buffering=0).write(b'x')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    entry = replace(MTCNN, export=Export("full_export"))
    with pytest.raises(StorageFull):
        prepare_entry(entry, tmp_path / "models", lambda *_: None)
