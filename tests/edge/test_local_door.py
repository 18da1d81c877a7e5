"""What a door does that decides by itself: who comes in, and what is kept of it."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.entry import Entry, OpenDoor
from edge.local_door import LocalDoor
from edge.outbox import Claim
from edge.recognition.gallery import Gallery
from edge.recognition.local import LocalRecognizer
from edge.recognition.network import Network, Vector
from edge.recognition.page import Page, SyncedFace
from edge.recognition.policy import Circumstances, Ruling
from edge.relay import Relay
from edge.sections import RecognitionSettings, RelaySettings
from edge.types import Face, Frame, Pixels, Recognition, Visit
from tests.edge.agent_kit import FACE, Clock, visit

NETWORK = Network("tiny", "a" * 64, "1", 4, 0.5)
HERE = Circumstances(True, True, True, 60.0)
AWAY = Circumstances(True, True, False, 60.0)
NOW = 1000.0


def axis(*weights: float) -> Vector:
    """A unit vector along the people of these numbers."""
    made = np.zeros(4, np.float32)
    made[: len(weights)] = weights
    return made / np.linalg.norm(made)


ADA, BOB, BOTH, STRANGER = axis(1), axis(0, 1), axis(1, 1), axis(0, 0, 0, 1)
NOTHING = np.zeros(4, np.float32)


class ByNumber:
    """Embeds a frame as the vector of its number."""

    network = NETWORK

    def __init__(self, vectors: Mapping[int, Vector]) -> None:
        self.vectors = dict(vectors)

    def embed(self, image: Pixels, face: Face) -> Vector:
        return self.vectors[int(image[0, 0, 0])]


class Everything:
    """A door, and all that happens at it in order."""

    def __init__(self, gallery: Gallery, *views: Vector, **settings: str | int) -> None:
        self.clock, self.now = Clock(NOW), HERE
        self.happened: list[str] = []
        self.claims: list[dict[str, str]] = []
        self.rulings: list[tuple[Recognition, Ruling, bool]] = []
        self.views = views
        self.gallery = gallery
        self.recognizer = LocalRecognizer(ByNumber(dict(enumerate(views))), gallery)
        self.seconds_of_disk, self.keeps, self.is_held = 0.0, True, False
        self.after_disk: Circumstances | None = None
        self.entries: list[Entry] = []
        self.pin: OpenDoor | None = lambda: self.happened.append("opened")
        self.settings = replace(RecognitionSettings(mode="local"), **settings)  # type: ignore[arg-type]

    def offer(self, visit: Visit, claim: Claim = (), *, is_held: bool = False) -> str:
        """As a sender keeps it."""
        self.happened.append("recorded")
        self.claims.append(dict(claim))
        self.is_held = is_held
        self.clock.now += self.seconds_of_disk
        self.now = self.after_disk or self.now
        return "event"

    def release(self, event_id: str, claim: Claim) -> None:
        """As a sender sends it: `claims` are what the server hears."""
        assert self.is_held, event_id
        self.is_held, self.claims[-1] = False, dict(claim)

    def ruled(
        self, event_id: str, _visit: Visit, told: Recognition, ruling: Ruling, entry: Entry
    ) -> None:
        assert not self.is_held, "it would never be sent"
        self.happened.append(f"told of {event_id}")
        self.entries.append(entry)
        self.rulings.append((told, ruling, entry is Entry.OPENED))

    def comes(self, age: float = 0.1) -> tuple[Recognition, Ruling, bool]:
        """Somebody whose pictures are the views; what was decided."""
        door = LocalDoor(
            self.recognizer,
            self.settings,
            self,
            circumstances=lambda: self.now,
            open_door=self.pin,
            ruled=self.ruled,
            fresh_seconds=10.0,
            clock=self.clock,
        )
        frames = [shot(number, NOW - age) for number in range(len(self.views))]
        seen = replace(visit(), frame=frames[0], views=tuple((one, FACE) for one in frames))
        event_id, decision = door.offer(seen)
        assert (event_id, decision) == ("event", self.rulings[-1][0].decision)
        return self.rulings[-1]


def shot(number: int, at: float) -> Frame:
    return Frame(np.full((4, 4, 3), number, np.uint8), number, 1_700_000_000.0, at)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Ada was registered here, Bob came from the server."""
    own = Gallery(tmp_path)
    own.register("ada", "Ada Lovelace", [ADA], NETWORK, 0.0)
    faces = (SyncedFace(1, "bob", "Bob", BOB),)
    page = Page(faces, frozenset(), "1", complete=True)
    own.apply(page, NETWORK, None, 0.0)
    yield own
    own.close()


def test_who_is_known_is_recorded_and_then_let_in(gallery: Gallery) -> None:
    door = Everything(gallery, ADA)
    told, ruling, opened = door.comes()
    assert (told.user_id, told.name, ruling.reason, opened) == (
        "ada",
        "Ada Lovelace",
        "match",
        True,
    )
    assert door.happened == ["recorded", "opened", "told of event"]
    assert door.claims == [
        {
            "device_decision": "match",
            "device_opened": "true",
            "device_similarity": "1.000000",
            "device_user_id": "ada",
        }
    ]


@pytest.mark.parametrize(
    ("who", "now", "offline", "reason"),
    [
        (STRANGER, HERE, "known", "no_match"),
        (BOTH, HERE, "known", "ambiguous"),
        (NOTHING, HERE, "known", "no_match"),
        (ADA, replace(HERE, is_active=False), "known", "inactive_device"),
        (ADA, replace(HERE, is_key_accepted=False), "known", "key_refused"),
        (BOB, replace(AWAY, is_key_accepted=False), "known", "key_refused"),
        (ADA, AWAY, "deny", "offline_denied"),
        (BOB, replace(HERE, gallery_age_seconds=73 * 3600), "known", "gallery_expired"),
        (BOB, replace(HERE, gallery_age_seconds=float("inf")), "known", "gallery_expired"),
        (BOB, replace(AWAY, gallery_age_seconds=float("nan")), "known", "gallery_expired"),
    ],
)
def test_who_does_not_come_in_is_recorded_all_the_same(
    gallery: Gallery, who: Vector, now: Circumstances, offline: str, reason: str
) -> None:
    door = Everything(gallery, who, offline=offline)
    door.now = now
    _, ruling, opened = door.comes()
    assert (ruling.reason, opened) == (reason, False)
    assert door.happened == ["recorded", "told of event"]
    (claim,) = door.claims
    assert claim["device_opened"] == "false"
    assert ("device_user_id" in claim) == (claim["device_decision"] == "match")


@pytest.mark.parametrize(("who", "age"), [(ADA, float("inf")), (BOB, 60.0)])
def test_while_the_server_is_away_the_policy_decides(
    gallery: Gallery, who: Vector, age: float
) -> None:
    door = Everything(gallery, who, offline="review")
    door.now = replace(AWAY, gallery_age_seconds=age)
    assert door.comes()[2]
    assert door.claims[0]["review"] == "true"


@pytest.mark.parametrize("age", [10.1, -0.1])
def test_a_picture_that_is_not_of_now_opens_nothing(gallery: Gallery, age: float) -> None:
    door = Everything(gallery, ADA)
    assert not door.comes(age=age)[2]
    assert door.claims[0]["device_opened"] == "false"


def test_a_disk_that_takes_its_time_opens_for_nobody_who_has_gone(gallery: Gallery) -> None:
    door = Everything(gallery, ADA)
    door.seconds_of_disk = 10.0
    assert not door.comes()[2]
    assert door.happened == ["recorded", "told of event"]
    assert door.claims[0]["device_opened"] == "false"


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (replace(HERE, is_key_accepted=False), "key_refused"),
        (replace(HERE, is_active=False), "inactive_device"),
        (replace(AWAY, is_key_accepted=False), "key_refused"),
    ],
)
def test_a_no_that_comes_while_the_disk_works_counts(
    gallery: Gallery, now: Circumstances, reason: str
) -> None:
    door = Everything(gallery, ADA, offline="known")
    door.after_disk = now
    told, ruling, opened = door.comes()
    assert (told.user_id, ruling.opens, ruling.reason, opened) == ("ada", False, reason, False)
    assert door.happened == ["recorded", "told of event"]
    assert door.claims[0]["device_opened"] == "false"


def test_several_views_that_agree_are_one_person(gallery: Gallery) -> None:
    door = Everything(gallery, axis(0.9, 0, 0.4), axis(0.9, 0.3), axis(1), votes=3)
    told, _, opened = door.comes()
    assert (told.user_id, opened) == ("ada", True)


@pytest.mark.parametrize(
    ("views", "decision"),
    [
        ((ADA, ADA), "no_match"),
        ((ADA, ADA, NOTHING), "no_match"),
        ((NOTHING, NOTHING, NOTHING), "no_match"),
        ((ADA, ADA, ADA, BOB), "ambiguous"),
        ((ADA, BOB, STRANGER), "ambiguous"),
    ],
)
def test_a_name_needs_every_vote_and_nobody_else_in_them(
    gallery: Gallery, views: tuple[Vector, ...], decision: str
) -> None:
    door = Everything(gallery, *views, votes=3)
    told, _, opened = door.comes()
    assert (told.decision, told.user_id, opened) == (decision, None, False)
    assert door.happened[0] == "recorded"


def test_a_pin_that_fails_is_said_and_recorded(gallery: Gallery) -> None:
    def stuck() -> None:
        raise OSError("the pin could not be switched")

    door = Everything(gallery, ADA)
    door.pin = stuck
    told, _, opened = door.comes()
    assert (told.user_id, opened) == ("ada", False)
    assert door.happened == ["recorded", "told of event"]
    assert door.entries == [Entry.FAILED]
    (claim,) = door.claims
    assert (claim["device_decision"], claim["device_opened"]) == ("match", "false")


def test_where_there_is_no_relay_nothing_is_said_to_have_opened(gallery: Gallery) -> None:
    door = Everything(gallery, ADA)
    door.pin = None
    _, ruling, opened = door.comes()
    assert (ruling.opens, opened, door.entries) == (True, False, [Entry.NO_RELAY])
    (claim,) = door.claims
    # What the server is told is who was let in: it keeps that, and has it looked at.
    assert (claim["device_decision"], claim["device_opened"]) == ("match", "true")


def test_who_cannot_be_recorded_does_not_come_in(gallery: Gallery) -> None:
    class Broken(Everything):
        def offer(self, visit: Visit, claim: Claim = (), *, is_held: bool = False) -> str:
            raise OSError("no record")

    door = Broken(gallery, ADA)
    with pytest.raises(OSError, match="no record"):
        door.comes()
    assert door.happened == []


def test_a_network_that_fails_is_nobody_and_loses_no_event(
    gallery: Gallery, caplog: pytest.LogCaptureFixture
) -> None:
    door = Everything(gallery, ADA)
    door.recognizer = LocalRecognizer(ByNumber({}), gallery)  # raises for every picture
    told, ruling, opened = door.comes()
    assert (told.decision, ruling.opens, opened) == ("no_match", False, False)
    assert door.claims[0] == {"device_decision": "no_match", "device_opened": "false"}
    assert "KeyError" in caplog.text


def test_whom_another_thread_deletes_meanwhile_has_no_name(gallery: Gallery) -> None:
    class Slow(LocalRecognizer):
        def source_of(self, user_id: str | None) -> str | None:
            gallery.delete("ada")
            self.refresh()
            return super().source_of(user_id)

    door = Everything(gallery, ADA)
    door.recognizer = Slow(ByNumber({0: ADA}), gallery)
    told, _, opened = door.comes()
    assert (told.decision, told.name, opened) == ("no_match", None, False)
    assert "device_user_id" not in door.claims[0]


def test_a_gallery_that_cannot_be_read_leaves_who_was_known(gallery: Gallery) -> None:
    door = Everything(gallery, ADA)
    gallery.close()
    with pytest.raises(sqlite3.Error):
        door.recognizer.refresh()
    assert door.comes()[2]


def test_a_real_pin_opens_and_closes(gallery: Gallery) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory  # type: ignore[import-not-found,unused-ignore]

    factory = MockFactory()
    pin = gpiozero.OutputDevice(17, initial_value=False, pin_factory=factory)
    settings = RelaySettings(pulse_ms=50, max_ms=100)
    relay = Relay(pin, settings.pulse_ms / 1000, settings.max_ms / 1000)
    try:
        door = Everything(gallery, ADA)
        door.pin = relay.pulse
        assert door.comes()[2]
        stranger = Everything(gallery, STRANGER)
        stranger.pin = relay.pulse
        assert not stranger.comes()[2]
    finally:
        relay.close()
        went_through = [bool(one.state) for one in factory.pin(17).states]
        factory.reset()
    assert went_through == [False, True, False]


@pytest.mark.parametrize(("answers", "opens"), [(True, True), (False, False)])
def test_a_full_disk_lets_nobody_in_whom_no_server_hears_of(
    gallery: Gallery, answers: bool, opens: bool
) -> None:
    door = Everything(gallery, ADA, offline="known")
    door.keeps, door.now = False, replace(HERE, server_answers=answers)
    _, ruling, opened = door.comes()
    assert opened is opens
    assert door.claims[0]["device_opened"] == ("true" if opens else "false")
    assert ruling.reason == ("match" if opens else "not_recorded")
