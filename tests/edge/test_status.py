"""How the door is, for the page and the broker; and a gallery that another process changes."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from edge.active import active_in, key_in
from edge.facts import Facts
from edge.following import Following, SharedGallery
from edge.heartbeat import Heartbeat
from edge.local_parts import ByLandmarks, Local, circumstances_of
from edge.outbox import Event
from edge.recognition.gallery import Gallery
from edge.recognition.local import LocalRecognizer
from edge.recognition.policy import Circumstances
from edge.recognition.sync import Sync
from edge.registering.stored import GalleryStore
from edge.sections import Config, RecognitionSettings, ServerSettings
from edge.sender import Sender
from edge.sending import Connection
from edge.status import Reporter, Status
from edge.types import Camera
from edge.verdict import Kind, Reply, Verdict
from tests.edge.agent_kit import AWAY, FakeServer, event, outbox_in, visit
from tests.edge.sights import face, frame
from tests.edge.test_local_door import ADA, BOB, NETWORK
from tests.edge.test_recognition_local import FakeEmbedder

CONFIG = Config(
    server=ServerSettings(url="http://127.0.0.1:9", device_id="door-1"),
    recognition=RecognitionSettings(mode="local"),
)


class FakeCamera:
    def __init__(self) -> None:
        self.word = "ok"

    def status(self) -> str:
        return self.word


class FakeMqtt:
    def __init__(self) -> None:
        self.problem: str | None = None
        self.said: list[tuple[str, str]] = []
        self.is_broken = False

    def state(self, name: str, word: str) -> None:
        if self.is_broken:
            raise OSError("no broker")
        self.said.append((name, word))


class Beating:
    """Answers heartbeats as told."""

    def __init__(self) -> None:
        self.is_there, self.is_active = True, True

    def heartbeat(self, _body: object, request_id: str) -> Reply | str:
        told = {
            "request_id": request_id,
            "server_time": "2023-11-14T22:13:20Z",
            "fresh_seconds": 10,
            "heartbeat_seconds": 30,
            "active": self.is_active,
        }
        return Reply(200, None, told) if self.is_there else "the server cannot be reached"


class Parts:
    """A door's parts, at work or not as told."""

    def __init__(self, folder: Path) -> None:
        self.camera, self.mqtt, self.server = FakeCamera(), FakeMqtt(), Beating()
        self.outbox, self.facts = outbox_in(folder), Facts(10.0)
        self.answer: Verdict = AWAY
        self.key = key_in(folder, CONFIG.server)
        sender = Sender(self.outbox, FakeServer(self._answer), self.facts, lambda: None)
        beats = Heartbeat(
            self.server,
            self.facts,
            lambda: self.connection.waiting() or 0,
            sender.server_answers,
            wall=lambda: 1_700_000_000.0,
        )
        self.connection = Connection(sender, self.outbox, beats, self.facts, self.key)

    def status(self, local: Local | None = None, now: Circumstances | None = None) -> Status:
        circumstances = None if now is None else lambda: now
        return Status(
            CONFIG,
            cast(Camera, self.camera),
            self.connection,
            local,
            circumstances,
            cast(Any, self.mqtt),
        )

    def rows(self, *given: Any) -> dict[str, tuple[str, bool]]:
        return {name: (word, is_bad) for name, word, is_bad in self.status(*given).rows()}

    def _answer(self, _event: Event) -> Verdict:
        return self.answer


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path)
    yield made
    made.outbox.close()


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[SharedGallery]:
    own = SharedGallery(tmp_path)
    yield own
    own.close()


def local_with(gallery: SharedGallery, sync: Sync | None = None) -> Local:
    embedder, known = FakeEmbedder(ADA), gallery.version()
    embedder.network = NETWORK
    recognizer = LocalRecognizer(embedder, gallery)
    following = Following(gallery.version, recognizer.refresh, known)
    store = GalleryStore(gallery, NETWORK)
    return Local(gallery, recognizer, store, ByLandmarks(embedder, 0.5), sync, following)


def test_a_door_that_is_well(parts: Parts) -> None:
    parts.connection.beats.beat()
    assert parts.rows() == {
        "camera": ("ok", False),
        "recognizes": ("this device", False),
        "server": ("ok", False),
        "waiting to be sent": ("0", False),
        "clock": ("+0.0 s", False),
        "broker": ("ok", False),
    }
    assert parts.connection.answers()


def test_what_is_wrong_stands_there(parts: Parts) -> None:
    parts.camera.word, parts.mqtt.problem, parts.server.is_there = "lost", "away", False
    parts.connection.beats.beat()
    parts.outbox.add(event())
    rows = parts.rows()
    assert rows["camera"] == ("lost", True)
    assert rows["server"] == ("the server cannot be reached", True)
    assert rows["waiting to be sent"] == ("1", True)
    assert rows["broker"] == ("away", True)


def test_a_queue_that_cannot_be_read_is_said_and_does_not_end_the_heartbeats(
    parts: Parts,
) -> None:
    parts.outbox.close()
    assert parts.rows()["waiting to be sent"] == ("the queue cannot be read", True)
    assert parts.status().words()["queue"] == "unreadable"
    parts.server.is_there = False
    parts.connection.beats.beat()
    assert not parts.connection.answers(), "and whether the server is there is still noticed"


def test_that_the_server_is_away_is_noticed_by_heartbeats_and_by_events(parts: Parts) -> None:
    assert not parts.connection.answers(), "nothing was heard of it yet"
    parts.connection.beats.beat()
    assert parts.connection.answers()
    parts.connection.sender.offer(visit(captured_monotonic=1e9))
    parts.connection.sender.step_live()
    assert not parts.connection.answers(), "an event was not answered"
    parts.connection.beats.beat()
    assert parts.connection.answers()
    parts.server.is_there = False
    parts.connection.beats.beat()
    assert not parts.connection.answers()


def test_that_only_events_are_refused_is_said_too(parts: Parts) -> None:
    parts.connection.beats.beat()
    parts.answer = Verdict(Kind.LOCKED_OUT, "forbidden", 403)
    parts.connection.sender.offer(visit(captured_monotonic=1e9))
    parts.connection.sender.step_live()
    assert parts.rows()["server"] == ("events are refused: forbidden", True)
    assert parts.status().words()["server"] == "events are refused: forbidden"
    assert parts.rows()["waiting to be sent"] == ("1", True)


def test_a_key_that_is_refused_stands_there_whatever_else_does(parts: Parts) -> None:
    parts.key.heard(False)
    refused = "nothing opens: the server refused server.key; make a fresh key"
    for is_there, before in ((False, "the server cannot be reached; "), (True, "")):
        parts.server.is_there = is_there
        parts.connection.beats.beat()
        word, is_bad = parts.rows()["server"]
        assert word.startswith(before + refused)
        assert is_bad
        assert parts.status().words()["server"] == word
        assert len(word) <= 255, "Home Assistant takes no more"
    parts.key.heard(True)
    assert parts.rows()["server"] == ("ok", False)


def test_the_circumstances_are_those_of_the_moment(
    parts: Parts, gallery: SharedGallery, tmp_path: Path
) -> None:
    active, local = active_in(tmp_path), local_with(gallery)
    answers = parts.connection.answers
    now = circumstances_of(CONFIG, local, parts.facts, answers, active=active, key=parts.key)
    assert now() == Circumstances(True, True, False, float("inf"))
    parts.connection.beats.beat()
    active.heard(False)
    assert now() == Circumstances(False, True, True, float("inf"))
    parts.key.heard(False)
    assert now() == Circumstances(False, False, True, float("inf"))
    alone = replace(CONFIG, server=ServerSettings())
    assert circumstances_of(
        alone, local, parts.facts, lambda: False, active=active, key=None
    )().server_answers


class NoEndpoint:
    """A server that is older than galleries of devices."""

    def page(self, _sha256: str, _after: str | None, request_id: str) -> Reply:
        told = {"error": {"code": "not_found", "message": "…"}, "request_id": request_id}
        return Reply(404, None, told)


def test_a_server_without_galleries_is_said(parts: Parts, gallery: SharedGallery) -> None:
    sync = Sync(gallery, NoEndpoint(), NETWORK, lambda: None, seconds=60)
    sync.step()
    rows = parts.rows(local_with(gallery, sync), Circumstances(True, True, True, float("inf")))
    assert rows["people"] == ("0", True)
    assert rows["gallery"] == ("not_found", True)


@pytest.mark.parametrize(
    ("hours", "word", "is_bad"),
    [
        (0.01, "as the server has it", False),
        (5.0, "confirmed 5.0 h ago", False),
        (73.0, "confirmed 73.0 h ago", True),
    ],
)
def test_how_old_the_gallery_is(
    parts: Parts, gallery: SharedGallery, hours: float, word: str, is_bad: bool
) -> None:
    gallery.register("ada", "Ada", [ADA], NETWORK, 0.0)
    sync = Sync(gallery, NoEndpoint(), NETWORK, lambda: None, seconds=60)
    object.__setattr__(sync, "_status", replace(sync.status, problem=None))
    rows = parts.rows(local_with(gallery, sync), Circumstances(True, True, True, hours * 3600))
    assert rows["gallery"] == (word, is_bad)
    assert rows["people"] == ("1", False)


def test_the_broker_is_told_what_changed_and_nothing_else(parts: Parts) -> None:
    reporter = Reporter(parts.status())
    for _ in range(3):
        reporter.step()
    assert parts.mqtt.said == [
        ("camera", "ok"),
        ("server", "not heard of the server yet"),
        ("queue", "0"),
    ]
    parts.camera.word = "lost"
    reporter.step()
    reporter.step()
    assert parts.mqtt.said[3:] == [("camera", "lost")]


def test_a_broker_that_fails_is_told_later_and_in_the_log_once(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    reporter, parts.mqtt.is_broken = Reporter(parts.status()), True
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            reporter.step()
    assert len(caplog.records) == 1
    parts.mqtt.is_broken = False
    reporter.step()
    assert ("camera", "ok") in parts.mqtt.said


def test_the_reporter_ends_when_it_is_told(parts: Parts) -> None:
    reporter = Reporter(parts.status())
    reporter.start()
    reporter.stop()
    assert "reporter" not in [one.name for one in threading.enumerate()]


def test_who_is_registered_and_deleted_by_another_process_is_noticed(
    parts: Parts, gallery: SharedGallery, tmp_path: Path
) -> None:
    local = local_with(gallery)
    reporter = Reporter(parts.status(local))
    with closing(Gallery(tmp_path)) as other:
        other.register("ada", "Ada", [ADA], NETWORK, 0.0)
        assert known(local) is None, "nobody looked yet"
        reporter.step()
        assert known(local) == "Ada"
        other.delete("ada")
        reporter.step()
        assert known(local) is None


def test_what_comes_between_the_first_look_and_the_first_reading_is_news(
    gallery: SharedGallery, tmp_path: Path
) -> None:
    version, taken = gallery.version(), list[int]()
    with closing(Gallery(tmp_path)) as other:
        other.register("ada", "Ada", [ADA], NETWORK, 0.0)
    following = Following(gallery.version, lambda: taken.append(1), version)
    following.step()
    following.step()
    assert taken == [1]


def test_what_this_process_does_itself_is_no_news(gallery: SharedGallery) -> None:
    taken = list[int]()
    following = Following(gallery.version, lambda: taken.append(1), gallery.version())
    gallery.register("bob", "Bob", [BOB], NETWORK, 0.0)
    following.step()
    assert taken == []


def test_a_gallery_that_cannot_be_taken_over_is_tried_again(
    parts: Parts, gallery: SharedGallery, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    local, fails = local_with(gallery), [True, True]

    def refresh() -> None:
        if fails and fails.pop():
            raise sqlite3.OperationalError("disk I/O error")
        local.recognizer.refresh()

    following = Following(gallery.version, refresh, gallery.version())
    reporter = Reporter(parts.status(replace(local, following=following)))
    with closing(Gallery(tmp_path)) as other:
        other.register("ada", "Ada", [ADA], NETWORK, 0.0)
    for _ in range(3):
        reporter.step()
    assert known(local) == "Ada"
    assert len([one for one in caplog.records if "gallery" in one.message]) == 1
    assert ("camera", "ok") in parts.mqtt.said, "and the broker was told all the while"


def known(local: Local) -> str | None:
    return local.recognizer.recognize(frame(0), face()).name
