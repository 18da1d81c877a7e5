"""What an answer says of the key: refused only where Kenal itself says so of our own request."""

import time
from collections.abc import Callable
from contextlib import closing

import pytest

from edge.client import Client
from edge.verdict import NO_KEYS, Kind
from tests.edge.agent_kit import event
from tests.edge.bad_server import Handler, bad_server

HEARTBEAT = {"server_time": "2026-01-05T08:00:00Z", "fresh_seconds": 10, "heartbeat_seconds": 30}


def well(handler: Handler) -> None:
    if handler.path == "/checkins":
        handler.taken()
    else:
        handler.json(200, {**HEARTBEAT, "request_id": handler.event_id, "active": True})


def kenal(status: int, code: str) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        if handler.path == "/healthz":
            handler.json(200, {"request_id": "its own", "status": "alive"})
        else:
            handler.error(status, code)

    return answer


def everywhere(handler: Handler) -> None:
    """A server with KENAL_AUTH=off, asked by another machine."""
    name = handler.headers.get("X-Request-ID", "its own")
    handler.json(403, {"error": {"code": "forbidden"}, "request_id": name})


def shaped(status: int, body: object) -> Callable[[Handler], None]:
    return lambda handler: handler.json(status, body)


def page(status: int) -> Callable[[Handler], None]:
    return lambda handler: handler.reply(status, b"<html>Log in</html>")


ERROR = {"code": "unauthorized", "message": "this key is not valid", "details": {}}
ANSWERS: dict[str, tuple[Callable[[Handler], None], bool | None]] = {
    "taken": (well, True),
    "not valid": (kenal(401, "unauthorized"), False),
    "another device's": (kenal(403, "forbidden"), False),
    "unknown device": (kenal(404, "not_found"), None),
    "too often": (kenal(429, "rate_limited"), None),
    "in trouble": (kenal(500, "internal"), None),
    "busy": (kenal(503, "busy"), None),
    "no face": (kenal(422, "no_face"), None),
    "portal 401": (page(401), None),
    "portal 403": (page(403), None),
    "portal 200": (page(200), None),
    "proxy 401": (shaped(401, {"error": "unauthorized"}), None),
    "proxy 407": (kenal(407, "unauthorized"), None),
    "without a request": (shaped(401, {"error": ERROR}), None),
    "another request": (shaped(401, {"error": ERROR, "request_id": "another"}), None),
    "another request, 403": (shaped(403, {"error": ERROR, "request_id": "another"}), None),
    "another request, 200": (shaped(200, {"request_id": "another"}), None),
    "only our request": (
        lambda handler: handler.json(401, {"request_id": handler.event_id}),
        None,
    ),
    "nothing": (Handler.hang_up, None),
}


@pytest.mark.parametrize("asks", ["heartbeat", "event"])
@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_what_an_answer_says_of_the_key(name: str, asks: str) -> None:
    answer, said = ANSWERS[name]
    heard = list[bool]()
    with (
        bad_server(answer) as server,
        closing(Client(server.settings(), lambda word, _at: heard.append(word))) as client,
    ):
        if asks == "heartbeat":
            client.heartbeat({}, "ours")
        else:
            is_locked = client.check_in(event()).kind is Kind.LOCKED_OUT
            assert is_locked is (said is False)
    assert heard == ([] if said is None else [said])


def test_a_word_is_of_the_moment_of_the_question() -> None:
    heard = list[float]()

    def slow(handler: Handler) -> None:
        moments.append(time.monotonic())
        time.sleep(0.3)
        handler.error(401, "unauthorized")

    moments = list[float]()
    with (
        bad_server(slow) as server,
        closing(Client(server.settings(), lambda _word, at: heard.append(at))) as client,
    ):
        client.check_in(event())
    assert heard[0] <= moments[0]


def test_a_server_that_looks_at_no_key_refuses_none() -> None:
    heard = list[bool]()
    with (
        bad_server(everywhere) as server,
        closing(Client(server.settings(), lambda word, _at: heard.append(word))) as client,
    ):
        assert client.heartbeat({}, "ours") == NO_KEYS
        verdict = client.check_in(event())
    assert (verdict.kind, verdict.word) == (Kind.LATER, NO_KEYS)
    assert heard == []


@pytest.mark.parametrize("health", [page(403), page(404), Handler.hang_up])
def test_a_proxy_that_hides_whether_the_server_lives_hides_no_refusal(
    health: Callable[[Handler], None],
) -> None:
    heard = list[bool]()

    def behind_a_proxy(handler: Handler) -> None:
        answer = health if handler.path == "/healthz" else kenal(403, "forbidden")
        answer(handler)

    with (
        bad_server(behind_a_proxy) as server,
        closing(Client(server.settings(), lambda word, _at: heard.append(word))) as client,
    ):
        client.heartbeat({}, "ours")
        assert client.check_in(event()).kind is Kind.LOCKED_OUT
    assert heard == [False, False]
