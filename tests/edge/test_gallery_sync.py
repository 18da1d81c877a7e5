"""The gallery as the server has it: whole, or as it was."""

import base64
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
import pytest

from edge.recognition.gallery import Bounds, Gallery
from edge.recognition.gallery_client import GalleryClient
from edge.recognition.network import Network, Vector
from edge.recognition.policy import Moment
from edge.recognition.sync import Sync
from edge.verdict import Reply
from tests.edge.bad_server import Handler, Misbehave, bad_server

NETWORK = Network("tiny", "a" * 64, "arcface/1", 4, 0.5)


def vector(seed: int) -> Vector:
    values = np.random.default_rng(seed).normal(size=4)
    return np.asarray(values / np.linalg.norm(values), np.float32)


def coded(values: npt.ArrayLike) -> str:
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode()


def face(face_id: int, user_id: str, /, **more: Any) -> dict[str, Any]:
    whole = {"seq": face_id, "face_id": face_id, "user_id": user_id, "name": user_id.title()}
    return {**whole, "embedding": coded(vector(face_id)), **more}


def page(*faces: Any, **more: Any) -> dict[str, Any]:
    network = {"name": "tiny", "sha256": "a" * 64, "dimensions": 4, "threshold": 0.49}
    whole = {"network": network, "complete": True, "faces": list(faces), "deleted": []}
    return {**whole, "next_after": "c1", "reset": False, "pending": 0, **more}


class FakeServer:
    """Answers with `answers` one after another, then with the last again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[str | None]()

    def page(self, network_sha256: str, after: str | None, request_id: str) -> Reply | str:
        assert network_sha256 == NETWORK.sha256
        self.asked.append(after)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, dict):
            return Reply.of(200, {}, json.dumps({"request_id": request_id, **answer}).encode())
        return answer(request_id) if callable(answer) else answer  # type: ignore[no-any-return]


class Clocks:
    """Both clocks of one start of the machine."""

    def __init__(self) -> None:
        self.wall, self.running, self.boot = 1_700_000_000.0, 100.0, "one"

    def __call__(self) -> Moment:
        return Moment(self.wall, self.boot, self.running)

    def pass_(self, seconds: float) -> None:
        self.wall, self.running = self.wall + seconds, self.running + seconds


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    one = Gallery(tmp_path)
    yield one
    one.close()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def synced(gallery: Gallery, clocks: Clocks, *answers: Any) -> tuple[Sync, FakeServer]:
    server = FakeServer(*answers)
    sync = Sync(gallery, server, NETWORK, lambda: None, seconds=60, now=clocks)
    return sync, server


def known(gallery: Gallery) -> list[str]:
    return [one.user_id for one in gallery.roster(NETWORK).people]


def age(sync: Sync) -> float:
    return sync.age(clock_is_right=False)


def error(status: int, code: str, reason: str | None = None) -> Callable[[str], Reply]:
    def answer(request_id: str) -> Reply:
        said = {"code": code, "details": {"reason": reason} if reason else {}}
        body = {"error": said, "request_id": request_id}
        return Reply.of(status, {}, json.dumps(body).encode())

    return answer


def test_every_page_is_taken_and_then_only_what_is_new(gallery: Gallery, clocks: Clocks) -> None:
    first = page(face(1, "anna"), complete=False, next_after="c1")
    second = page(face(2, "bert"), next_after="c2", pending=3)
    sync, server = synced(gallery, clocks, first, second, page(deleted=[1], next_after="c3"))
    assert sync.step() == 60
    assert known(gallery) == ["anna", "bert"]
    assert (sync.status.problem, sync.status.pending) == (None, 3)
    assert sync.status.server_threshold == 0.49
    sync.step()
    assert known(gallery) == ["bert"]
    sync.step()
    assert server.asked == [None, "c1", "c2", "c3"]


def test_it_is_confirmed_by_a_complete_page_only(gallery: Gallery, clocks: Clocks) -> None:
    sync, _ = synced(gallery, clocks, page(face(1, "anna"), complete=False), "away", page())
    sync.step()
    assert known(gallery) == ["anna"], "what came is kept"
    assert age(sync) == float("inf")
    assert sync.status.problem == "away"
    sync.step()
    clocks.pass_(30)
    assert age(sync) == 30


def test_its_age_is_that_of_the_question(gallery: Gallery, clocks: Clocks) -> None:
    def slow(request_id: str) -> Reply:
        clocks.pass_(7)
        return Reply.of(200, {}, json.dumps({"request_id": request_id, **page()}).encode())

    sync, _ = synced(gallery, clocks, slow)
    sync.step()
    assert age(sync) == 7


def reply_of(body: Any, status: int = 200) -> Callable[[str], Reply]:
    def answer(request_id: str) -> Reply:
        said = body(request_id) if callable(body) else body
        return Reply.of(status, {}, said if isinstance(said, bytes) else json.dumps(said).encode())

    return answer


def told(**more: Any) -> Callable[[str], Reply]:
    return reply_of(lambda request_id: {"request_id": request_id, **page(deleted=[1]), **more})


FOREIGN: dict[str, Any] = {
    "captive portal": reply_of(b"<html>Accept our terms</html>"),
    "empty": reply_of(b""),
    "a list": reply_of([1, 2]),
    "to another question": told(request_id="another"),
    "of another network": told(network={"sha256": "b" * 64, "dimensions": 4, "threshold": 0.5}),
    "of other dimensions": told(network={"sha256": "a" * 64, "dimensions": 8, "threshold": 0.5}),
    "of no network": told(network=None),
    "no faces": told(faces=None),
    "faces as text": told(faces="anna"),
    "deleted as text": told(deleted=["1"]),
    "deleted as flags": told(deleted=[True]),
    "deleted as fractions": told(deleted=[1.0]),
    "deleted beyond numbers": told(deleted=[2**63]),
    "complete as text": told(complete="true"),
    "complete as a number": told(complete=1),
    "reset as text": told(reset="false"),
    "no cursor": told(next_after=None),
    "a cursor as a number": told(next_after=7),
    "an endless cursor": told(next_after="x" * 100_000),
    "no pending": told(pending=None),
    "a negative pending": told(pending=-1),
    "201": reply_of(lambda request_id: {"request_id": request_id, **page(deleted=[1])}, 201),
    "a proxy": reply_of(b"Bad Gateway", 502),
    "words": "the server cannot be reached",
    "an error": error(503, "not_ready"),
}


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_what_is_no_answer_changes_nothing(gallery: Gallery, clocks: Clocks, name: str) -> None:
    sync, server = synced(gallery, clocks, page(face(1, "anna")), FOREIGN[name], page())
    sync.step()
    clocks.pass_(100)
    assert sync.step() >= 0.5
    assert known(gallery) == ["anna"]
    assert (gallery.cursor(NETWORK), age(sync)) == ("c1", 100)
    assert sync.status.problem is not None
    sync.step()
    assert age(sync) == 0
    assert server.asked == [None, "c1", "c1"]


DAMAGED: dict[str, Any] = {
    "no object": 7,
    "no number": face(1, "anna", face_id="1"),
    "no user": face(1, "anna", user_id=None),
    "no user_id": face(1, "anna", user_id="../anna"),
    "half a character": face(1, "anna", user_id="a\ud800b"),
    "a name of numbers": face(1, "anna", name=7),
    "no base64": face(1, "anna", embedding="!!!!"),
    "no ascii": face(1, "anna", embedding="ä"),
    "too short": face(1, "anna", embedding=coded(vector(1)[:3])),
    "a list": face(1, "anna", embedding=[1, 2, 3, 4]),
    "zeros": face(1, "anna", embedding=coded(np.zeros(4))),
    "no numbers": face(1, "anna", embedding=coded(np.full(4, np.nan))),
    "infinite": face(1, "anna", embedding=coded(np.full(4, np.inf))),
}


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_a_damaged_face_is_left_out_and_deletions_are_done(
    gallery: Gallery, clocks: Clocks, name: str
) -> None:
    broken = page(DAMAGED[name], face(3, "carl"), deleted=[2], next_after="c2")
    sync, _ = synced(gallery, clocks, page(face(2, "bert")), broken)
    sync.step()
    sync.step()
    assert known(gallery) == ["carl"]
    assert (sync.status.problem, sync.status.damaged) == (None, 1)


def test_a_face_without_an_embedding_is_waited_for(gallery: Gallery, clocks: Clocks) -> None:
    pages = page(face(1, "anna", embedding=None), pending=1), page(face(1, "anna"))
    sync, _ = synced(gallery, clocks, *pages)
    sync.step()
    assert (known(gallery), sync.status.damaged, sync.status.pending) == ([], 0, 1)
    sync.step()
    assert known(gallery) == ["anna"]


def test_what_is_added_and_deleted_at_once_is_deleted(gallery: Gallery, clocks: Clocks) -> None:
    sync, _ = synced(gallery, clocks, page(face(1, "anna"), deleted=[1]))
    sync.step()
    assert known(gallery) == []


def test_a_name_that_is_half_a_character_is_kept_as_it_can_be(
    gallery: Gallery, clocks: Clocks
) -> None:
    sync, _ = synced(gallery, clocks, page(face(1, "anna", name="A\ud800" + "x" * 500)))
    sync.step()
    (person,) = gallery.roster(NETWORK).people
    assert person.name is not None
    assert person.name.startswith("A?xx")
    assert len(person.name) == 200


def test_a_reset_begins_again_and_is_not_confirmed_before_its_end(
    gallery: Gallery, clocks: Clocks
) -> None:
    gallery.register("dora", None, [vector(9)], NETWORK, 0.0)
    reset = page(face(5, "eve"), reset=True, next_after="c9")
    again = page(face(2, "bert"), reset=True, complete=False, next_after="c1")
    sync, server = synced(gallery, clocks, page(face(1, "anna")), reset, again, "away", page())
    sync.step()
    sync.step()
    assert known(gallery) == ["dora", "bert"]
    assert age(sync) == float("inf")
    sync.step()
    assert server.asked == [None, "c1", None, "c1", "c1"]
    assert age(sync) == 0


def test_a_server_that_only_resets_is_not_asked_for_ever(gallery: Gallery, clocks: Clocks) -> None:
    sync, server = synced(gallery, clocks, page(reset=True, complete=False))
    assert sync.step() > 0
    assert sync.status.problem == "the server's gallery begins again and again"
    assert len(server.asked) < 10
    assert age(sync) == float("inf")


def test_a_server_that_repeats_itself_is_not_asked_for_ever(
    gallery: Gallery, clocks: Clocks
) -> None:
    sync, server = synced(gallery, clocks, page(face(1, "anna"), complete=False))
    sync.step()
    assert server.asked == [None, "c1"]
    assert sync.status.problem == "the server's gallery does not go on"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (error(409, "network_not_served"), "network_not_served"),
        (error(403, "forbidden"), "forbidden"),
        (error(404, "not_found"), "not_found"),
    ],
)
def test_why_there_is_no_gallery_is_said(
    gallery: Gallery, clocks: Clocks, answer: Any, word: str
) -> None:
    sync, _ = synced(gallery, clocks, answer)
    sync.step()
    assert word in (sync.status.problem or "")


@pytest.mark.parametrize(
    "answer",
    [
        error(403, "forbidden", "inactive"),
        error(403, "forbidden", "gallery_not_allowed"),
        error(401, "unauthorized"),
        error(400, "invalid_parameter"),  # the place to go on from
    ],
)
@pytest.mark.parametrize("disk_is_full", [False, True])
def test_a_device_that_may_hold_nobody_forgets(
    gallery: Gallery, clocks: Clocks, answer: Any, disk_is_full: bool, tmp_path: Path
) -> None:
    gallery.register("dora", None, [vector(9)], NETWORK, 0.0)
    rosters = list[list[str]]()
    server = FakeServer(page(face(1, "anna")), answer)

    def changed() -> None:
        rosters.append(known(gallery))

    sync = Sync(gallery, server, NETWORK, changed, seconds=60, now=clocks)
    sync.step()
    secret = gallery.roster(NETWORK).matrix[1].tobytes()
    gallery._database.execute(f"PRAGMA query_only={int(disk_is_full)}")
    sync.step()
    assert rosters[-1] == ["dora"]
    assert sync.status.problem is not None
    assert age(sync) == float("inf")
    gallery._database.execute("PRAGMA query_only=0")
    sync.step()
    # A server that refuses a place as none of its own has forgotten nobody: it is asked for all.
    assert server.asked[1] == "c1"
    sync.step()
    assert server.asked[-1] is None
    assert gallery.cursor(NETWORK) is None
    assert secret not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_device_that_may_hold_the_gallery_again_gets_all_of_it(
    gallery: Gallery, clocks: Clocks
) -> None:
    barred = error(403, "forbidden", "gallery_not_allowed")
    sync, server = synced(gallery, clocks, page(face(1, "anna")), barred, page(face(2, "bert")))
    sync.step()
    gallery._database.execute("PRAGMA query_only=1")
    sync.step()
    gallery._database.execute("PRAGMA query_only=0")
    sync.step()
    assert server.asked == [None, "c1", None]
    assert known(gallery) == ["bert"]


@pytest.mark.parametrize(
    "answer",
    [
        error(403, "forbidden"),
        error(404, "not_found"),
        error(500, "internal"),
        reply_of(b"<html>Log in</html>", 401),
        reply_of({"error": {"code": "unauthorized"}, "request_id": "another"}, 401),
        reply_of(lambda own: {"error": "unauthorized", "request_id": own}, 401),
    ],
)
def test_no_other_refusal_makes_it_forget(gallery: Gallery, clocks: Clocks, answer: Any) -> None:
    sync, _ = synced(gallery, clocks, page(face(1, "anna")), answer)
    sync.step()
    sync.step()
    assert known(gallery) == ["anna"]
    assert gallery.cursor(NETWORK) == "c1"


def test_a_busy_server_says_when(gallery: Gallery, clocks: Clocks) -> None:
    headers = {"retry-after": "120"}
    said = {"error": {"code": "busy"}}
    sync, _ = synced(
        gallery,
        clocks,
        lambda own: Reply.of(503, headers, json.dumps({**said, "request_id": own}).encode()),
    )
    assert sync.step() >= 120


def test_it_is_asked_later_and_later_but_never_much(gallery: Gallery, clocks: Clocks) -> None:
    sync, _ = synced(gallery, clocks, "away")
    pauses = [sync.step() for _ in range(30)]
    assert all(5 <= pause <= 60 for pause in pauses)


def test_a_full_gallery_says_so_and_deletes_all_the_same(tmp_path: Path, clocks: Clocks) -> None:
    with closing(Gallery(tmp_path, Bounds(people=2, faces=9))) as gallery:
        more = page(face(3, "carl"), face(4, "dora"), deleted=[1], next_after="c2")
        sync, _ = synced(gallery, clocks, page(face(1, "anna"), face(2, "bert")), more)
        sync.step()
        sync.step()
        assert known(gallery) == ["bert"]
        assert sync.status.problem == "the gallery holds 2 people at most"
        assert gallery.cursor(NETWORK) == "c1"


def test_what_the_disk_did_not_take_is_asked_for_again(
    gallery: Gallery, clocks: Clocks, tmp_path: Path
) -> None:
    rosters = list[list[str]]()
    server = FakeServer(page(face(1, "anna"), face(2, "bert")), page(deleted=[1], next_after="c2"))

    def changed() -> None:
        rosters.append(known(gallery))

    sync = Sync(gallery, server, NETWORK, changed, seconds=60, now=clocks)
    sync.step()
    gallery._database.execute("PRAGMA query_only=ON")
    clocks.pass_(10)
    sync.step()
    assert rosters[-1] == ["bert"], "who was deleted is let in no more all the same"
    assert "cannot be written" in (sync.status.problem or "")
    assert age(sync) == 10
    gallery._database.execute("PRAGMA query_only=OFF")
    sync.step()
    assert (server.asked, age(sync)) == ([None, "c1", "c1"], 0)
    with sqlite3.connect(tmp_path / "gallery.sqlite3") as other:
        assert other.execute("SELECT user_id FROM people").fetchall() == [("bert",)]
    other.close()


def test_a_roster_that_could_not_be_made_is_made_later(gallery: Gallery, clocks: Clocks) -> None:
    fails = iter([True, False])
    made = list[bool]()

    def changed() -> None:
        if next(fails):
            raise sqlite3.OperationalError("disk I/O error")
        made.append(True)

    server = FakeServer(page(face(1, "anna")), page(next_after="c2"))
    sync = Sync(gallery, server, NETWORK, changed, seconds=60, now=clocks)
    sync.step()
    assert sync.status.problem
    sync.step()
    assert made == [True]


def test_its_age_goes_on_through_restarts_with_a_clock_set_back(
    gallery: Gallery, clocks: Clocks
) -> None:
    sync, _ = synced(gallery, clocks, page(face(1, "anna")), "away")
    sync.step()
    began = clocks.wall
    clocks.pass_(5000)
    sync.step()
    clocks.boot, clocks.running, clocks.wall = "two", 1.0, began + 4000  # no clock of its own
    again, _ = synced(gallery, clocks, "away")
    assert age(again) == float("inf"), "the clock is before what it was when it was noted"
    clocks.wall = began + 5000
    assert age(again) == 5000
    clocks.pass_(700)
    again.step()
    assert age(again) == 5700


def test_stopping_ends_a_round_between_two_pages(gallery: Gallery, clocks: Clocks) -> None:
    server = FakeServer(page(face(1, "anna"), complete=False), page(face(2, "bert")))
    sync = Sync(gallery, server, NETWORK, lambda: None, seconds=60, now=clocks)
    sync.stop()
    sync.step()
    assert server.asked == []


def test_the_thread_asks_until_it_is_stopped(gallery: Gallery) -> None:
    asked, server = threading.Semaphore(0), FakeServer(page(face(1, "anna")))
    sync = Sync(gallery, server, NETWORK, asked.release, seconds=3600)
    sync.start()
    assert asked.acquire(timeout=60)
    sync.soon()
    assert asked.acquire(timeout=60), "at once, not in an hour"
    sync.stop()
    assert known(gallery) == ["anna"]


# Over HTTP.


def ask(misbehave: Misbehave) -> tuple[Reply | str, list[str], list[dict[str, str]]]:
    with bad_server(misbehave) as server:
        with closing(GalleryClient(server.settings(1.0))) as client:
            told = client.page("a" * 64, "a b&c=d/é", "r1")
        return told, server.asked, server.headers


def test_it_asks_for_what_comes_after() -> None:
    told, asked, headers = ask(lambda own: own.json(200, {"request_id": own.event_id}))
    assert isinstance(told, Reply)
    assert told.json == {"request_id": "r1"}
    (line,) = asked
    place = urlsplit(line.removeprefix("GET "))
    assert place.path == "/devices/door-1/gallery"
    assert parse_qs(place.query) == {"network": ["a" * 64], "after": ["a b&c=d/é"]}
    assert headers[0]["X-API-Key"] == "knl_x_y"


def hang(own: Handler) -> None:
    own.server.stopped.wait(30)
    own.hang_up()


def break_off(own: Handler) -> None:
    own.send_response(200)
    own.send_header("Content-Length", "5000")
    own.end_headers()
    own.wfile.write(b'{"complete": true,')
    own.hang_up()


@pytest.mark.parametrize(
    "misbehave",
    [
        hang,
        break_off,
        lambda own: own.hang_up(),
        lambda own: own.reply(200, b" " * (33 << 20)),
        lambda own: own.reply(200, b"no gzip", {"Content-Encoding": "gzip"}),
    ],
)
def test_no_answer_is_words_without_an_address(misbehave: Misbehave) -> None:
    told, _, _ = ask(misbehave)
    assert isinstance(told, str)
    assert "127.0.0.1" not in told
    assert "knl_" not in told


def test_redirects_are_not_followed() -> None:
    with bad_server(lambda own: own.json(200, {})) as elsewhere:
        told, _, _ = ask(lambda own: own.reply(302, b"", {"Location": elsewhere.url}))
        assert elsewhere.asked == []
    assert isinstance(told, Reply)
    assert told.status == 302
