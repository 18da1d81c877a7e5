"""A real gunicorn on fake networks, with settings of its own, on a port that it keeps."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.integration.system import free_port

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
FAKES = "tests.api.served:create()"


@dataclass
class Served:
    """One worker on loopback; `folder` keeps its data, its drop folder and its log."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    app: str = FAKES
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def environment(self) -> dict[str, str]:
        """Also for commands that are to use the same data."""
        inherited = {name: text for name, text in os.environ.items() if name[:6] != "KENAL_"}
        return {
            **inherited,
            "KENAL_DATA_DIR": str(self.folder / "var"),
            "KENAL_PHOTO_DIR": str(self.folder / "photo_storage"),
            "KENAL_EMBEDDER": "colors",
            "KENAL_PORT": str(self.port),
            "PYTHONPATH": str(ROOT),
            **self.settings,
        }

    def start(self) -> None:
        """Start it, and wait until photos are recognized."""
        command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", self.app]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.2)

    def kill(self) -> None:
        """`kill -9`, the worker too: it would serve on for a while."""
        assert self.process is not None
        master = self.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for pid in [master, *map(int, children)]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(40)
            self.process = None

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def served(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A server that is ready; stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Served(folder, settings or {})
    try:
        server.start()
        yield server
    finally:
        server.stop()
