"""The other process: rebuilds or compacts an index while somebody searches it.

`python -m benchmarks.index_builder rebuild|compact GALLERY INDEX`
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.index_data import SEED, Dataset
from benchmarks.index_kenal import faces, spec
from benchmarks.index_memory import memory
from core.types import FaceRemoved
from index import FaceIndex

DELETED = 0.05
"""Share of the faces that is removed before the index is compacted."""


def doomed(dataset: Dataset) -> list[int]:
    """The faces to remove; none that is the best of a probe, so that answers stay as they are."""
    count = len(dataset.vectors())
    spared = set((dataset.truth() + 1).tolist())
    drawn = np.random.default_rng(SEED).choice(count, int(count * DELETED), replace=False) + 1
    return [face for face in sorted(drawn.tolist()) if face not in spared]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["rebuild", "compact"])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    dataset = Dataset.open(chosen.dataset)
    vectors = dataset.vectors()
    index = FaceIndex.open(chosen.folder, spec(vectors.shape[1]))
    if chosen.step == "rebuild":
        index.rebuild(faces(vectors), len(vectors))
    else:
        first = index.position + 1
        removed = [FaceRemoved(first + i, face) for i, face in enumerate(doomed(dataset))]
        index.apply(removed, index.position + len(removed))
        index.compact()
    used = memory()
    print(json.dumps({"peak_mb": used.peak if used else None}))


if __name__ == "__main__":
    main()
