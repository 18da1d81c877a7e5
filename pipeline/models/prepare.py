"""Getting a network ready to serve: fetch its weights, convert them once, check what is there."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

from core.errors import ModelUnavailable, StorageFull
from core.files import atomic_file, sha256_file
from core.settings import Settings
from pipeline.models.download import Progress, download, no_progress
from pipeline.models.entry import ModelEntry
from pipeline.models.prepared import (
    Conversion,
    converted_path,
    is_converted,
    is_ready,
    network_file,
    record_conversion,
)
from pipeline.models.registry import find
from pipeline.models.weights import check_weights, has_weights, model_file

LARGEST_DIFFERENCE = 1e-5
"""A converted network whose answers are further from the source's is not served."""
_CONVERSION_SECONDS = 600
_ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger(__name__)


def prepare(model_id: str, settings: Settings, progress: Progress = no_progress) -> None:
    """Whatever it takes until the network can be loaded; does nothing where it can already.

    Raises NotFound, ModelUnavailable, or StorageFull.
    """
    prepare_entry(find(model_id, settings), settings.models_path, progress)


def fetch(
    model_id: str,
    settings: Settings,
    progress: Progress = no_progress,
    from_file: Path | None = None,
) -> None:
    """The network's weights in their place, downloaded or copied from a file you brought.

    Raises NotFound, ModelUnavailable where a hash is wrong or no source is there, or StorageFull.
    """
    fetch_entry(find(model_id, settings), settings.models_path, progress, from_file)


def verify(model_id: str, settings: Settings) -> None:
    """Check every file of the network against its SHA-256; raises NotFound or ModelUnavailable."""
    verify_entry(find(model_id, settings), settings.models_path)


def ready(model_id: str, settings: Settings) -> bool:
    """Whether the network's files are in place; raises NotFound or ModelUnavailable."""
    return is_ready(find(model_id, settings), settings.models_path)


def prepare_entry(entry: ModelEntry, models_path: Path, progress: Progress) -> None:
    """`prepare` for an entry, pinned or not."""
    if is_ready(entry, models_path):
        return
    fetch_entry(entry, models_path, progress)
    if is_converted(entry):
        convert(entry, models_path)


def fetch_entry(
    entry: ModelEntry, models_path: Path, progress: Progress, from_file: Path | None = None
) -> None:
    """`fetch` for an entry, pinned or not."""
    for file in entry.files:
        target = model_file(models_path, entry.id, file)
        if from_file is not None and len(entry.files) == 1 and not file.package:
            check_weights(from_file, file.sha256, entry.title)
            _copy(from_file, target)
        elif has_weights(models_path, entry.id, file):
            check_weights(target, file.sha256, entry.title)
        elif file.url is None:
            raise ModelUnavailable(f"the weights of {entry.title} are not there")
        else:
            download(file.url, target, file.sha256, entry.title, progress)


def verify_entry(entry: ModelEntry, models_path: Path) -> None:
    """`verify` for an entry: what it is served from; the source too where that is kept."""
    for file in entry.files:
        if not is_converted(entry) or has_weights(models_path, entry.id, file):
            check_weights(model_file(models_path, entry.id, file), file.sha256, entry.title)
    if is_converted(entry):
        check_weights(*network_file(entry, models_path), entry.title)


def convert(entry: ModelEntry, models_path: Path) -> None:
    """Make the ONNX network from checked Keras weights, in a child process, and publish it.

    Raises ModelUnavailable where the weights are wrong, the conversion fails, or its answers
    differ by more than LARGEST_DIFFERENCE.
    """
    weights = entry.files[0]
    source = model_file(models_path, entry.id, weights)
    check_weights(source, weights.sha256, entry.title)
    target = converted_path(entry, models_path)
    _log.info("converting %s; this takes about a minute, once", entry.title)
    with atomic_file(target) as file:
        difference = _converted_in_child(source, Path(file.name), entry)
        sha256 = sha256_file(Path(file.name))
    record_conversion(entry, models_path, Conversion(weights.sha256, sha256, difference))


def _converted_in_child(source: Path, target: Path, entry: ModelEntry) -> float:
    command = [sys.executable, "-m", "pipeline.models.facenet_export"]
    command += [str(source.absolute()), str(target.absolute()), str(entry.dimensions)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command,
            cwd=_ROOT,
            capture_output=True,
            check=True,
            timeout=_CONVERSION_SECONDS,
            text=True,
        )
        difference = float(done.stdout.split()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise ModelUnavailable(f"{entry.title} could not be converted to ONNX") from error
    if not difference <= LARGEST_DIFFERENCE:
        raise ModelUnavailable(f"{entry.title} answers differently after its conversion")
    return difference


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as reading, atomic_file(target) as writing:
            shutil.copyfileobj(reading, writing)
    except StorageFull:
        raise
    except OSError as error:
        raise ModelUnavailable("the file could not be copied to the networks' folder") from error
