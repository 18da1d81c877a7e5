"""What the client sends, how often, and what it makes of the answers."""

import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import repeat
from pathlib import Path

import httpx
import pytest

from kenal_client import (
    AccessError,
    ConflictError,
    ConnectionFailed,
    Kenal,
    KenalError,
    NotFound,
    Person,
    PhotoError,
    PhotoSource,
    RateLimited,
    RequestError,
    ServiceError,
    UnexpectedAnswer,
)
from kenal_client.media import read_photo
from kenal_client.parsing import parse
from kenal_client.transport import Ask, Transport, retry_after

Step = httpx.Response | Exception
KEY = "knl_abc_topsecret"


class Scripted(httpx.BaseTransport):
    """Answers as written, the last one for good, and keeps what was asked."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        return step


Asking = Callable[..., tuple[Transport, Scripted, list[float]]]


@pytest.fixture
def asking() -> Iterator[Asking]:
    """A transport on a script, without chance, and the pauses it made."""
    opened: list[httpx.Client] = []

    def make(*steps: Step, retries: int = 3) -> tuple[Transport, Scripted, list[float]]:
        script, pauses = Scripted(*steps), list[float]()
        opened.append(httpx.Client(base_url="http://kenal", transport=script))
        return Transport(opened[-1], retries, pauses.append, lambda: 0.0), script, pauses

    yield make
    for http in opened:
        http.close()


def refusal(status: int, code: str, after: str | None = None) -> httpx.Response:
    body = {"error": {"code": code, "message": "no", "details": {"n": 1}}, "request_id": "r1"}
    return httpx.Response(status, json=body, headers={"Retry-After": after} if after else {})


def done() -> httpx.Response:
    return httpx.Response(200, json={"request_id": "r2"})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_parameter", RequestError),
        (400, "empty_file", PhotoError),
        (401, "unauthorized", AccessError),
        (403, "forbidden", AccessError),
        (404, "not_found", NotFound),
        (405, "method_not_allowed", RequestError),
        (409, "face_conflict", ConflictError),
        (413, "image_too_large", PhotoError),
        (415, "unsupported_media_type", RequestError),
        (415, "unsupported_image", PhotoError),
        (422, "no_face", PhotoError),
        (429, "rate_limited", RateLimited),
        (500, "internal", ServiceError),
        (503, "busy", ServiceError),
        (507, "storage_full", ServiceError),
        (418, "of_a_newer_server", RequestError),
    ],
)
def test_refusals_have_the_class_of_what_to_do(
    asking: Asking, status: int, code: str, kind: type[KenalError]
) -> None:
    transport, _, _ = asking(refusal(status, code, "7"), retries=0)
    with pytest.raises(KenalError) as caught:
        transport.send(Ask("GET", "/"))
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.status, error.retry_after) == (code, status, 7.0)
    assert (error.request_id, error.details, str(error)) == ("r1", {"n": 1}, f"{code}: no")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, text="<html>"), UnexpectedAnswer),
        (httpx.Response(200, json=[1]), UnexpectedAnswer),
        (httpx.Response(302, headers={"Location": "http://evil/"}), UnexpectedAnswer),
        (httpx.Response(404, text="nginx"), NotFound),
        (httpx.Response(413, text="nginx"), UnexpectedAnswer),
        (httpx.Response(401, json={"error": "other"}), AccessError),
        (httpx.Response(502, text="nginx"), ServiceError),
    ],
)
def test_what_is_not_kenals_says_so(
    asking: Asking, answer: httpx.Response, kind: type[KenalError]
) -> None:
    transport, script, _ = asking(answer, retries=0)
    with pytest.raises(kind) as caught:
        transport.send(Ask("GET", "/"))
    assert caught.value.code is None
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "steps",
    [
        [refusal(503, "busy", "2"), refusal(429, "rate_limited", "2")],
        [httpx.ConnectError("refused"), httpx.ConnectTimeout("")],
    ],
)
def test_what_was_not_done_is_sent_again(asking: Asking, steps: Sequence[Step]) -> None:
    transport, script, pauses = asking(*steps, done())
    transport.send(Ask("POST", "/devices", json={"name": "x"}, is_repeatable=False))
    assert len(script.asked) == 3
    assert len({request.content for request in script.asked}) == 1
    assert all(pause > 0 for pause in pauses)


LOST = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout(""),
    httpx.WriteError(""),
    httpx.RemoteProtocolError("closed"),
    httpx.Response(502, text="bad gateway"),
    httpx.Response(504, text="late"),
]


@pytest.mark.parametrize("step", LOST)
def test_a_lost_answer_is_asked_for_again_only_where_that_is_safe(
    asking: Asking, step: Step
) -> None:
    transport, script, _ = asking(step, done())
    transport.send(Ask("POST", "/checkins"))
    assert len(script.asked) == 2
    transport, script, _ = asking(step, done())
    with pytest.raises(ServiceError if isinstance(step, httpx.Response) else ConnectionFailed):
        transport.send(Ask("POST", "/devices", is_repeatable=False))
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 507])
def test_a_refusal_that_stands_is_not_sent_again(asking: Asking, status: int) -> None:
    transport, script, _ = asking(refusal(status, "any"))
    with pytest.raises(KenalError):
        transport.send(Ask("GET", "/"))
    assert len(script.asked) == 1


def test_it_gives_up(asking: Asking) -> None:
    transport, script, pauses = asking(refusal(503, "busy", "2"), retries=2)
    with pytest.raises(ServiceError):
        transport.send(Ask("GET", "/"))
    assert (len(script.asked), pauses) == (3, [2.0, 2.0])


def test_a_long_wait_is_the_callers(asking: Asking) -> None:
    transport, script, pauses = asking(refusal(429, "rate_limited", "31"))
    with pytest.raises(RateLimited) as caught:
        transport.send(Ask("GET", "/"))
    assert (len(script.asked), pauses, caught.value.retry_after) == (1, [], 31.0)


def test_pauses_grow_and_have_a_part_by_chance() -> None:
    script, pauses = Scripted(httpx.ConnectError("refused")), list[float]()
    with httpx.Client(base_url="http://kenal", transport=script) as http:
        for chance in (repeat(0.0), repeat(0.99)):
            transport = Transport(http, 4, pauses.append, chance.__next__)
            with pytest.raises(ConnectionFailed):
                transport.send(Ask("GET", "/"))
    assert pauses[:4] == [0.125, 0.5, 2.0, 8.0]
    assert all(a < b <= 2 * a for a, b in zip(pauses[:4], pauses[4:], strict=True))


def test_a_deletion_whose_answer_was_lost_is_done(asking: Asking) -> None:
    gone = refusal(404, "not_found")
    transport, _, _ = asking(httpx.ReadError("reset"), gone)
    assert transport.send(Ask("DELETE", "/users/1")) == {}
    for first in (httpx.ConnectError("refused"), refusal(503, "busy")):
        transport, _, _ = asking(first, gone)
        with pytest.raises(NotFound):
            transport.send(Ask("DELETE", "/users/1"))


def test_retry_after_as_number_and_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    found = retry_after({"retry-after": soon})
    assert found is not None
    assert 15 < found <= 20
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert retry_after({"retry-after": past}) == 0.0
    assert retry_after({"retry-after": "3"}) == 3.0
    assert [retry_after({"retry-after": text}) for text in ("", "-1", "²", "soon")] == [None] * 4


def test_a_cursor_is_followed(asking: Asking) -> None:
    pages = [
        httpx.Response(200, json={"users": [1, 2], "next_cursor": "c"}),
        httpx.Response(200, json={"users": [3], "next_cursor": None}),
    ]
    transport, script, _ = asking(*pages)
    rows = transport.pages(Ask("GET", "/users", {"limit": 2}), "users")
    assert next(rows) == 1
    assert len(script.asked) == 1
    assert list(rows) == [2, 3]
    assert str(script.asked[1].url) == "http://kenal/users?limit=2&cursor=c"


def test_a_key_is_nowhere_to_be_seen() -> None:
    with Kenal("http://127.0.0.1:9", KEY, retries=0) as kenal:
        with pytest.raises(ConnectionFailed) as caught:
            kenal.recognize(b"x")
        cause = caught.value.__cause__
        assert isinstance(cause, httpx.RequestError)
        shown = [repr(kenal), repr(caught.value), str(caught.value), repr(cause)]
        shown += [repr(cause.request), repr(cause.request.headers), repr(vars(kenal))]
        assert cause.request.headers["Authorization"] == f"Bearer {KEY}"
    assert not any("topsecret" in text for text in shown)


def test_an_address_that_is_none_is_refused() -> None:
    for url in ("localhost:8000", "ftp://kenal", "http://", "http://me:secret@kenal", "/x"):
        with pytest.raises(ValueError, match=r"base_url") as caught:
            Kenal(url)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("user_id", ["", ".", ".."])
def test_an_id_cannot_lead_to_another_address(user_id: str) -> None:
    with Kenal("http://127.0.0.1:9", retries=0) as kenal:
        for ask in (kenal.users.get, kenal.users.delete, kenal.photos.list):
            with pytest.raises(ValueError, match="no id"):
                ask(user_id)


def test_photos_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "ada.jpg"
    path.write_bytes(b"photo")
    with path.open("rb") as file:
        forms: list[PhotoSource] = [
            b"photo",
            bytearray(b"photo"),
            memoryview(b"photo"),
            path,
            str(path),
            file,
        ]
        assert {read_photo(form) for form in forms} == {b"photo"}
    with pytest.raises(TypeError, match="rb"):
        read_photo(io.StringIO("photo"))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        read_photo(tmp_path / "nobody.jpg")


def test_a_time_without_a_zone_is_a_mistake() -> None:
    naive = datetime(2026, 1, 5, 8)
    with Kenal("http://127.0.0.1:9", retries=0) as kenal, pytest.raises(ValueError, match="zone"):
        kenal.check_in(b"x", captured_at=naive)


PERSON = {
    "user_id": "1042",
    "name": None,
    "email": None,
    "attributes": {"floor": 3},
    "face_id": 17,
    "created_at": "2026-01-05T08:00:00.000Z",
    "updated_at": "2026-01-05T08:00:00.000Z",
}


def test_fields_of_a_newer_server_are_passed_over() -> None:
    person = parse(Person, {**PERSON, "pronouns": ["new"]})
    assert person.created_at == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert person.attributes == {"floor": 3}


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": 5},
        {"user_id": None},
        {"face_id": True},
        {"face_id": "17"},
        {"attributes": []},
        {"created_at": "2026-01-05T08:00:00"},
        {"created_at": "yesterday"},
    ],
)
def test_a_field_of_another_kind_is_named(change: dict[str, object]) -> None:
    with pytest.raises(UnexpectedAnswer, match=next(iter(change))):
        parse(Person, {**PERSON, **change})
    with pytest.raises(UnexpectedAnswer, match=next(iter(change))):
        parse(Person, {name: text for name, text in PERSON.items() if name not in change})
