"""Kenal's real processes on loopback, as `make serve` starts them, ended by their ids."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.index_process import ROOT, end
from core.settings import Settings

WEB = ("-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app")
EVERYTHING = ("-m", "scripts.serve")
_PATIENCE_SECONDS = 120.0
_GRACE_SECONDS = 60
_PAUSE_SECONDS = 0.02


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(settings: Settings, port: int) -> dict[str, str]:
    """For processes that serve these settings; those that only tune are handed down."""
    return {
        **os.environ,
        "KENAL_HOST": settings.host,
        "KENAL_AUTH": settings.auth,
        "KENAL_FTP_ENABLED": "false",
        "KENAL_DATABASE_URL": settings.database_url,
        "KENAL_PORT": str(port),
        "KENAL_DATA_DIR": str(settings.data_dir),
        "KENAL_PHOTO_DIR": str(settings.photo_dir),
        "KENAL_MODEL_DIR": str(settings.models_path),
        "KENAL_EMBEDDER": settings.embedder,
        "KENAL_LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def started(
    command: Sequence[str], settings: Settings, port: int
) -> "Iterator[subprocess.Popen[bytes]]":
    """Processes of Kenal; their output is in `web.log` in the data folder."""
    with (settings.data_dir / "web.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(settings, port),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            end(process)


def wait_ready(port: int, process: "subprocess.Popen[bytes]", workers: int = 1) -> None:
    """Until /readyz has been 200 for long enough to have asked every worker."""
    late = time.monotonic() + _PATIENCE_SECONDS
    good = 0
    # A new connection each time goes to any worker.
    while good < (1 if workers == 1 else 10 * workers):
        if time.monotonic() > late or process.poll() is not None:
            raise SystemExit("Kenal did not get ready; see web.log with --keep")
        good = good + 1 if _is_ready(port) else 0
        time.sleep(_PAUSE_SECONDS)


def wait_listening(port: int) -> None:
    """Until something accepts connections; raises SystemExit after two minutes."""
    late = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < late:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(_PAUSE_SECONDS)
    raise SystemExit("the baseline does not serve")


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    """Ids of the processes that this one started: gunicorn's workers; empty where unknown."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []


def resident_mb(pid: int) -> float:
    """What a process holds in memory, mapped files too, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
