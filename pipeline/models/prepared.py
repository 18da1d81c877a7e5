"""Networks as they are served: the pinned ONNX file, or the one made from pinned weights.

What is made from Keras weights lies beside them, named by their hash, with a record of its own
checksum: other weights, or a file that changed, are never taken for it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import ModelUnavailable
from core.files import write_atomic
from pipeline.models.entry import ModelEntry
from pipeline.models.weights import has_weights, model_file

_KERAS_SUFFIX = ".h5"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was made, from what, and how far its answers were from the source's at most."""

    source_sha256: str
    network_sha256: str
    largest_difference: float


def is_converted(entry: ModelEntry) -> bool:
    """Whether the network is served from an ONNX file made of Keras weights."""
    return bool(entry.files) and entry.files[0].name.endswith(_KERAS_SUFFIX)


def network_file(entry: ModelEntry, models_path: Path) -> tuple[Path, str]:
    """The network's ONNX file and its SHA-256, to be checked when it is loaded.

    Raises ModelUnavailable where it has yet to be converted.
    """
    weights = entry.files[0]
    if not is_converted(entry):
        return model_file(models_path, entry.id, weights), weights.sha256
    conversion = read_conversion(entry, models_path)
    if conversion is None:
        raise ModelUnavailable(
            f"{entry.title} is not prepared; run: flask models prepare {entry.id}"
        )
    return converted_path(entry, models_path), conversion.network_sha256


def converted_path(entry: ModelEntry, models_path: Path) -> Path:
    return models_path / entry.id / f"{entry.files[0].sha256[:16]}.onnx"


def read_conversion(entry: ModelEntry, models_path: Path) -> Conversion | None:
    """The record of a finished conversion of exactly these weights; None where there is none."""
    try:
        fields = json.loads(_record_path(entry, models_path).read_bytes())
        conversion = Conversion(
            source_sha256=str(fields["source_sha256"]),
            network_sha256=str(fields["network_sha256"]),
            largest_difference=float(fields["largest_difference"]),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return conversion if conversion.source_sha256 == entry.files[0].sha256 else None


def record_conversion(entry: ModelEntry, models_path: Path, conversion: Conversion) -> None:
    """Publish a conversion; written last, so that a file without it is never served."""
    record = json.dumps(asdict(conversion), indent=1).encode()
    write_atomic(_record_path(entry, models_path), record)


def _record_path(entry: ModelEntry, models_path: Path) -> Path:
    return converted_path(entry, models_path).with_suffix(".json")


def is_ready(entry: ModelEntry, models_path: Path) -> bool:
    """Whether the network's files are in place; their hashes are checked when they are loaded."""
    if is_converted(entry):
        recorded = read_conversion(entry, models_path) is not None
        return recorded and converted_path(entry, models_path).is_file()
    return all(has_weights(models_path, entry.id, file) for file in entry.files)
