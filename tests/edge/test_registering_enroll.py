"""Enrolling before servers that misbehave, and what waits on a disk that fails."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.registering.enroll import Answer, Enroller, Kind
from edge.registering.sending import Sending
from edge.registering.types import RegisterError
from edge.registering.waiting import Waiting
from edge.settings_fields import Secret
from tests.edge.bad_server import BadServer, Handler, Misbehave, bad_server
from tests.edge.test_client import BAD
from tests.served_kit import ROOT


@contextmanager
def enroller_of(server: BadServer) -> Iterator[Enroller]:
    enroller = Enroller(server.settings(), Secret("knl_enroll"), pause=lambda _: None)
    try:
        yield enroller
    finally:
        enroller.close()


def photo(misbehave: Misbehave) -> tuple[Answer, BadServer]:
    with bad_server(misbehave) as server, enroller_of(server) as enroller:
        return enroller.photo("ann", b"a picture", "once"), server


def enrolled(handler: Handler) -> None:
    """Kenal's answer to whatever is asked."""
    told = {"user_id": "ann", "status": "enrolled", "duplicate": False, "warnings": []}
    handler.json(201, {"request_id": handler.event_id, **told})


def test_a_sample_is_sent_with_its_own_key_and_name() -> None:
    answer, server = photo(enrolled)
    assert answer == Answer(Kind.DONE, is_new=True)
    assert server.asked == ["POST /users/ann/photos"]
    assert server.headers[0]["Idempotency-Key"] == "once"
    assert server.headers[0]["X-API-Key"] == "knl_enroll"
    assert b"a picture" in server.bodies[0]


WRONG: dict[str, Misbehave] = {
    **{name: bad for name, bad in BAD.items() if name not in ("hang", "trickle")},
    "redirect": lambda own: own.reply(307, b"", {"Location": "http://127.0.0.1:9/"}),
    "another person": lambda own: own.json(
        201, {"request_id": own.event_id, "user_id": "bob", "status": "enrolled"}
    ),
    "another request": lambda own: own.json(
        201, {"request_id": "x", "user_id": "ann", "status": "enrolled"}
    ),
    "pending": lambda own: own.json(
        201, {"request_id": own.event_id, "user_id": "ann", "status": "pending"}
    ),
    "wrong types": lambda own: own.json(201, {"request_id": own.event_id, "user_id": ["ann"]}),
    "busy": lambda own: own.error(503, "busy", Retry_After="0"),
    "rate": lambda own: own.error(429, "rate_limited", Retry_After="1"),
    "full": lambda own: own.error(507, "storage_full"),
    "key": lambda own: own.error(401, "unauthorized"),
    "scope": lambda own: own.error(403, "forbidden"),
    "old": lambda own: own.error(405, "method_not_allowed"),
    "vanished": lambda own: own.error(409, "vanished"),
}


@pytest.mark.parametrize("name", WRONG)
def test_nothing_but_a_true_answer_ends_the_waiting(name: str, tmp_path: Path) -> None:
    waiting = Waiting(tmp_path)
    job = waiting.add("ann", "Ann", True, [b"a picture"])
    with bad_server(WRONG[name]) as server, enroller_of(server) as enroller:
        assert enroller.photo("ann", b"a picture", "once").kind is Kind.WAITS
        sent = Sending(waiting, enroller).send(job)
    assert sent.waits
    assert sent.enrolled == 0
    assert waiting.jobs() == [job]
    assert waiting.samples(job) == ["001"]
    assert "127.0.0.1" not in sent.text


def test_a_busy_server_is_asked_a_few_times() -> None:
    def busy_at_first(handler: Handler) -> None:
        if len(handler.server.asked) < 3:
            handler.error(503, "busy", Retry_After="0")
        else:
            enrolled(handler)

    answer, server = photo(busy_at_first)
    assert answer.kind is Kind.DONE
    assert [one["Idempotency-Key"] for one in server.headers] == ["once"] * 3


def test_issues_of_any_shape_are_no_error() -> None:
    for details in (None, 5, {"issues": 5}, {"issues": [1, {"message": 7}, {"message": "\x1b"}]}):

        def refuse(handler: Handler, told: object = details) -> None:
            error = {"code": "low_quality", "message": "…", "details": told}
            handler.json(422, {"error": error, "request_id": handler.event_id})

        answer, _ = photo(refuse)
        assert answer.kind is Kind.REFUSED
        assert answer.text.startswith("not good enough for the server")
        assert "\x1b" not in answer.text


def test_a_certificate_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    import ssl

    from tests.edge.certificate import make_certificate

    with bad_server(enrolled) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*make_certificate(tmp_path))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        settings = replace(server.settings(), url=server.url.replace("http:", "https:"))
        enroller = Enroller(settings, Secret("knl_enroll"))
        answer = enroller.photo("ann", b"a picture", "once")
        enroller.close()
        assert answer == Answer(Kind.WAITS, "the server's certificate cannot be trusted")
        assert server.bodies == []


def test_what_waits_is_for_its_owner_only(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path / "data")
    job = waiting.add("ann", "Ann", True, [b"1", b"2"])
    place = waiting.folder / job.id
    assert waiting.folder.stat().st_mode & 0o777 == 0o700
    assert {one.stat().st_mode & 0o777 for one in place.iterdir()} == {0o600}


def test_a_full_disk_keeps_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, done = Waiting(tmp_path), []

    def fsync(handle: int) -> None:
        done.append(handle)
        if len(done) > 2:
            raise OSError(28, "No space left on device", "/a/path")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RegisterError, match="No space left") as caught:
        waiting.add("ann", "Ann", True, [b"1", b"2", b"3"])
    assert "/a/path" not in str(caught.value)
    assert list(waiting.folder.iterdir()) == []


def test_a_broken_registration_is_told_and_stops_no_other(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path)
    for text in (b"", b"[]", b"{", b'{"user_id": 1, "name": "x", "is_fixed": true}', b"\xff"):
        job = waiting.add("ann", "Ann", True, [b"1"])
        (waiting.folder / job.id / "job.json").write_bytes(text)
    good = waiting.add("bob", "Bob", True, [b"1"])
    assert waiting.jobs() == [good]
    assert waiting.broken() == 5


_WRITER = """
import sys
from pathlib import Path
from edge.registering.waiting import Waiting
waiting = Waiting(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    job = waiting.add(f"p{number}", "Ann", True, [bytes([65 + n]) * 20_000 for n in range(5)])
    print(job.id, flush=True)
    number += 1
"""


def test_kill_leaves_whole_registrations_only(tmp_path: Path) -> None:
    kept: list[str] = []
    for rounds in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        kept += [process.stdout.readline().decode().strip() for _ in range(1 + rounds)]
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        kept += [line for line in rest.decode().split("\n")[:-1] if line]
    waiting = Waiting(tmp_path)
    jobs = waiting.jobs()
    assert waiting.broken() == 0
    assert {job.id for job in jobs} >= set(kept)
    for job in jobs:
        assert [waiting.jpeg(job, one) for one in waiting.samples(job)] == [
            bytes([65 + number]) * 20_000 for number in range(5)
        ]


def test_half_made_registrations_are_swept_when_they_are_old(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path)
    old, new = waiting.folder / ".new-old", waiting.folder / ".new-new"
    for place in (old, new):
        place.mkdir(parents=True)
        (place / "001.jpg").write_bytes(b"1")
    os.utime(old, (1, 1))
    waiting.add("ann", "Ann", True, [b"1"])
    assert (old.exists(), new.exists()) == (False, True)
    assert len(waiting.jobs()) == 1
    assert waiting.broken() == 0


def test_the_file_of_a_registration_is_plain(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path)
    job = waiting.changed(waiting.add("ann", "Änn", False, [b"1"]), "ann-2", is_fixed=True)
    told = json.loads((waiting.folder / job.id / "job.json").read_text())
    assert told == {"id": job.id, "user_id": "ann-2", "name": "Änn", "is_fixed": True}
    assert Waiting(tmp_path).jobs() == [job]
