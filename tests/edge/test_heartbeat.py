"""Heartbeats: what they say and what they learn."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.checks import judged_heartbeat
from edge.facts import Facts
from edge.heartbeat import Heartbeat, Told, told_of
from edge.verdict import Reply
from tests.edge.agent_kit import Clock

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()
TOLD = {
    "request_id": "r",
    "server_time": "2026-01-05T08:00:00.000Z",
    "fresh_seconds": 4.0,
    "heartbeat_seconds": 30,
    "active": True,
}


def reply(status: int = 200, **more: Any) -> Reply:
    return Reply.of(status, {}, json.dumps({**TOLD, **more}).encode())


def refused(status: int, **more: Any) -> Reply:
    return reply(status, error={"code": "unauthorized"}, **more)


def test_the_skew_is_ours_minus_theirs_in_the_middle_of_the_way() -> None:
    assert told_of(reply(), "r", NOW + 5, 2.0) == Told(6.0, 4.0, 30.0, True)


@pytest.mark.parametrize(
    "told",
    [
        reply(201),
        reply(request_id="another"),
        reply(server_time="soon"),
        reply(server_time=None),
        reply(fresh_seconds="10"),
        reply(fresh_seconds=True),
        reply(heartbeat_seconds=float("nan")),
        Reply.of(200, {}, b"<html>"),
    ],
)
def test_what_is_no_answer_to_ours_teaches_nothing(told: Reply) -> None:
    assert told_of(told, "r", NOW, 0.0) is None


def test_the_server_cannot_have_it_beat_without_pause() -> None:
    for asked, kept in ((0, 5.0), (1e9, 300.0)):
        told = told_of(reply(heartbeat_seconds=asked), "r", NOW, 0.0)
        assert told is not None
        assert told.again_seconds == kept


class FakeServer:
    """Answers heartbeats with what it is given."""

    def __init__(self, answer: Reply | str) -> None:
        self.answer, self.bodies = answer, list[Mapping[str, Any]]()

    def heartbeat(self, body: Mapping[str, Any], request_id: str) -> Reply | str:
        self.bodies.append(body)
        if isinstance(self.answer, str) or self.answer.json.get("request_id") != "r":
            return self.answer
        return Reply(self.answer.status, None, {**self.answer.json, "request_id": request_id})


def beating(answer: Reply | str) -> tuple[Heartbeat, FakeServer, Facts, list[bool]]:
    server, facts, heard = FakeServer(answer), Facts(10.0), list[bool]()
    clock, wall = Clock(50.0), Clock(NOW + 3)
    own = Heartbeat(server, facts, lambda: 7, lambda: heard.append(True), clock=clock, wall=wall)
    return own, server, facts, heard


def test_it_says_how_it_is_and_learns() -> None:
    own, server, facts, heard = beating(reply())
    assert own.beat() == 30.0
    assert server.bodies[0]["queue_length"] == 7
    assert server.bodies[0]["clock"] == "2026-01-05T08:00:03.000Z"
    assert (facts.fresh_seconds, facts.skew_seconds) == (4.0, 3.0)
    assert (heard, own.problem) == ([True], None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("the server cannot be reached", "the server cannot be reached"),
        (Reply.of(200, {}, b"<html>"), "an answer that is not Kenal's"),
        (
            reply(401, error={"code": "unauthorized"}),
            "the key is refused: server.key is not valid",
        ),
        (
            reply(403, error={"code": "forbidden"}),
            "the key is refused: server.key is not the key of server.device_id",
        ),
        (reply(503, error={"code": "busy"}), "busy"),
        (Reply.of(401, {}, b"<html>"), "an answer that is not Kenal's"),
        (refused(401, request_id="another"), "an answer that is not Kenal's"),
        (Reply(401, None, {"error": {"code": "unauthorized"}}), "an answer that is not Kenal's"),
    ],
)
def test_without_an_answer_it_learns_nothing_and_says_why(
    answer: Reply | str, problem: str
) -> None:
    own, _, facts, heard = beating(answer)
    assert own.beat() == 30.0
    assert (heard, facts.skew_seconds, own.problem) == ([], None, problem)


def test_a_device_that_was_switched_off_says_so() -> None:
    own, _, _, heard = beating(reply(active=False))
    own.beat()
    assert heard == [True]
    assert own.problem == "an admin switched this device off"


def test_a_clock_is_right_until_it_leaps() -> None:
    facts = Facts(10.0)
    assert not facts.is_clock_right(NOW, 50.0)
    facts.learn(10.0, 1.0, NOW, 50.0)
    assert facts.is_clock_right(NOW + 500, 550.0)
    assert not facts.is_clock_right(NOW + 3600, 550.0)
    facts.learn(10.0, 3600.0, NOW, 50.0)
    assert not facts.is_clock_right(NOW, 50.0)


@pytest.mark.parametrize(
    ("answer", "words", "is_bad"),
    [
        (reply(), ["accepted for this device", "+0.00 s beside the server's"], False),
        (reply(server_time="2026-01-05T08:01:00Z"), ["accepted", "-60.00 s"], True),
        (reply(active=False), ["accepted", "switched this device off", "+0.00 s"], True),
        (refused(401), ["server.key is not valid: nothing opens"], True),
        (refused(403), ["not the key of server.device_id: nothing opens"], True),
        (refused(401, request_id="another"), ["not Kenal's (401)"], True),
        (Reply.of(403, {}, b"<html>"), ["not Kenal's (403)"], True),
        (reply(404), ["does not know server.device_id"], True),
        (reply(500), ["answered 500"], True),
        ("the server cannot be reached", ["cannot be reached"], True),
    ],
)
def test_check_explains_it(answer: Reply | str, words: list[str], is_bad: bool) -> None:
    found = list(judged_heartbeat(answer, "r", NOW, 0.0))
    assert len(found) == len(words)
    for finding, word in zip(found, words, strict=True):
        assert word in finding.word
    assert any(finding.is_bad for finding in found) is is_bad
