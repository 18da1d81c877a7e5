"""What keys and limits cost a request: `python -m benchmarks.api_overhead`.

Two gunicorns on fake networks, asked in turn over kept connections: one as a first run starts it
(KENAL_AUTH=off, limits off), one with a key and limits. What the networks take is the same in
both, so it is left out: the difference is what the API itself adds.
"""

import argparse
import http.client
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from core.access import Scope
from db.session import Database
from pipeline import keys
from pipeline.keys import NewKey
from tests.api.test_server import Server
from tests.fakes import portrait

_TARGET_MS = 3.0
_PHOTO = portrait(5, 1)


class Client:
    """One kept connection to one server."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Content-Type": "image/png", **headers}
        self.took_ms: list[float] = []

    def ask(self) -> None:
        """POST /upload_photo once, and note how long the answer took."""
        started = time.perf_counter()
        self._connection.request("POST", "/upload_photo", body=_PHOTO, headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        self.took_ms.append((time.perf_counter() - started) * 1000)
        assert answer.status == 200, answer.status

    def show(self, name: str) -> float:
        """Prints and returns the median, in ms."""
        median = statistics.median(self.took_ms)
        p95 = statistics.quantiles(self.took_ms, n=20)[-1]
        print(f"| {name} | {median:.2f} | {p95:.2f} | {min(self.took_ms):.2f} |")
        return median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    count = parser.parse_args().requests
    with tempfile.TemporaryDirectory(prefix="kenal-bench-") as folder:
        _compare(Path(folder), count)


def _compare(folder: Path, count: int) -> None:
    servers = []
    try:
        for name, more in _SETTINGS.items():
            (folder / name).mkdir()
            servers.append(Server(folder / name, more=more))
            servers[-1].wait_ready()
        plain, guarded = servers
        database = Database(f"sqlite:///{folder / 'guarded' / 'var' / 'kenal.sqlite3'}")
        with database.write() as session:
            wanted = NewKey("bench", frozenset([Scope.IDENTIFY]))
            text = keys.create(session, wanted, "benchmark").text
        database.close()
        clients = Client(plain.port, {}), Client(guarded.port, {"X-API-Key": text})
        _measure(clients, count)
    finally:
        for server in servers:
            server.process.terminate()
            server.process.wait(timeout=60)


def _measure(clients: tuple[Client, Client], count: int) -> None:
    for _ in range(20):
        for client in clients:
            client.ask()
    for client in clients:
        client.took_ms.clear()
    for _ in range(count):
        for client in clients:
            client.ask()
    print("| `POST /upload_photo`, fake networks | p50 ms | p95 ms | least ms |")
    print("| --- | --: | --: | --: |")
    without = clients[0].show("no keys, no limits")
    with_all = clients[1].show("a key, limits")
    print(f"\nDifference of the medians: {with_all - without:.2f} ms (target {_TARGET_MS:g})")


_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "plain": {"KENAL_AUTH": "off", "KENAL_RATE_LIMIT": "off", "KENAL_RATE_LIMIT_ADDRESS": "off"},
    "guarded": {"KENAL_AUTH": "required", "KENAL_RATE_LIMIT": "1000000/minute; 100000/second"},
}


if __name__ == "__main__":
    main()
