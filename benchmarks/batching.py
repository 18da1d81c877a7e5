"""Whether embedding faces together pays: `python -m benchmarks.batching`.

The settings' network on the same noise, alone and in batches, in turn. CPU time is what counts on
a busy machine; the last column says how far a batch moves an embedding from the one it has alone.
"""

import argparse
import time
from collections.abc import Sequence
from statistics import median

import numpy as np

from core.settings import load_settings
from pipeline.models.network_input import Layout
from pipeline.models.onnx_runtime import Floats, OnnxNetwork, open_network
from pipeline.models.prepared import network_file
from pipeline.models.registry import find

_SIZES = (1, 2, 4, 8)
_FACES = max(_SIZES)


def loaded(entry_id: str) -> tuple[OnnxNetwork, OnnxNetwork, Floats]:
    """The network with one thread and with two, and inputs of its shape."""
    settings = load_settings()
    entry = find(entry_id, settings)
    if entry.pixels is None:
        raise SystemExit(f"{entry_id} states no input of a network")
    path, _ = network_file(entry, settings.models_path)
    side = entry.pixels.side_px
    shape = (3, side, side) if entry.pixels.layout is Layout.NCHW else (side, side, 3)
    inputs = np.random.default_rng(1).normal(size=(_FACES, *shape)).astype(np.float32)
    return open_network(path, 1), open_network(path, 2), inputs


def run(network: OnnxNetwork, inputs: Floats, size: int) -> tuple[float, float, Floats]:
    """All faces in batches of `size`: wall and CPU milliseconds a face, and the embeddings."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = [network.run(inputs[i : i + size])[0] for i in range(0, len(inputs), size)]
    per_face = 1000 / len(inputs)
    cpu_ms = (time.process_time() - cpu) * per_face
    return (time.perf_counter() - wall) * per_face, cpu_ms, np.concatenate(found)


def unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(given).rounds
    one, two, inputs = loaded(load_settings().embedder)
    alone = unit(run(one, inputs, 1)[2])
    times: dict[tuple[int, int], list[tuple[float, float]]] = {}
    moved: dict[tuple[int, int], float] = {}
    for _ in range(rounds + 1):
        for threads, network in ((1, one), (2, two)):
            for size in _SIZES:
                wall_ms, cpu_ms, found = run(network, inputs, size)
                times.setdefault((threads, size), []).append((wall_ms, cpu_ms))
                moved[threads, size] = float(np.abs(unit(found) - alone).max())
    print(
        "| threads | faces together | CPU ms a face | least | wall ms a face | largest difference |"
    )
    print("|--:|--:|--:|--:|--:|--:|")
    for (threads, size), measured in times.items():
        walls, cpus = zip(*measured[1:], strict=True)  # The first round warmed up.
        shown = f"{median(cpus):.1f} | {min(cpus):.1f} | {median(walls):.1f}"
        print(f"| {threads} | {size} | {shown} | {moved[threads, size]:.1e} |")


if __name__ == "__main__":
    main()
