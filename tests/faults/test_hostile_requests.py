"""Requests that are no HTTP, no JSON, no form, or ask for what is not there, on the real server."""

import json
from collections.abc import Iterator

import pytest

from tests.api.test_server import Server, code, head
from tests.faults.hostile_kit import PHOTO, TYPES, answers, post, recognizes, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("hostile")) as server:
        yield server


def test_chunks_that_lie(server: Server) -> None:
    chunked = post("Content-Type: image/png", "Transfer-Encoding: chunked")
    for body in (b"zz\r\n", b"-5\r\n", b"5\r\nabc", b"3\r\nabcdef\r\n0\r\n\r\n", b"F" * 9000):
        assert code(server.send(chunked, body, close=True)) == (400, "invalid_parameter"), body
    both = post("Content-Type: image/png", "Transfer-Encoding: chunked", "Content-Length: 4")
    assert server.send(both, b"0\r\n\r\n", close=True)[0] == 400
    twice = post("Content-Type: image/png", "Content-Length: 4", "Content-Length: 5")
    assert server.send(twice, b"abcd", close=True)[0] == 400


def sent(server: Server, kind: str | None, body: bytes, path: str = "/upload_photo") -> str:
    lines = [f"Content-Length: {len(body)}"] + ([f"Content-Type: {kind}"] if kind else [])
    status, answer = server.send(head("POST", path, *lines), body)
    assert 400 <= status < 500, answer
    return code((status, answer))[1]


def form(*parts: bytes) -> bytes:
    return b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"


FILE = b'Content-Disposition: form-data; name="photo"; filename="x.png"\r\n\r\n' + PHOTO


def field(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def test_nonsense_is_refused_in_the_one_shape(server: Server) -> None:
    _, _, edge = TYPES
    deep = b"[" * 100_000 + b"]" * 100_000
    for text in (b"{", b"\xff\xfe", b"nul", b'{"photo": 1} x', deep, b'{"a":' * 50_000, b"1e999"):
        assert sent(server, "application/json", text) == "bad_json", text[:20]
    many = form(*[field(f"f{number}", "1") for number in range(10_000)])
    assert sent(server, edge, many) in ("too_large", "invalid_parameter")
    assert sent(server, "multipart/form-data", form(FILE)) in ("invalid_parameter", "missing_file")
    assert sent(server, edge, form(FILE)[:-20]) == "invalid_parameter"
    assert sent(server, edge, b"") in ("invalid_parameter", "missing_file")
    assert sent(server, "text/html", PHOTO) == "unsupported_media_type"
    assert sent(server, None, PHOTO) == "unsupported_media_type"
    assert recognizes(server)


def test_what_is_given_twice_is_refused(server: Server) -> None:
    _, _, edge = TYPES
    twice = form(FILE, field("limit", "1"), field("limit", "2"))
    assert sent(server, edge, twice) == "invalid_parameter"
    assert sent(server, edge, form(FILE, FILE)) == "invalid_parameter"
    assert sent(server, "image/png", PHOTO, "/upload_photo?limit=1&limit=2") == "invalid_parameter"
    doubled = b'{"user_id": "1", "user_id": "2"}'
    assert sent(server, "application/json", doubled, "/users") in ("bad_json", "invalid_parameter")


def test_a_megabyte_of_headers(server: Server) -> None:
    line = "X-Long: " + "y" * 8000
    for lines in (["X-Long: " + "y" * 1_000_000], [line] * 130, ["X: " + "y" * 60_000]):
        status, _ = server.send(head("GET", "/healthz", *lines))
        # The refusal may be lost where the connection is closed under our hands.
        assert status in (400, 431, 0)
    assert answers(server)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../core/settings.py",
        "/static/%2e%2e/wsgi.py",
        "/../../etc/passwd",
        "/console",
        "/.env",
        "/docs/..%2f..%2fwsgi.py",
    ],
)
def test_nothing_is_served_but_the_api(server: Server, path: str) -> None:
    status, body = server.send(head("GET", path))
    assert status in (400, 404)
    assert b"import" not in body
    json.loads(body)


def test_no_debugger_answers(server: Server) -> None:
    page = "/?__debugger__=yes&cmd=resource&f=debugger.js"
    assert server.ask("GET", page)[1]["name"] == "Kenal"


@pytest.mark.parametrize("verb", ["TRACE", "CONNECT", "PROPFIND", "PUT", "BREW"])
def test_verbs_that_nobody_takes(server: Server, verb: str) -> None:
    path = "localhost:80" if verb == "CONNECT" else "/upload_photo"
    assert server.send(head(verb, path))[0] in (400, 404, 405)


def test_the_log_is_of_one_line_each_and_holds_no_word_of_theirs(server: Server) -> None:
    marks = ("Forged", "secret-file", "stolen-name")
    fake = "%0d%0a2026-01-01T00:00:00.000+00:00%20ERROR%20Forged"
    server.ask("GET", f"/users/stolen-name{fake}?cursor=Forged{fake}")
    server.ask("GET", "/healthz", headers={"X-Request-ID": "Forged it", "User-Agent": "Forged"})
    disposition = FILE.replace(b"x.png", b"secret-file.png")
    edge = {"Content-Type": TYPES[2]}
    server.ask("POST", "/upload_photo?limit=Forged", form(disposition), edge)
    server.ask("POST", "/upload_photo", form(disposition), edge)
    log = server.log.read_text()
    assert [mark for mark in marks if mark in log] == []
    assert "rule=/users/{user_id}" in log
