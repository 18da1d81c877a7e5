"""Downloads against a real server on this machine that breaks, lies and refuses."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import ModelUnavailable
from core.files import sha256_bytes
from pipeline.models.download import download, no_progress, reachable

BODY = bytes(range(256)) * 8000
SHA256 = sha256_bytes(BODY)


@dataclass
class Plan:
    """How the server behaves: `break_after` bytes of each answer, ranges or not, a status."""

    break_after: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int | None = None
    body: bytes = BODY
    asked: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    plan: Plan

    def do_HEAD(self) -> None:
        self._begin(self.plan.status or 200, len(self.plan.body))

    def do_GET(self) -> None:
        plan, asked = self.plan, self.headers.get("Range")
        plan.asked.append(asked)
        if plan.status is not None:
            self._begin(plan.status, 0)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and plan.ranges else 0
        if start >= len(plan.body):
            self._begin(416, 0)
            return
        rest = plan.body[start:]
        self._begin(206 if start else 200, len(rest), start)
        cut = plan.break_after.pop(0) if plan.break_after else len(rest)
        self.wfile.write(rest[:cut])

    def _begin(self, status: int, length: int, start: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if status == 206:
            end = len(self.plan.body)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serving(plan: Plan) -> Iterator[str]:
    handler = type("Planned", (Handler,), {"plan": plan})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/weights.bin"
        finally:
            server.shutdown()
            thread.join()


def get(url: str, target: Path, sha256: str = SHA256) -> None:
    download(url, target, sha256, "the network", no_progress)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_with_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    with serving(Plan()) as url:
        download(
            url, tmp_path / "new" / "w", SHA256, "the network", lambda d, t: told.append((d, t))
        )
    assert (tmp_path / "new" / "w").read_bytes() == BODY
    assert names(tmp_path / "new") == ["w"]
    assert told[0] == (0, len(BODY))
    assert told[-1] == (len(BODY), len(BODY))
    assert told == sorted(told)


def test_a_broken_transfer_is_resumed_in_the_same_call(tmp_path: Path) -> None:
    plan = Plan(break_after=[700_000, 300_000])
    with serving(plan) as url:
        get(url, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == BODY
    assert plan.asked == [None, "bytes=700000-", "bytes=1000000-"]


def test_a_transfer_that_keeps_breaking_is_resumed_by_the_next_call(tmp_path: Path) -> None:
    plan = Plan(break_after=[500_000, 100_000, 100_000])
    with serving(plan) as url:
        with pytest.raises(ModelUnavailable, match=r"could not be fetched from 127\.0\.0\.1"):
            get(url, tmp_path / "w")
        assert names(tmp_path) == [".w.part"]
        get(url, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == BODY
    assert plan.asked[-1] == "bytes=700000-"


def test_a_server_without_ranges_sends_it_all_again(tmp_path: Path) -> None:
    with serving(Plan(break_after=[900_000], ranges=False)) as url:
        get(url, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == BODY


def test_a_part_that_is_already_whole_is_published(tmp_path: Path) -> None:
    (tmp_path / ".w.part").write_bytes(BODY)
    with serving(Plan()) as url:
        get(url, tmp_path / "w")
    assert names(tmp_path) == ["w"]


def test_a_wrong_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    with (
        serving(Plan(body=b"<html>please log in</html>")) as url,
        pytest.raises(ModelUnavailable, match="wrong SHA-256"),
    ):
        get(url, tmp_path / "w")
    assert names(tmp_path) == []


def test_a_wrong_file_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"old")
    with serving(Plan()) as url, pytest.raises(ModelUnavailable):
        get(url, tmp_path / "w", sha256="0" * 64)
    assert (tmp_path / "w").read_bytes() == b"old"


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_is_plain_and_not_repeated(status: int, tmp_path: Path) -> None:
    plan = Plan(status=status)
    with serving(plan) as url:
        with pytest.raises(ModelUnavailable, match=rf"status {status}"):
            get(url, tmp_path / "w")
        assert not reachable(url)
    assert len(plan.asked) == 1


def test_a_server_that_answers_is_reachable() -> None:
    with serving(Plan()) as url:
        assert reachable(url)


@pytest.mark.parametrize("url", ["http://weights.invalid/w", "http://127.0.0.1:9/w"])
def test_an_unreachable_host_fails_within_seconds(url: str, tmp_path: Path) -> None:
    started = time.perf_counter()
    with pytest.raises(ModelUnavailable, match="could not be fetched from") as caught:
        get(url, tmp_path / "w")
    assert time.perf_counter() - started < 5
    assert str(tmp_path) not in caught.value.message


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".w.part").open("ab") as held, serving(Plan()) as url:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ModelUnavailable, match="by another process"):
            get(url, tmp_path / "w")
