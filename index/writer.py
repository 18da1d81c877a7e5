"""Writes a segment: block by block, so that a million faces need no million vectors in memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.files import sha256_bytes, sync_directory
from core.types import EmbeddingSpec, Matrix
from index.arrays import npy_header, save
from index.choice import EXACT, Choice, Proposer
from index.errors import room_for
from index.finders import Finders
from index.forest import Forest, plant
from index.measure import measured
from index.policy import Policy
from index.probes import probes
from index.progress import OnProgress
from index.projection import SAMPLE, Projection, comparable
from index.recipe import Recipe
from index.segment_meta import (
    FACES,
    HEADS,
    META,
    PROJECTION,
    TREES,
    VECTORS,
    WORDS,
    FileSeal,
    SegmentMeta,
)
from index.sketch import HEADS as HEAD_WORDS
from index.sketch import Sketch
from index.sources import BLOCK, Merged

_SEED = 1042
_FILES = (FACES, VECTORS, PROJECTION, HEADS, WORDS, TREES)


def write(directory: Path, recipe: Recipe, rows: Merged, on_progress: OnProgress) -> str:
    """Write a segment into the empty `directory`, durably; the checksum of its metadata.

    `rows` are not empty. Raises StorageFull, or OSError, when the disk does not take it.
    """
    spec, policy = recipe.spec, recipe.policy
    with room_for(directory, _estimate(len(rows), spec, policy)):
        save(directory / FACES, rows.faces)
        _write_vectors(directory / VECTORS, rows, spec, on_progress)
        choice = EXACT
        if len(rows) > policy.exact_below:
            choice = _found_or_exact(directory, recipe, on_progress)
        return _seal(directory, recipe, len(rows), choice)


def _estimate(count: int, spec: EmbeddingSpec, policy: Policy) -> int:
    trees = policy.trees * 16 if count >= policy.forest_from else 0
    return count * (4 * spec.dimensions + 400 + trees)


def _write_vectors(path: Path, rows: Merged, spec: EmbeddingSpec, on_progress: OnProgress) -> None:
    # Written, not mapped: a full disk is then an error and not the end of the process.
    with path.open("wb") as file:
        file.write(npy_header(len(rows), spec.dimensions))
        done = 0
        for block in rows.blocks():
            file.write(block.data)
            done += len(block)
            on_progress("writing", done, len(rows))


def _found_or_exact(directory: Path, recipe: Recipe, on_progress: OnProgress) -> Choice:
    try:
        return _write_finders(directory, recipe.spec, recipe.policy, on_progress)
    except (np.linalg.LinAlgError, FloatingPointError):
        # Nothing can be learned from such numbers: everyone is compared, which always works.
        for name in (PROJECTION, HEADS, WORDS, TREES):
            (directory / name).unlink(missing_ok=True)
        return EXACT


def _write_finders(
    directory: Path, spec: EmbeddingSpec, policy: Policy, on_progress: OnProgress
) -> Choice:
    vectors = np.asarray(np.load(directory / VECTORS, mmap_mode="r", allow_pickle=False))
    count = len(vectors)
    projection = Projection.learned(_sample(vectors, spec))
    projection.save(directory / PROJECTION)
    words = np.concatenate(
        [projection.words(block) for block in _blocks(vectors, spec, "sketching", on_progress)]
    )
    heads = np.ascontiguousarray(words[:, :HEAD_WORDS].T)
    save(directory / HEADS, heads)
    save(directory / WORDS, words)
    forest = None
    if count >= policy.forest_from and policy.only is not Proposer.SKETCH:
        short = (
            projection.shortened(block) for block in _blocks(vectors, spec, "planting", on_progress)
        )
        plant(directory / TREES, short, policy.trees, policy.threads)
        on_progress("growing", 1, 1)
        forest = Forest(directory / TREES, projection.dimensions, count)
    finders = Finders(spec.similarity, projection, Sketch(heads, words), forest)
    found = probes(vectors, spec.similarity, policy.probes, on_progress)
    choice = measured(finders, found, policy, policy.recall, on_progress)
    if forest is not None and choice.proposer is not Proposer.ANNOY:
        # Trees that are slower than the sketch on these faces are not worth their room.
        (directory / TREES).unlink()
    return choice


def _sample(vectors: Matrix, spec: EmbeddingSpec) -> Matrix:
    random = np.random.default_rng(_SEED)
    chosen = np.sort(random.choice(len(vectors), min(SAMPLE, len(vectors)), replace=False))
    return comparable(vectors[chosen], spec.similarity)


def _blocks(
    vectors: Matrix, spec: EmbeddingSpec, stage: str, on_progress: OnProgress
) -> Iterator[Matrix]:
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        yield comparable(block, spec.similarity)
        on_progress(stage, start + len(block), len(vectors))


def _seal(directory: Path, recipe: Recipe, count: int, choice: Choice) -> str:
    files = [name for name in _FILES if (directory / name).exists()]
    for name in files:
        _sync(directory / name)
    meta = SegmentMeta(
        spec=recipe.spec.digest,
        metric=recipe.spec.similarity.value,
        dimensions=recipe.spec.dimensions,
        count=count,
        covered=recipe.covered,
        trees=recipe.policy.trees if TREES in files else 0,
        provisional=recipe.provisional,
        choice=choice,
        files={name: FileSeal.of(directory / name) for name in files},
    )
    data = meta.encode()
    (directory / META).write_bytes(data)
    _sync(directory / META)
    sync_directory(directory)
    return sha256_bytes(data)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
