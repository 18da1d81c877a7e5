"""Who may look and who may not: passwords, other sites, names that point here."""

import base64
import logging
from dataclasses import replace

import httpx
import pytest

from edge.page.access import Guesses, is_loopback_host, is_password, is_same_origin
from edge.page.server import Page
from edge.page.types import CaptureResult
from edge.sections import PageSettings
from edge.settings_fields import Secret
from tests.edge.agent_kit import Clock
from tests.edge.test_page import SETTINGS, Open, all_well, opened

PASSWORD = "gül-42 : ok"
LOCKED = replace(SETTINGS, password=Secret(PASSWORD))
ADDRESSES = ("/", "/video_feed_page", "/video_feed", "/status.json", "/static/page.js", "/nowhere")


def ignored(_: object) -> None:
    """Instead of sleeping."""


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def test_without_the_password_nothing_is_shown() -> None:
    with opened(LOCKED) as door:
        for path in ADDRESSES:
            answer = door.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            assert answer.headers["X-Frame-Options"] == "DENY"


def test_with_the_password_and_any_name_everything_is() -> None:
    with opened(LOCKED) as door:
        for name in ("admin", "", "Zoë"):
            assert door.get("/status.json", basic(f"{name}:{PASSWORD}")).status_code == 200
        with door.client(PASSWORD) as client, client.stream("GET", "/video_feed") as answer:
            assert answer.status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"nocolon").decode(),
        "Basic " + base64.b64encode(b"a:\xff\xfe").decode(),
        "Bearer " + PASSWORD.encode().hex(),
        "Digest username=a",
        basic("a:")["Authorization"],
        basic(f"a:{PASSWORD} ")["Authorization"],
        basic(f"{PASSWORD}:")["Authorization"],
    ],
)
def test_broken_credentials_are_no_password(sent: str) -> None:
    with opened(LOCKED) as door:
        assert door.get("/status.json", {"Authorization": sent}).status_code == 401


def test_the_right_password_does_after_many_wrong_ones() -> None:
    with opened(LOCKED) as door:
        for number in range(7):
            assert door.get("/status.json", basic(f"a:{number}")).status_code == 401
        assert door.get("/status.json", basic(f"a:{PASSWORD}")).status_code == 200


def test_guesses_wait_longer_and_then_a_second_each() -> None:
    clock, waited = Clock(), list[float]()
    guesses = Guesses(clock)

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock.now += seconds

    for _ in range(100):
        assert guesses.wait("1.2.3.4", sleep)
        guesses.failed("1.2.3.4")
    assert clock.now - 1000 >= 94
    assert max(waited) <= 2
    waited.clear()
    assert guesses.wait("5.6.7.8", sleep)
    assert waited == []


def test_guesses_at_the_same_time_are_turned_away() -> None:
    guesses = Guesses(Clock())
    for _ in range(9):
        guesses.failed("1.2.3.4")
    refused = []

    def meanwhile(_: float) -> None:
        def deeper(_: float) -> None:
            refused.append(not guesses.wait("1.2.3.4", ignored))

        assert guesses.wait("1.2.3.4", deeper)

    assert guesses.wait("1.2.3.4", meanwhile)
    assert refused == [True]
    assert guesses.wait("1.2.3.4", ignored)


def test_addresses_that_guess_do_not_fill_the_memory() -> None:
    guesses = Guesses(Clock())
    for number in range(5000):
        guesses.failed(str(number))
    assert len(guesses._debts) == 1000


def test_others_may_not_look_without_a_password() -> None:
    with opened() as door, pytest.raises(ValueError, match="password"):
        Page(PageSettings(host="0.0.0.0"), door.board, all_well)


def test_a_password_is_asked_for_on_this_machine_too() -> None:
    with opened(replace(LOCKED, host="localhost")) as door:
        assert httpx.get(f"http://localhost:{door.page.port}/status.json").status_code == 401


def test_a_password_of_any_letters_is_compared() -> None:
    assert is_password("gül", "gül")
    assert not is_password("gul", "gül")
    assert not is_password("", "gül")
    assert not is_password("\udcff", "gül")


@pytest.mark.parametrize("host", ["door.example", "127.0.0.1.nip.io:8001", "10.0.0.7", "", "a b"])
def test_names_that_were_made_to_point_here_see_nothing(host: str) -> None:
    with opened() as door:
        for path in ADDRESSES:
            answer = door.get(path, {"Host": host})
            assert answer.status_code in (400, 403), path
            assert "Zoë" not in answer.text


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("localhost:8001", True),
        ("127.0.0.1", True),
        ("[::1]:8001", True),
        ("LOCALHOST", True),
        ("localhost.example", False),
        ("localhost:x", False),
        ("a@localhost", False),
        ("localhost/a", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_names_of_this_machine(host: str, is_it: bool) -> None:
    assert is_loopback_host(host) is is_it


OWN = "http://127.0.0.1:8001"


@pytest.mark.parametrize(
    ("origin", "fetch_site", "is_it"),
    [
        (OWN, "same-origin", True),
        (OWN, None, True),
        ("https://127.0.0.1:8001", None, True),
        (None, "same-origin", False),
        (None, None, False),
        ("null", None, False),
        (OWN, "same-site", False),
        (OWN, "cross-site", False),
        (OWN, "none", False),
        ("http://127.0.0.1:8000", None, False),
        ("http://127.0.0.1", None, False),
        ("http://evil.example", None, False),
        ("http://127.0.0.1:8001.evil.example", None, False),
        ("http://evil.example@127.0.0.1:8001", None, False),
        ("http://[", None, False),
        ("ftp://127.0.0.1:8001", None, False),
    ],
)
def test_only_our_own_page_may_post(
    origin: str | None, fetch_site: str | None, is_it: bool
) -> None:
    assert is_same_origin("127.0.0.1:8001", origin, fetch_site) is is_it


def posted(door: Open, **changed: str | None) -> int:
    """The status of a good capture, but for `changed` headers; None leaves one out."""
    names = {"origin": "Origin", "site": "Sec-Fetch-Site", "kind": "Content-Type"}
    headers: dict[str, str | None] = {
        "Origin": door.origin,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/json",
    }
    headers.update({names[name]: value for name, value in changed.items()})
    sent = {name: value for name, value in headers.items() if value is not None}
    with door.client() as client:
        return client.post("/capture", content=b'{"name": "Ada"}', headers=sent).status_code


def test_other_sites_register_nobody() -> None:
    names = list[str]()

    def capture(name: str, say: object) -> CaptureResult:
        names.append(name)
        return CaptureResult(True, "done")

    with opened(capture=capture) as door:
        assert posted(door, origin="http://evil.example") == 403
        assert posted(door, origin="null") == 403
        assert posted(door, origin=None) == 403
        assert posted(door, site="cross-site") == 403
        assert posted(door, kind="text/plain") == 400
        assert posted(door, kind="application/x-www-form-urlencoded") == 400
        assert posted(door, kind=None) == 400
        assert names == []
        assert posted(door) == 202
    assert names == ["Ada"]


def test_neither_passwords_nor_names_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    def capture(name: str, say: object) -> CaptureResult:
        raise ValueError(f"{name} {PASSWORD}")

    caplog.set_level(logging.DEBUG)
    with opened(LOCKED, capture=capture) as door:
        door.get("/status.json", basic(f"a:{PASSWORD}x"))
        headers = {"Origin": door.origin, **basic(f"a:{PASSWORD}")}
        with door.client() as client:
            client.post("/capture", json={"name": "Ada"}, headers=headers)
    own = [record for record in caplog.records if not record.name.startswith("http")]
    assert any("ValueError" in record.getMessage() for record in own)
    text = "".join(record.getMessage() + str(record.exc_info) for record in own)
    assert PASSWORD not in text
    assert "Ada" not in text
