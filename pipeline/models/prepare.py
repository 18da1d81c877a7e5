"""Getting a network ready to serve: fetch its weights, convert them once, check what is there."""

import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ModelUnavailable, StorageFull
from core.files import atomic_file, sha256_file
from core.lease import lease
from core.settings import Settings
from pipeline.models.download import Progress, download, no_progress, storage_errors
from pipeline.models.entry import Export, ModelEntry, Role
from pipeline.models.optimized import keep_optimized, optimized_files
from pipeline.models.prepared import (
    Conversion,
    converted_folder,
    is_ready,
    network_file,
    network_files,
    record_conversion,
)
from pipeline.models.registry import find
from pipeline.models.weights import WeightsFile, check_weights, has_weights, model_file

LARGEST_DIFFERENCE = 1e-5
"""A converted network whose answers are further from the source's is not served."""
_CONVERSION_SECONDS = 600
_CONVERTING = ".converting-"
_NO_SPACE = "No space left on device"
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


def files_of(model_id: str, settings: Settings) -> list[Path]:
    """Every file that `prepare` left in its place for this network; raises as `verify` does."""
    entry = find(model_id, settings)
    models_path = settings.models_path
    found = [model_file(models_path, entry.id, file) for file in _sources(entry, models_path)]
    for path, sha256 in network_files(entry, models_path):
        found += [path, *optimized_files(path, sha256)]
    return found


def prepare_entry(entry: ModelEntry, models_path: Path, progress: Progress) -> None:
    """`prepare` for an entry, pinned or not; what is there and damaged is made anew."""
    if not (is_ready(entry, models_path) and _is_whole(entry, models_path)):
        _make(entry, models_path, progress)
    if entry.role is Role.EMBEDDER:
        keep_optimized(*network_file(entry, models_path), entry.title)


def _make(entry: ModelEntry, models_path: Path, progress: Progress) -> None:
    fetch_entry(entry, models_path, progress)
    if entry.export is not None:
        with storage_errors(), _alone(models_path / entry.id):
            # Another process may have made it while this one waited.
            if not (is_ready(entry, models_path) and _is_whole(entry, models_path)):
                convert(entry, entry.export, models_path)


def _is_whole(entry: ModelEntry, models_path: Path) -> bool:
    """Whether every file is as it was made; False where it can be made anew, else it raises."""
    try:
        verify_entry(entry, models_path)
    except ModelUnavailable as error:
        if entry.export is None:
            raise
        _log.warning("%s; it is made anew", error.message)
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes networks in `folder`; what a killed one left is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with lease(folder / ".converting.lock", wait=True):
        for left in folder.glob(f"{_CONVERTING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


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
    for file in _sources(entry, models_path):
        check_weights(model_file(models_path, entry.id, file), file.sha256, entry.title)
    if entry.export is not None:
        for path, sha256 in network_files(entry, models_path):
            check_weights(path, sha256, entry.title)


def _sources(entry: ModelEntry, models_path: Path) -> list[WeightsFile]:
    """The files to check: of downloaded weights only what is kept, since they are not served."""
    return [
        file
        for file in entry.files
        if entry.export is None or file.package or has_weights(models_path, entry.id, file)
    ]


def convert(entry: ModelEntry, export: Export, models_path: Path) -> None:
    """Make the ONNX networks from checked weights, in a child process, and publish them.

    Raises ModelUnavailable where the weights are wrong, the conversion fails, or its answers
    differ by more than LARGEST_DIFFERENCE.
    """
    sources = [model_file(models_path, entry.id, file) for file in entry.files]
    for source, file in zip(sources, entry.files, strict=True):
        check_weights(source, file.sha256, entry.title)
    _log.info("converting %s; this may take a minute, once", entry.title)
    target = converted_folder(entry, models_path)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_CONVERTING) as made:
        difference = _converted_in_child(export, Path(made), sources, entry.title)
        hashes = {}
        for name in export.networks:
            hashes[name] = sha256_file(Path(made) / f"{name}.onnx")
            _copy(Path(made) / f"{name}.onnx", target / f"{name}.onnx")
    record_conversion(entry, models_path, Conversion(hashes, difference))


def _converted_in_child(export: Export, target: Path, sources: list[Path], title: str) -> float:
    command = [sys.executable, "-m", export.module, str(target.absolute())]
    command += [str(source.absolute()) for source in sources]
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
        if _NO_SPACE in str(getattr(error, "stderr", "")):
            raise StorageFull("the disk is full") from error
        raise ModelUnavailable(f"{title} could not be converted to ONNX") from error
    if not difference <= LARGEST_DIFFERENCE:
        raise ModelUnavailable(f"{title} answers differently after its conversion")
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
