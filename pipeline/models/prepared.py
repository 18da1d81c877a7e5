"""Networks as they are served: the pinned ONNX file, or those made from pinned weights.

What is made of weights lies beside them in a folder named by their hashes, with a record of its own
checksums: other weights, or a file that changed, are never taken for it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import ModelUnavailable
from core.files import write_atomic
from pipeline.models.entry import ModelEntry
from pipeline.models.weights import has_weights, model_file

_RECORD = "record.json"
_NAME_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Conversion:
    """The SHA-256 of each network made, and how far its answers were from the source's at most."""

    networks: Mapping[str, str]
    largest_difference: float


def network_files(entry: ModelEntry, models_path: Path) -> tuple[tuple[Path, str], ...]:
    """The network's ONNX files with their SHA-256, to be checked when they are loaded.

    Raises ModelUnavailable where they have yet to be made.
    """
    if entry.export is None:
        weights = entry.files[0]
        return ((model_file(models_path, entry.id, weights), weights.sha256),)
    conversion = read_conversion(entry, models_path)
    if conversion is None:
        raise ModelUnavailable(
            f"{entry.title} is not prepared; run: flask models prepare {entry.id}"
        )
    folder = converted_folder(entry, models_path)
    return tuple(
        (folder / f"{name}.onnx", conversion.networks[name]) for name in entry.export.networks
    )


def network_file(entry: ModelEntry, models_path: Path) -> tuple[Path, str]:
    """The one ONNX file of an embedder; raises ModelUnavailable as above."""
    return network_files(entry, models_path)[0]


def converted_folder(entry: ModelEntry, models_path: Path) -> Path:
    """Where what is made of exactly these files, in exactly this way, lies."""
    made_of = [file.sha256 for file in entry.files]
    if entry.export is not None:
        made_of += [entry.export.module, str(entry.export.version)]
    name = hashlib.sha256(" ".join(made_of).encode()).hexdigest()[:_NAME_DIGITS]
    return models_path / entry.id / name


def read_conversion(entry: ModelEntry, models_path: Path) -> Conversion | None:
    """The record of a finished conversion of exactly these weights; None where there is none."""
    try:
        fields = json.loads((converted_folder(entry, models_path) / _RECORD).read_bytes())
        networks = {str(name): str(sha256) for name, sha256 in fields["networks"].items()}
        conversion = Conversion(networks, float(fields["largest_difference"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    wanted = entry.export.networks if entry.export else ()
    return conversion if set(wanted) <= set(networks) else None


def record_conversion(entry: ModelEntry, models_path: Path, conversion: Conversion) -> None:
    """Publish a conversion; written last, so that files without it are never served."""
    record = json.dumps(asdict(conversion), indent=1).encode()
    write_atomic(converted_folder(entry, models_path) / _RECORD, record)


def is_ready(entry: ModelEntry, models_path: Path) -> bool:
    """Whether the network's files are in place; their hashes are checked when they are loaded."""
    # What was made of downloaded weights is served without them.
    needed = [file for file in entry.files if entry.export is None or file.package]
    if not all(has_weights(models_path, entry.id, file) for file in needed):
        return False
    try:
        return all(path.is_file() for path, _ in network_files(entry, models_path))
    except ModelUnavailable:
        return False
