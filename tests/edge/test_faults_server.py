"""A server that is no server: nothing it says opens, it is left alone more and more, and when it is
back everything is sent once.

Case 80, the whole way from a visit to the door; each answer by itself is in test_client.py. And
case 83: clocks that are wrong or leap.
"""

import itertools
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from edge.client import Client
from edge.outbox import Event
from edge.sections import ServerSettings
from edge.verdict import Kind, Verdict
from tests.edge.agent_kit import AWAY, MATCH, Door, door, event, visit
from tests.edge.bad_server import Handler, Misbehave, bad_server
from tests.edge.certificate import make_certificate
from tests.edge.test_client import BAD

HOUR, YEAR = 3600.0, 365 * 86400.0


def portal(own: Handler) -> None:
    """Says yes to whatever it is asked."""
    own.json(201, {"status": "ok", "grant": True, "decision": "match", "duplicate": False})


def too_many(own: Handler) -> None:
    own.error(429, "rate_limited", Retry_After="7")


WRONG: dict[str, Misbehave] = {
    **{name: BAD[name] for name in BAD if name not in ("hang", "trickle")},
    "portal": portal,
    "429": too_many,
    "503": lambda own: own.error(503, "busy"),
    "503 of a proxy": lambda own: own.reply(503, b"<html>", {"Retry-After": "9"}),
    "500 of ours": lambda own: own.error(500, "internal_error"),
    "redirect": lambda own: own.reply(302, b"", {"Location": "http://127.0.0.1:9/login"}),
}


def go_on(own: Door, seconds: float, step: float = 0.25) -> None:
    """So much time in small steps, as the two threads would take it."""
    for _ in range(round(seconds / step)):
        own.sender.step_live()
        own.sender.step_old()
        own.clock.now, own.wall.now = own.clock.now + step, own.wall.now + step


@pytest.mark.parametrize("name", sorted(WRONG))
def test_whatever_it_answers_nothing_opens_and_nothing_is_lost(tmp_path: Path, name: str) -> None:
    own, asked = door(tmp_path), list[float]()
    is_back = False

    def answer(handler: Handler) -> None:
        if is_back:
            handler.taken()
            return
        asked.append(own.clock.now)
        WRONG[name](handler)

    with bad_server(answer) as server, closing(Client(server.settings(1.0))) as client:
        own.sender._client = client
        old = event()
        own.outbox.add(old)
        live = own.sender.offer(visit(own.clock.now, own.wall.now))
        go_on(own, 600)
        assert own.opened == []
        assert own.outbox.waiting()[0] == 2
        late = [moment for moment in asked if moment > 1000 + 60]
        gaps = [after - before for before, after in itertools.pairwise(late)]
        assert len(asked) < 100, "it is not asked without end"
        assert max(gaps) <= 3700, "nor forgotten"
        is_back = True
        go_on(own, 200)
        assert sorted(server.committed) == sorted([old.event_id, live])
        assert own.outbox.waiting()[0] == 0
    assert own.opened == [], "both are late by now"


def certified(folder: Path, trusts: bool, host: str) -> tuple[Verdict, list[str]]:
    """What becomes of an event at a server with a certificate for 127.0.0.1."""
    certificate, key = make_certificate(folder)
    with bad_server(lambda own: own.taken()) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://{host}:{server.server_address[1]}"
        ca_file = certificate if trusts else None
        with closing(
            Client(ServerSettings(url=url, device_id="door-1", ca_file=ca_file))
        ) as client:
            return client.check_in(event()), server.asked


@pytest.mark.parametrize(("trusts", "host"), [(False, "127.0.0.1"), (True, "localhost")])
def test_a_certificate_of_nobody_or_of_another_host_is_never_passed_over(
    tmp_path: Path, trusts: bool, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONHTTPSVERIFY", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "0" if name == "PYTHONHTTPSVERIFY" else "/absent")
    told, asked = certified(tmp_path, trusts, host)
    assert told == Verdict(Kind.LATER, "the server's certificate cannot be trusted")
    assert asked == [], "neither photo nor key went there"


@pytest.mark.parametrize("shift", [-YEAR, HOUR, -HOUR, YEAR])
def test_freshness_is_not_of_the_wall(tmp_path: Path, shift: float) -> None:
    own = door(tmp_path)
    seen = visit(own.clock.now, own.wall.now)
    own.wall.now += shift  # between the picture and its sending
    event_id = own.sender.offer(seen)
    own.sender.step_live()
    assert own.opened == [own.clock.now], "by the steady clock it is fresh"

    own.clock.now += 11
    stale = visit(own.clock.now - 11, own.wall.now)  # by the wall it would be of this moment
    own.sender.offer(stale)
    own.sender.step_live()
    own.sender.step_old()
    assert len(own.server.sent) == 2
    assert own.server.sent[0] == event_id
    assert len(own.opened) == 1


@pytest.mark.parametrize("shift", [-YEAR, -HOUR, HOUR, YEAR])
def test_a_leap_holds_nothing_up_and_empties_nothing(tmp_path: Path, shift: float) -> None:
    own = door(tmp_path, lambda _: AWAY)
    own.facts.learn(10.0, 0.0, own.wall(), own.clock())
    old = [event(number) for number in range(3)]
    for one in old:
        own.outbox.add(one)
    go_on(own, 30)
    own.wall.now += shift
    go_on(own, 30)
    assert own.outbox.waiting()[0] == 3, "a clock that leapt makes nothing too old"
    own.server.answer = lambda _: MATCH
    own.server.sent.clear()
    own.sender.server_answers()  # a heartbeat
    go_on(own, 5)
    assert own.server.sent == [one.event_id for one in old]
    assert own.opened == []


def test_every_attempt_says_the_same_time_whatever_the_clock_does(tmp_path: Path) -> None:
    own, told = door(tmp_path), list[Event]()

    def listen(one: Event) -> Verdict:
        told.append(one)
        return AWAY

    own.server.answer = listen
    own.sender.offer(visit(own.clock.now, 1_700_000_000.5))
    for shift in (-YEAR, 2 * YEAR, -HOUR):
        go_on(own, 70)
        own.wall.now += shift
        own.sender.server_answers()
    go_on(own, 70)
    assert len(told) > 5
    assert {one.captured_at for one in told} == {1_700_000_000.5}
    assert len({one.event_id for one in told}) == 1


def test_an_old_grant_that_is_played_again_opens_nothing(tmp_path: Path) -> None:
    """No replay window: an answer is of one event of this process, and counts once."""
    own = door(tmp_path)
    event_id = own.sender.offer(visit())
    own.sender.step_live()
    assert len(own.opened) == 1
    for age in (0.0, 1.0, HOUR):
        own.clock.now += age
        own.sender._settle(Event(event_id, 0.0, "", b""), MATCH, is_live=True)
        own.sender._settle(Event("of-nobody", 0.0, "", b""), MATCH, is_live=True)
    assert len(own.opened) == 1
