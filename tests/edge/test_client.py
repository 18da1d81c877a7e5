"""The client before servers that misbehave in every way: nothing but a true answer counts."""

import itertools
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.client import Client, rfc3339
from edge.sections import ServerSettings
from edge.verdict import Kind, Verdict
from tests.edge.agent_kit import door, event, visit
from tests.edge.bad_server import BadServer, Handler, Misbehave, bad_server
from tests.edge.certificate import make_certificate


@contextmanager
def client_of(server: BadServer, timeout_seconds: float = 5.0) -> Iterator[Client]:
    with closing(Client(server.settings(timeout_seconds))) as client:
        yield client


def ask(misbehave: Misbehave, timeout_seconds: float = 5.0) -> Verdict:
    with bad_server(misbehave) as server, client_of(server, timeout_seconds) as client:
        return client.check_in(event())


def hang(handler: Handler) -> None:
    handler.server.stopped.wait(30)
    handler.hang_up()


def trickle(handler: Handler) -> None:
    handler.send_response(201)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.stopped.wait(0.2):
        handler.wfile.write(b" ")


def lose_the_answer(handler: Handler) -> None:
    handler.commit()
    handler.hang_up()


def break_off(handler: Handler) -> None:
    handler.send_response(201)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"grant": true,')
    handler.hang_up()


def no_http(handler: Handler) -> None:
    handler.wfile.write(b"\x00\xffgrant: true\r\n\r\n")
    handler.hang_up()


def wrong_gzip(handler: Handler) -> None:
    handler.reply(201, b"no gzip", {"Content-Encoding": "gzip"})


BAD: dict[str, Misbehave] = {
    "500": lambda own: own.reply(500, b"Internal Server Error"),
    "502": lambda own: own.reply(502, b"<html>Bad Gateway</html>"),
    "html": lambda own: own.reply(200, b"<html>Accept our terms</html>"),
    "html that is refused": lambda own: own.reply(403, b"<html>Log in</html>"),
    "gone": lambda own: own.reply(404, b"<html>Not Found</html>"),
    "empty": lambda own: own.reply(201, b""),
    "another event": lambda own: own.taken(event_id="another", grant=True),
    "huge": lambda own: own.reply(201, b" " * (2 << 20)),
    "hang": hang,
    "trickle": trickle,
    "lost": lose_the_answer,
    "broken off": break_off,
    "no http": no_http,
    "gzip": wrong_gzip,
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_no_answer_is_no_answer(name: str) -> None:
    told = ask(BAD[name], timeout_seconds=1.0)
    assert (told.kind, told.grant) == (Kind.LATER, False)
    assert "127.0.0.1" not in told.word
    assert "knl_" not in told.word


def test_nobody_there_is_no_answer() -> None:
    with bad_server(BAD["500"]) as server:
        settings = server.settings()
    with closing(Client(settings)) as client:
        assert client.check_in(event()) == Verdict(Kind.LATER, "the server cannot be reached")


def test_what_is_sent_is_the_same_every_time() -> None:
    one = event()
    with bad_server(lambda own: own.taken()) as server, client_of(server) as client:
        first, second = client.check_in(one), client.check_in(one)
    assert (first.kind, first.grant, first.user_id) == (Kind.TAKEN, True, "1042")
    assert (second.kind, second.grant) == (Kind.TAKEN, False)
    assert server.committed == [one.event_id]
    assert all(headers["X-API-Key"] == "knl_x_y" for headers in server.headers)
    for body in server.bodies:
        for part in (one.event_id, rfc3339(one.captured_at), "door-1"):
            assert part.encode() in body
        assert one.jpeg in body
        assert b"direction" not in body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_never_followed(status: int) -> None:
    with bad_server(lambda own: own.taken()) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/checkins"}
        told = ask(lambda own: own.reply(status, b"", headers))
    assert (told.kind, told.grant) == (Kind.LATER, False)
    assert elsewhere.asked == [], "nor is the key told to anybody"


def test_a_busy_server_says_when() -> None:
    told = ask(lambda own: own.error(503, "busy", Retry_After="9"))
    assert (told.kind, told.retry_after) == (Kind.LATER, 9.0)


def test_a_server_without_checkins_is_asked_who_it_is_and_opens_nothing() -> None:
    def old(own: Handler) -> None:
        if own.path == "/upload_photo":
            own.json(200, {"request_id": own.event_id, "decision": "match", "grant": True})
        else:
            own.error(404, "not_found")

    with bad_server(old) as server, client_of(server) as client:
        told = [client.check_in(event()) for _ in range(2)]
    assert {(one.kind, one.word, one.grant) for one in told} == {(Kind.TAKEN, "match", False)}
    asked = ["POST /checkins", "GET /checkins", "POST /upload_photo", "POST /upload_photo"]
    assert server.asked == asked


def test_a_device_that_nobody_registered_loses_nothing() -> None:
    def unknown(own: Handler) -> None:
        own.error(404 if own.command == "POST" else 403, "not_found")

    with bad_server(unknown) as server, client_of(server) as client:
        assert client.check_in(event()).kind is Kind.LOCKED_OUT
    assert "POST /upload_photo" not in server.asked


def test_certificates_are_verified(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with bad_server(lambda own: own.taken()) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = server.url.replace("http:", "https:")
        with closing(Client(ServerSettings(url=url, device_id="door-1"))) as client:
            told = client.check_in(event())
        assert told == Verdict(Kind.LATER, "the server's certificate cannot be trusted")
        assert server.asked == []
        trusting = ServerSettings(url=url, device_id="door-1", ca_file=certificate)
        with closing(Client(trusting)) as client:
            assert client.check_in(event()).grant


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with bad_server(lambda own: own.taken(grant=True)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert ask(BAD["500"]).kind is Kind.LATER
    assert proxy.asked == []


def test_an_answer_lost_after_the_commit_is_one_check_in_and_no_opening(tmp_path: Path) -> None:
    turns = itertools.count()

    def lossy(own: Handler) -> None:
        if next(turns) == 0:
            lose_the_answer(own)
        else:
            own.taken()

    own = door(tmp_path)
    with bad_server(lossy) as server, client_of(server) as client:
        own.sender._client = client
        event_id = own.sender.offer(visit())
        own.sender.step_live()
        assert own.outbox.waiting()[0] == 1
        own.clock.now += 1
        own.sender.step_live()
    assert server.committed == [event_id]
    assert len(server.asked) == 2
    assert own.outbox.counts()["sent"] == 1
    assert own.opened == [], "nobody knows whether it was told to open; it comes as a new event"


def test_through_everything_that_can_go_wrong_each_event_is_taken_once(tmp_path: Path) -> None:
    wrong = [BAD[name] for name in sorted(BAD) if name not in ("hang", "trickle", "huge")]
    turns = itertools.count()

    def moody(own: Handler) -> None:
        turn = next(turns)
        answer = wrong[turn % len(wrong)] if turn % 3 else Handler.taken
        answer(own)

    own = door(tmp_path)
    old = [event(number) for number in range(20)]
    for one in old:
        own.outbox.add(one)
    with bad_server(moody) as server, client_of(server) as client:
        own.sender._client = client
        for _ in range(300):
            own.sender.step_old()
            own.clock.now, own.wall.now = own.clock.now + 61, own.wall.now + 61
    assert server.committed == [one.event_id for one in old], "each once, in order"
    assert own.outbox.counts() == {"sent": 20, "refused": 0, "dropped": 0}
    assert own.opened == []
