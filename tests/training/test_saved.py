"""A trained classifier's files: only what was written together is used."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelUnavailable
from training.saved import CENTROIDS, HEAD, RECORD, Record, load, save


class Head:
    """Keras's word for writing itself."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def save(self, place: Path) -> None:
        place.write_bytes(self._content)


def record(people: tuple[str, ...] = ("ada", "bob")) -> Record:
    return Record(
        kind="kenal-classifier-1",
        embedder="mobilefacenet",
        space="0" * 64,
        dimensions=4,
        people=people,
        sign="centroid",
        threshold=0.4,
        target=0.01,
        is_threshold_shown=False,
        fold=1,
        folds=2,
        accuracy_of_fold=1.0,
        accuracy_of_all=0.9,
        photos=8,
        augmentation="none",
        dataset_sha256="1" * 64,
        trained_at="2026-01-02T03:04:05+00:00",
        versions={},
    )


def saved(folder: Path, content: bytes = b"a head", people: tuple[str, ...] = ("a", "b")) -> Path:
    save(folder, record(people), Head(content), np.eye(2, 4, dtype=np.float32))
    return folder


@pytest.mark.parametrize("edit", [{"people": ["bob", "ada"]}, {"threshold": 0.0}])
def test_a_label_or_threshold_that_was_moved_is_refused(
    tmp_path: Path, edit: dict[str, object]
) -> None:
    saved(tmp_path, people=("ada", "bob"))
    fields = json.loads((tmp_path / RECORD).read_text())
    (tmp_path / RECORD).write_text(json.dumps({**fields, **edit}))
    with pytest.raises(ModelUnavailable, match=r"model.json is not as it was written"):
        load(tmp_path)


@pytest.mark.parametrize("name", [RECORD, HEAD, CENTROIDS])
def test_a_file_of_another_model_is_refused(tmp_path: Path, name: str) -> None:
    """As after a training that was killed while it wrote over an older model."""
    one = saved(tmp_path / "one")
    other = tmp_path / "other"
    save(other, record(("eve", "zoe")), Head(b"other"), np.ones((2, 4), np.float32))
    (one / name).write_bytes((other / name).read_bytes())
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        load(one)


def test_without_a_record_there_is_no_model(tmp_path: Path) -> None:
    (saved(tmp_path) / RECORD).unlink()
    with pytest.raises(ModelUnavailable, match="missing"):
        load(tmp_path)
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load(tmp_path)
