"""A fresh process that opens an index and answers one search: `python -m benchmarks.index_first`.

Prints when it was where, on the clock that all processes of a machine share.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.index_kenal import spec
from index import FaceIndex


def main() -> None:
    folder, query_path = map(Path, sys.argv[1:])
    times = {"imported": time.monotonic()}
    query = np.load(query_path)[0]
    index = FaceIndex.open(folder, spec(len(query)))
    times["opened"] = time.monotonic()
    matches = index.search(query, 1)
    times["answered"] = time.monotonic()
    index.finish_checks()
    times["checked"] = time.monotonic()
    if not matches or index.problem is not None:
        raise SystemExit(f"the index gave no answer: {index.problem}")
    print(json.dumps(times))


if __name__ == "__main__":
    main()
