"""Kenal as an operator runs it: real gunicorn workers, the real watcher, the real FTP server.

Everything listens on loopback, lives in a temporary folder, and is ended by its process id.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 120.0
FTP_PASSWORD = "only-for-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_gone(port: int, seconds: float = 30.0) -> None:
    """Until nobody answers there: who is killed may still accept a connection, and reset it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("somebody still answers")


@dataclass
class RunningKenal:
    """The processes of one installation; `folder` keeps its data, drop folder and logs."""

    folder: Path
    embedder: str = "dlib"
    model_dir: Path | None = None
    workers: int = 2
    port: int = field(default_factory=free_port)
    ftp_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def drop(self) -> Path:
        return self.folder / "photo_storage"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("KENAL_")}
        return {
            **inherited,
            "KENAL_PORT": str(self.port),
            "KENAL_WORKERS": str(self.workers),
            "KENAL_DATA_DIR": str(self.folder / "var"),
            "KENAL_PHOTO_DIR": str(self.drop),
            "KENAL_MODEL_DIR": str(self.model_dir or self.folder / "models"),
            "KENAL_EMBEDDER": self.embedder,
            "KENAL_RESCAN_SECONDS": "5",
            "KENAL_STABLE_SECONDS": "0.5",
            "KENAL_FTP_ENABLED": "true",
            "KENAL_FTP_PASSWORD": FTP_PASSWORD,
            "KENAL_FTP_PORT": str(self.ftp_port),
            "PYTHONPATH": str(ROOT),
        }

    def prepare(self) -> None:
        for command in (["db", "upgrade"], ["models", "prepare"]):
            subprocess.run(
                [sys.executable, "-m", "flask", *command],
                cwd=ROOT,
                env=self.environment(),
                check=True,
                capture_output=True,
                timeout=START_SECONDS,
            )

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start `web`, `watcher` or `ftp` with the Procfile's own command."""
        lines = dict(
            line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
        )
        command = lines[name].removeprefix("exec ").split()
        command[0] = sys.executable
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdout=log, stderr=log
            )
        self.processes[name] = process
        return process

    def kill(self, name: str) -> None:
        """`kill -9`."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def wait_ready(self) -> None:
        """Until every worker answers /readyz with 200."""
        self.until(lambda: all(_ready(self.url) for _ in range(8)), START_SECONDS)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def until(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait for `done`; fails with the tail of the logs."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                tails = [f"{name}: {self.log(name)[-1500:]}" for name in self.processes]
                raise AssertionError("\n".join(["timed out", *tails]))
            time.sleep(0.1)

    def counts(self) -> dict[str, int]:
        """The ledger's counts, as GET /photos says them."""
        counts: dict[str, int] = httpx.get(f"{self.url}/photos?limit=1").json()["counts"]
        return counts

    def ask(self, photo: bytes, query: str = "") -> dict[str, object]:
        """POST /upload_photo."""
        answer = httpx.post(
            f"{self.url}/upload_photo{query}",
            content=photo,
            headers={"Content-Type": "image/jpeg"},
            timeout=60,
        )
        body: dict[str, object] = answer.json()
        return body


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def running(kenal: RunningKenal, *names: str) -> Iterator[RunningKenal]:
    """Prepared and started, ready where `web` is among the names; stopped at the end."""
    kenal.folder.mkdir(parents=True, exist_ok=True)
    kenal.prepare()
    try:
        for name in names:
            kenal.start(name)
        if "web" in names:
            kenal.wait_ready()
        yield kenal
    finally:
        kenal.stop()


def client_of_each_worker(kenal: RunningKenal) -> list[httpx.Client]:
    """One client with an open connection to each of the gunicorn workers."""
    master = kenal.processes["web"].pid
    workers = [
        int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()
    ]
    clients = []
    for worker in workers:
        others = [pid for pid in workers if pid != worker]
        # Idle workers race for a connection: those that are stopped cannot win.
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            client = httpx.Client(base_url=kenal.url, timeout=60)
            client.get("/healthz")
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
        assert _holder(kenal, client, workers) == worker
        clients.append(client)
    return clients


def _holder(kenal: RunningKenal, client: httpx.Client, workers: list[int]) -> int:
    """The worker at the other end of the client's open connection."""
    stream = client.get("/healthz").extensions["network_stream"]
    socket_name = f"socket:[{_server_socket(kenal.port, stream.get_extra_info('client_addr')[1])}]"
    for pid in workers:
        if any(os.readlink(item) == socket_name for item in Path(f"/proc/{pid}/fd").iterdir()):
            return pid
    raise AssertionError("no worker holds this connection")


def _server_socket(server_port: int, client_port: int) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        local, remote = (int(columns[i].split(":")[1], 16) for i in (1, 2))
        if (local, remote) == (server_port, client_port):
            return columns[9]
    raise AssertionError("no such connection")
