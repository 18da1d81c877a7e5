"""What is written down of an optimized graph, and for what it is good."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from core.files import write_atomic
from pipeline.models.onnx_runtime import Floats

TOLERANCE = 1e-5
"""Of the largest number in an answer; 4e-7 to 8e-7 were measured of the networks served here."""
RECORD, GRAPH = ".optimized.json", ".optimized.onnx"
_NAME_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Purpose:
    """What one optimized graph is made of and for; it is good for nothing else."""

    network: str
    """The network's SHA-256."""
    runtime: str
    processor: str
    level: str
    device: str

    @property
    def name(self) -> str:
        text = "\n".join(asdict(self).values())
        return sha256(text.encode()).hexdigest()[:_NAME_DIGITS]


@dataclass(frozen=True, slots=True)
class Record:
    """An optimized graph: its file and hash, and the network's own answers to the probe."""

    purpose: Purpose
    source: str
    """The identity of the network's file when its hash was last found right."""
    graph: str
    sha256: str
    answers: Sequence[Sequence[float]]

    def agrees(self, answers: Sequence[Floats]) -> bool:
        """Whether these are the network's own answers, but for rounding."""
        if len(answers) != len(self.answers):
            return False
        pairs = zip(self.answers, answers, strict=True)
        return all(_agrees(np.asarray(own), answer.reshape(-1)) for own, answer in pairs)


def _agrees(own: Floats, answer: Floats) -> bool:
    if own.shape != answer.shape or not own.size or not np.isfinite(own).all():
        return False
    largest = float(np.abs(own).max())
    # Zeros alone would agree with a graph that lost its weights.
    return largest > 0 and float(np.abs(answer - own).max()) <= TOLERANCE * largest


def record_path(network: Path, purpose: Purpose) -> Path:
    """Where the record for this purpose lies: beside the network."""
    return network.with_name(f"{network.stem}.{purpose.name}{RECORD}")


def read_record(path: Path) -> Record | None:
    """The record, None where there is none that can be understood."""
    try:
        fields = json.loads(path.read_bytes())
        purpose = Purpose(**{key: str(text) for key, text in fields["purpose"].items()})
        answers = [[float(value) for value in answer] for answer in fields["answers"]]
        source, graph, digest = (str(fields[key]) for key in ("source", "graph", "sha256"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    # A name, never a path to somewhere else.
    if Path(graph).name != graph or not graph.endswith(GRAPH):
        return None
    return Record(purpose, source, graph, digest, answers)


def write_record(path: Path, record: Record) -> None:
    """Published last, so that a graph without it is never opened; OSError and StorageFull."""
    write_atomic(path, json.dumps(asdict(record)).encode())
