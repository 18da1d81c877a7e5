"""Results for people and for programs: tables of text, JSON, and where from."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.errors import InvalidParameter
from core.files import write_atomic
from evaluation.metrics.intervals import Rate

_PACKAGES = ("tensorflow", "keras", "numpy", "onnxruntime", "tf2onnx")


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write them over older ones; raises StorageFull, or InvalidParameter where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_atomic(folder / name, data)
    except OSError:
        raise InvalidParameter("nothing can be written into that folder") from None


def as_json(values: Mapping[str, object]) -> bytes:
    return (json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be."""
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def counted(rate: Rate) -> dict[str, object]:
    """A rate as JSON, with the 95 % interval of the true one."""
    span = rate.interval
    return {
        "errors": rate.errors,
        "trials": rate.trials,
        "rate": rate.value,
        "interval": [span.low, span.high],
    }


def said(rate: Rate) -> str:
    """A rate in words: the part, the counts, the interval."""
    if not rate.trials:
        return "-"
    span = rate.interval
    between = f"{100 * span.low:.3g}-{100 * span.high:.3g} %"
    return f"{percent(rate.value)} ({rate.errors} of {rate.trials}; {between})"


def dataset_digest(sha256s: Sequence[str], people: Sequence[str]) -> str:
    """One hash of all photos and whose they are, in any order."""
    lines = sorted(f"{sha256} {person}" for sha256, person in zip(sha256s, people, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Of what decides a training's numbers; a package that is not there is left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
