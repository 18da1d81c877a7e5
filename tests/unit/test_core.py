"""Boxes, vectors, files, logs."""

import io
import logging
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from core import files
from core.errors import KenalError, ModelError, NotRegularFile, TooLarge, Vanished
from core.logs import LineFormatter
from core.types import Box, EmbeddingSpec, Similarity
from core.vectors import checked_vector, from_bytes, similarities, to_bytes


def test_a_box_checks_itself() -> None:
    for bad in [(0, 0, 0, 1), (0, 0, 1, -1), (math.nan, 0, 1, 1), (0, math.inf, 1, 1)]:
        with pytest.raises(ValueError, match="a box has"):
            Box(*bad)


def test_iou_of_known_boxes() -> None:
    assert Box(0, 0, 2, 2).iou(Box(1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert Box(0, 0, 1, 1).iou(Box(5, 5, 1, 1)) == 0


def test_a_spec_is_told_apart_by_every_field() -> None:
    spec = EmbeddingSpec("a", "h", "d", "al", "n", 4, Similarity.COSINE)
    other = EmbeddingSpec("a", "h2", "d", "al", "n", 4, Similarity.COSINE)
    assert spec.digest != other.digest
    assert spec.digest == EmbeddingSpec("a", "h", "d", "al", "n", 4, Similarity.COSINE).digest


@pytest.mark.parametrize(
    "bad", [[1, 2], [1, 2, math.nan], [0, 0, 0], [1, 2, math.inf], [1e-24] * 3, [3e38] * 3]
)
def test_unusable_vectors_are_refused(bad: list[float]) -> None:
    with pytest.raises(ModelError):
        checked_vector(bad, 3)


def test_vectors_survive_storage_bit_for_bit() -> None:
    vector = np.random.default_rng(1).standard_normal(128).astype(np.float32)
    assert (from_bytes(to_bytes(vector), 128) == vector).all()
    with pytest.raises(ModelError):
        from_bytes(to_bytes(vector)[:-1], 128)


def test_euclidean_similarity_is_the_cosine_on_unit_vectors() -> None:
    rng = np.random.default_rng(2)
    gallery = rng.standard_normal((20, 16)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    cosine = similarities(gallery[0], gallery, Similarity.COSINE)
    euclidean = similarities(gallery[0], gallery, Similarity.EUCLIDEAN)
    assert np.allclose(cosine, euclidean, atol=1e-6)
    assert cosine[0] == pytest.approx(1)


def test_similarity_stays_in_its_range() -> None:
    far = np.full((1, 4), 9, dtype=np.float32)
    assert similarities(-far[0], far, Similarity.EUCLIDEAN)[0] == -1


def test_strangers_files_are_read_safely(tmp_path: Path) -> None:
    plain, link, fifo = tmp_path / "a.jpg", tmp_path / "l.jpg", tmp_path / "f.jpg"
    plain.write_bytes(b"123")
    link.symlink_to(plain)
    os.mkfifo(fifo)
    (tmp_path / "d.jpg").mkdir()
    (tmp_path / "z.jpg").symlink_to("/dev/zero")
    assert files.read_regular(plain, 3)[0] == b"123"
    with pytest.raises(TooLarge):
        files.read_regular(plain, 2)
    with pytest.raises(Vanished):
        files.read_regular(tmp_path / "none.jpg", 2)
    for name in ["l.jpg", "f.jpg", "d.jpg", "z.jpg"]:
        with pytest.raises(NotRegularFile):
            files.read_regular(tmp_path / name, 2)


def test_a_sparse_giant_is_refused_unread(tmp_path: Path) -> None:
    giant = tmp_path / "g.jpg"
    with giant.open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(TooLarge):
        files.read_regular(giant, 20_000_000)


def test_identity_changes_with_any_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    before, times = files.identity(path), path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert files.identity(path) != before


def test_an_interrupted_atomic_write_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.write_atomic(path, b"old")
    with pytest.raises(RuntimeError):
        _interrupted_write(path)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def _interrupted_write(path: Path) -> None:
    with files.atomic_file(path) as file:
        file.write(b"new")
        raise RuntimeError


@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_line_is_one_line_without_traceback_or_text_of_errors(as_json: bool) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(as_json))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise KenalError("/secret/path")
    except KenalError:
        logger.exception("name with\nnewline and \x1b[31m", exc_info=sys.exc_info())
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "/secret/path" not in line
    assert "KenalError at test_core.py" in line
