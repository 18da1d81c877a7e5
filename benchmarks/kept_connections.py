"""What kept connections cost, and whom they cost: `python -m benchmarks.kept_connections`.

Clients that ask again just as their connection has been idle for `--idle` seconds: how many of
them lose a request that way. Then a worker with as many idle connections as it keeps, and with
others that say nothing beside them: whether somebody new is answered. Everything on loopback.
"""

import argparse
import random
import select
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.api.test_server import Server, head, read_answer
from tests.fakes import portrait
from tests.faults.hostile_kit import descriptors

_PHOTO = portrait(5, 1)
_POST = head("POST", "/upload_photo", "Content-Type: image/png", f"Content-Length: {len(_PHOTO)}")
_GET = head("GET", "/healthz")
_LARGE = head("GET", "/healthz", *[f"X-{number}: {'y' * 7000}" for number in range(60)])
_JITTER_SECONDS = 0.02
_WAIT_SECONDS = 15.0
_ASKED = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keepalive", type=int, help="instead of the one that is configured")
    parser.add_argument("--idle", type=float, default=5.0)
    parser.add_argument("--pollers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--busy", type=int, default=4, help="clients that post all the time")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--silent", type=int, default=60)
    options = parser.parse_args()
    with _server(options.keepalive) as server:
        _poll(server, options)
    for ask, name in ((_GET, "plain"), (_LARGE, "heads of 420 kB")):
        with _server(options.keepalive) as server, ExitStack() as stack:
            _fill(server, options, ask, name, stack)


@contextmanager
def _server(keepalive: int | None) -> Iterator[Server]:
    more = {"KENAL_RATE_LIMIT": "off", "KENAL_RATE_LIMIT_ADDRESS": "off"}
    if keepalive is not None:
        more["GUNICORN_CMD_ARGS"] = f"--keep-alive {keepalive}"
    with tempfile.TemporaryDirectory(prefix="kenal-bench-") as folder:
        server = Server(Path(folder), more=more)
        try:
            server.wait_ready()
            yield server
        finally:
            server.stop()


def _poll(server: Server, options: argparse.Namespace) -> None:
    ends_at = time.monotonic() + options.rounds * (options.idle + 1)
    with ThreadPoolExecutor(options.pollers + options.busy) as pool:
        for _ in range(options.busy):
            pool.submit(_post_until, server, ends_at)
        pollers = [pool.submit(_poller, server, options) for _ in range(options.pollers)]
        seen = sum((one.result() for one in pollers), Counter[str]())
    print(f"idle for {options.idle:g} s, then a POST: {dict(sorted(seen.items()))}")


def _poller(server: Server, options: argparse.Namespace) -> Counter[str]:
    """What a client met that looks, as pools do, whether its connection is still open."""
    seen = Counter[str]()
    time.sleep(random.random() * options.idle)
    raw = _connect(server)
    for turn in range(options.rounds):
        if turn and select.select([raw], [], [], 0)[0]:
            seen["closed before"] += 1
            raw.close()
            raw = _connect(server)
            continue
        status = _ask(raw, _POST + _PHOTO)
        seen["answered" if status == 200 else f"lost ({status})"] += 1
        if status != 200:
            raw.close()
            raw = _connect(server)
        time.sleep(options.idle + random.uniform(-_JITTER_SECONDS, _JITTER_SECONDS))
    raw.close()
    return seen


def _post_until(server: Server, ends_at: float) -> None:
    with _connect(server) as raw:
        while time.monotonic() < ends_at:
            _ask(raw, _POST + _PHOTO)


def _fill(
    server: Server, options: argparse.Namespace, ask: bytes, name: str, stack: ExitStack
) -> None:
    _newcomers(server)
    before = server.memory_bytes(), descriptors(server)
    for _ in range(options.connections):
        _ask(stack.enter_context(_connect(server)), ask)
    grown = server.memory_bytes() - before[0]
    more = descriptors(server) - before[1]
    print(
        f"\n{options.connections} asked once and stay ({name}): {more} descriptors more,", end=" "
    )
    print(f"{grown / max(1, more) / 1000:.1f} kB each")
    print(f"then newcomers: {_newcomers(server)}")
    for _ in range(options.silent):
        stack.enter_context(_connect(server))
    print(f"with {options.silent} more that say nothing: {_newcomers(server)}")


def _newcomers(server: Server) -> str:
    """How long clients with a connection of their own wait for each of two kinds of requests."""
    told = []
    for name, ask in (("GET /healthz", _GET), ("POST /upload_photo", _POST + _PHOTO)):
        took, missed = [], 0
        for _ in range(_ASKED):
            started = time.perf_counter()
            with _connect(server) as raw:
                missed += _ask(raw, ask) != 200
            took.append((time.perf_counter() - started) * 1000)
        told.append(f"{name} {statistics.median(took):.1f} ms, worst {max(took):.1f} ms")
        told[-1] += f", {missed} not answered" if missed else ""
    return "; ".join(told)


def _connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=_WAIT_SECONDS)


def _ask(raw: socket.socket, request: bytes) -> int:
    """The status; 0 where the connection was closed or nothing came."""
    with suppress(OSError):
        raw.sendall(request)
        return read_answer(raw)[0]
    return 0


if __name__ == "__main__":
    main()
