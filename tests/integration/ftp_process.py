"""`python -m pipeline.ftp` as tests start it: its own process, loopback, a free port."""

import ftplib
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Client = TypeVar("Client", bound=ftplib.FTP)
USER, PASSWORD = "hr", "p#ss w0rd$"
_START_SECONDS = 20


@dataclass
class FtpProcess:
    """A running server; `log` grows while it runs."""

    process: subprocess.Popen[str]
    photos: Path
    data: Path
    port: int = 0
    log: list[str] = field(default_factory=list)

    def client(self, password: str = PASSWORD, encoding: str = "utf-8") -> ftplib.FTP:
        return self._log_in(ftplib.FTP(encoding=encoding, timeout=15), password)

    def tls_client(self) -> ftplib.FTP_TLS:
        context = ssl.create_default_context(cafile=self.data / "ftp-certificate.pem")
        client = self._log_in(ftplib.FTP_TLS(context=context, timeout=15), PASSWORD)
        client.prot_p()
        return client

    def _log_in(self, client: Client, password: str) -> Client:
        client.connect("127.0.0.1", self.port)
        try:
            client.login(USER, password)
        except ftplib.Error:
            client.close()
            raise
        return client

    def url(self, name: str) -> str:
        return f"ftp://127.0.0.1:{self.port}/{name}"

    def names(self) -> set[str]:
        """Everything in the drop folder, hidden or not."""
        return {str(path.relative_to(self.photos)) for path in self.photos.rglob("*")}


def settings_for(root: Path, extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KENAL_")}
    ours = {
        "KENAL_PHOTO_DIR": str(root / "photos"),
        "KENAL_DATA_DIR": str(root / "data"),
        "KENAL_FTP_ENABLED": "true",
        "KENAL_FTP_PORT": "0",
        "KENAL_FTP_USER": USER,
        "KENAL_FTP_PASSWORD": PASSWORD,
        "KENAL_FTP_PASSIVE_PORTS": "42000-42999",
    }
    return {**kept, **ours, **extra}


@contextmanager
def running(
    root: Path, extra: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Iterator[FtpProcess]:
    """A server that is listening; ended, and its log read to the end, on the way out."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "pipeline.ftp"],
        env=settings_for(root, extra or {}),
        stderr=subprocess.PIPE,
        text=True,
    )
    server = FtpProcess(process, root / "photos", root / "data")
    listening = threading.Event()
    reader = threading.Thread(target=_follow, args=(server, listening))
    reader.start()
    try:
        assert listening.wait(_START_SECONDS), server.log
        assert server.port, server.log
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        reader.join(10)
        assert process.stderr is not None
        process.stderr.close()


def _follow(server: FtpProcess, listening: threading.Event) -> None:
    assert server.process.stderr is not None
    for line in server.process.stderr:
        server.log.append(line)
        if found := re.search(r"on 127\.0\.0\.1:(\d+), ready", line):
            server.port = int(found[1])
            listening.set()
    listening.set()
