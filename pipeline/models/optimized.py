"""Optimized graphs, kept beside their networks: opened sooner, and in less memory.

ONNX Runtime optimizes a network at each load, for the processor it runs on. `keep_optimized` does
that once; `open_network_of` opens what it kept where that is exactly for this network, runtime and
processor, unchanged, and answers as the network itself does. Everything else is the network's own
file, so that a kept graph can cost time, and never an answer.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ModelError, ModelUnavailable, StorageFull
from core.files import atomic_file, identity, sha256_file
from core.lease import lease
from core.settings import Device
from pipeline.models.onnx_runtime import (
    OPTIMIZATION,
    OnnxNetwork,
    open_network,
    runtime_version,
    save_optimized,
)
from pipeline.models.optimized_record import (
    GRAPH,
    RECORD,
    Purpose,
    Record,
    read_record,
    record_path,
    write_record,
)
from pipeline.models.processor import processor
from pipeline.models.weights import check_weights

_OPTIMIZING = ".optimizing-"
_log = logging.getLogger(__name__)


def open_network_of(
    network: Path, sha256: str, title: str, threads: int = 0, device: Device = Device.CPU
) -> OnnxNetwork:
    """The network of `title`, by its kept graph or its own file; ModelUnavailable for a wrong one.

    The network's own file is read where its graph is not used, or where it may have changed.
    """
    kept = _open_kept(network.resolve(), sha256, title, threads, device)
    if kept is not None:
        return kept
    check_weights(network, sha256, title)
    return open_network(network, threads, device=device)


def keep_optimized(network: Path, sha256: str, title: str) -> None:
    """Keep the optimized graph of a network whose hash was just found right, where none is.

    Where it cannot be made or written this is said in the log, and costs the speed alone.
    """
    network = network.resolve()
    purpose = _purpose(sha256, Device.CPU)
    if purpose is None or _is_kept(network, purpose):
        return
    try:
        with _alone(network):
            if not _is_kept(network, purpose):
                _make(network, purpose)
                _tidy(network, purpose)
    except (OSError, StorageFull, ModelUnavailable, ModelError):
        _log.warning("no optimized graph of %s could be kept; it starts without", title)


def optimized_files(network: Path, sha256: str) -> list[Path]:
    """The files of the network's kept graph; none where none is kept."""
    network = network.resolve()
    purpose = _purpose(sha256, Device.CPU)
    record = purpose and read_record(record_path(network, purpose))
    if not purpose or not record:
        return []
    return [record_path(network, purpose), network.with_name(record.graph)]


def _purpose(sha256: str, device: Device) -> Purpose | None:
    """What a graph must have been made for; None where none is made."""
    here = processor()
    # On a GPU its own driver and libraries would have to be told apart as well.
    if here is None or device is not Device.CPU:
        return None
    return Purpose(sha256, runtime_version(), here, OPTIMIZATION, device)


def _open_kept(
    network: Path, sha256: str, title: str, threads: int, device: Device
) -> OnnxNetwork | None:
    """What is kept for this network, checked and tried; a wrong network raises ModelUnavailable."""
    purpose = _purpose(sha256, device)
    record = _kept(network, purpose) if purpose else None
    if purpose is None or record is None:
        return None
    if str(identity(network)) != record.source:
        check_weights(network, sha256, title)
    graph = network.with_name(record.graph)
    try:
        check_weights(graph, record.sha256, f"{title}, optimized")
        found = open_network(graph, threads, as_it_is=True)
        agrees = record.agrees(found.run_probe())
    except (ModelUnavailable, ModelError):
        agrees = False
    if agrees:
        return found
    _log.warning("the optimized graph of %s is damaged or answers differently: not used", title)
    _drop(record_path(network, purpose))
    return None


def _kept(network: Path, purpose: Purpose) -> Record | None:
    record = read_record(record_path(network, purpose))
    return record if record is not None and record.purpose == purpose else None


def _is_kept(network: Path, purpose: Purpose) -> bool:
    """Whether a graph is there, whole, with a network that nobody touched since."""
    record = _kept(network, purpose)
    if record is None or str(identity(network)) != record.source:
        return False
    try:
        return sha256_file(network.with_name(record.graph)) == record.sha256
    except OSError:
        return False


def _make(network: Path, purpose: Purpose) -> None:
    # Taken first: a network that changes meanwhile is read, and its hash compared, when opened.
    source = str(identity(network))
    check_weights(network, purpose.network, "a network")
    own = open_network(network, as_it_is=True).run_probe()
    with tempfile.TemporaryDirectory(dir=network.parent, prefix=_OPTIMIZING) as folder:
        made = Path(folder) / "graph.onnx"
        save_optimized(network, made)
        digest = sha256_file(made)
        name = f"{network.stem}.{digest[:16]}{GRAPH}"
        answers = [answer.reshape(-1).tolist() for answer in own]
        record = Record(purpose, source, name, digest, answers)
        if not record.agrees(open_network(made, as_it_is=True).run_probe()):
            raise ModelUnavailable("the optimized graph answers differently")
        with atomic_file(network.with_name(name)) as file:
            file.write(made.read_bytes())
    write_record(record_path(network, purpose), record)


def _tidy(network: Path, purpose: Purpose) -> None:
    """Remove what was kept of another network or runtime; other processors may share the folder."""
    used = set()
    for path in network.parent.glob(f"{network.stem}.*{RECORD}"):
        record = read_record(path)
        made_for = record and (record.purpose.network, record.purpose.runtime)
        if record is None or made_for != (purpose.network, purpose.runtime):
            _drop(path)
        else:
            used.add(record.graph)
    for path in network.parent.glob(f"{network.stem}.*{GRAPH}"):
        if path.name not in used:
            _drop(path)


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        _log.debug("what is not used cannot be removed from the networks' folder")


@contextmanager
def _alone(network: Path) -> Iterator[None]:
    """One process at a time optimizes a network; what a killed one left is removed."""
    with lease(network.with_name(".optimizing.lock"), wait=True):
        for left in network.parent.glob(f"{_OPTIMIZING}*"):
            for file in left.glob("*"):
                _drop(file)
            left.rmdir()
        for left in network.parent.glob(f".{network.stem}.*{GRAPH}.*.tmp"):
            _drop(left)
        yield
