"""Registering somebody from the page."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from edge.page.captures import Captures, name_of
from edge.page.types import CaptureResult, Say
from tests.edge.test_page import Open, opened, until


class Registering:
    """A capture that says something and goes on when told."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.go_on = threading.Event()
        self.result: CaptureResult | Exception = CaptureResult(True, "Zoë is registered.")

    def __call__(self, name: str, say: Say, /) -> CaptureResult:
        self.names.append(name)
        say("Look at the camera: 2 of 5")
        assert self.go_on.wait(60)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def registering() -> Registering:
    return Registering()


@pytest.fixture
def door(registering: Registering) -> Iterator[Open]:
    with opened(capture=registering) as door:
        yield door
        registering.go_on.set()


def post(door: Open, body: object) -> httpx.Response:
    with door.client() as client:
        headers = {"Origin": door.origin, "Content-Type": "application/json"}
        return client.post("/capture", content=json.dumps(body), headers=headers)


def capture_of(door: Open) -> dict[str, Any]:
    told: dict[str, Any] = door.told()["capture"]
    return told


def test_it_shows_what_happens_and_how_it_ends(door: Open, registering: Registering) -> None:
    assert capture_of(door) == {"state": "none", "text": ""}
    assert post(door, {"name": "  Zoë   Ünal "}).status_code == 202
    until(lambda: "2 of 5" in capture_of(door)["text"])
    assert capture_of(door)["state"] == "running"
    registering.go_on.set()
    until(lambda: capture_of(door)["state"] == "done")
    assert capture_of(door)["text"] == "Zoë is registered."
    assert registering.names == ["Zoë Ünal"]


def test_one_at_a_time(door: Open, registering: Registering) -> None:
    assert post(door, {"name": "Ada"}).status_code == 202
    assert post(door, {"name": "Bob"}).status_code == 409
    registering.go_on.set()
    until(lambda: capture_of(door)["state"] == "done")
    assert post(door, {"name": "Bob"}).status_code == 202
    until(lambda: registering.names == ["Ada", "Bob"])


def test_of_many_at_once_one_starts(registering: Registering) -> None:
    captures, started = Captures(registering), list[bool]()
    gate = threading.Barrier(12)

    def starts(number: int) -> None:
        gate.wait()
        started.append(captures.start(str(number)))

    threads = [threading.Thread(target=starts, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    registering.go_on.set()
    captures.join(60)
    assert started.count(True) == 1
    assert len(registering.names) == 1


def test_a_refusal_is_said(door: Open, registering: Registering) -> None:
    registering.result = CaptureResult(False, "There are two faces.")
    registering.go_on.set()
    post(door, {"name": "Ada"})
    until(lambda: capture_of(door)["state"] == "failed")
    assert capture_of(door)["text"] == "There are two faces."


def test_a_failure_ends_it_and_the_next_may_start(door: Open, registering: Registering) -> None:
    registering.result = OSError("/a/secret/place")
    registering.go_on.set()
    post(door, {"name": "Ada"})
    until(lambda: capture_of(door)["state"] == "failed")
    assert "secret" not in capture_of(door)["text"]
    assert post(door, {"name": "Ada"}).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  \t "},
        {"name": 7},
        {"name": None},
        {"name": ["Ada"]},
        {"name": "a" * 101},
        {"name": "A\x00da"},
        {"name": "A\u202eda"},
        {"name": "A\ud800"},
        [],
        "Ada",
        None,
        {"name": "x" * 9000},
    ],
)
def test_what_is_no_name_is_refused(door: Open, registering: Registering, body: object) -> None:
    assert post(door, body).status_code in (400, 413)
    assert registering.names == []


def test_broken_json_is_refused(door: Open, registering: Registering) -> None:
    headers = {"Origin": door.origin, "Content-Type": "application/json"}
    with door.client() as client:
        for content in (b"{", b"\xff", b"[" * 3000):
            assert client.post("/capture", content=content, headers=headers).status_code == 400
    assert registering.names == []


def test_names_of_the_world() -> None:
    assert name_of("李雷") == "李雷"
    assert name_of("Ann-Kathrin O’Neil") == "Ann-Kathrin O’Neil"
    assert name_of("Zoe\u0308") == "Zoë"
    assert name_of("می\u200cخواهم") == "می\u200cخواهم"
    assert name_of("a\nb") == "a b"


def test_where_nobody_can_be_registered() -> None:
    with opened() as door:
        assert post(door, {"name": "Ada"}).status_code == 404
        assert door.told()["capture"] is None
