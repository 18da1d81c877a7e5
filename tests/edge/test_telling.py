"""Who is told what became of a face."""

from dataclasses import replace

import pytest

from edge.board import Board, Kind, Label
from edge.entry import Entry
from edge.mqtt.messages import Happened
from edge.outbox import Event
from edge.recognition.policy import Ruling
from edge.telling import Teller
from edge.types import Frame, Recognition, Track
from edge.verdict import Kind as Outcome
from edge.verdict import Verdict
from tests.edge.agent_kit import AWAY, FACE, Clock, visit

ADA = Verdict(
    Outcome.TAKEN, "match", 201, grant=True, user_id="1042", name="Ada Lovelace", similarity=0.9
)
KNOWN = Recognition("match", "1042", "Ada Lovelace", 0.9, 0.5)
NOBODY = Recognition("no_match", None, None, 0.2, 0.5)
TRACK = 1  # of `agent_kit.visit`


class FakeLamps:
    def __init__(self) -> None:
        self.shown: list[str] = []

    def granted(self) -> None:
        self.shown.append("green")

    def refused(self) -> None:
        self.shown.append("red")


class Told:
    """A teller, and what everybody was told."""

    def __init__(self) -> None:
        self.clock, self.board, self.lamps = Clock(), Board(), FakeLamps()
        self.published: list[Happened] = []
        self.teller = Teller(self.board, self.lamps, self.published.append, clock=self.clock)

    def label(self, track_id: int = TRACK) -> Label | None:
        frame = visit().frame
        self.board.show(Frame(frame.image, 1, 0.0, 0.0), [Track(track_id, FACE, 1, 0.0)])
        scene = self.board.scene()
        assert scene is not None
        return scene.labels.get(track_id)


def event(name: str) -> Event:
    return Event(name, 1_700_000_000.0, "", b"a picture")


def test_who_is_asked_about_has_the_name_of_the_profile_once_it_is_known() -> None:
    told = Told()
    told.teller.asked("a", visit())
    assert told.label() == Label(Kind.ASKED, "asking")
    told.teller.answered(event("a"), ADA, Entry.OPENED)
    assert told.label() == Label(Kind.KNOWN, "Ada Lovelace", 0.9)
    assert told.lamps.shown == ["green"]
    assert told.published == [
        Happened("a", "match", "1042", 0.9, True, 1_700_000_000.0, granted=True)
    ]
    (happening,) = told.board.happenings()
    assert (happening.label.text, happening.opened) == ("Ada Lovelace", True)


def test_who_has_no_name_is_called_by_the_user_id() -> None:
    told = Told()
    told.teller.asked("a", visit())
    told.teller.answered(event("a"), replace(ADA, name=None), Entry.OPENED)
    assert told.label() == Label(Kind.KNOWN, "1042", 0.9)


@pytest.mark.parametrize("word", ["no_match", "ambiguous"])
def test_a_name_without_a_match_is_told_to_nobody(word: str) -> None:
    told = Told()
    told.teller.asked("a", visit())
    told.teller.answered(event("a"), replace(ADA, word=word), Entry.SHUT)
    label = told.label()
    assert label is not None
    assert label.kind is Kind.UNKNOWN
    assert "Ada" not in label.text
    assert told.published[0].user_id is None
    assert told.lamps.shown == ["red"]


def test_a_late_answer_says_nothing_of_who_was_asked_about_since() -> None:
    told = Told()
    told.teller.asked("first", visit())
    told.teller.asked("second", visit())
    told.teller.answered(event("first"), ADA, Entry.SHUT)
    assert told.label() == Label(Kind.ASKED, "asking")
    assert [one.event_id for one in told.published] == ["first"], "but it happened"
    told.teller.answered(event("second"), replace(ADA, word="no_match"), Entry.SHUT)
    assert told.label() == Label(Kind.UNKNOWN, "unknown", 0.9)


def test_a_picture_that_was_refused_is_said_in_words() -> None:
    told = Told()
    told.teller.asked("a", visit())
    told.teller.answered(event("a"), Verdict(Outcome.REFUSED, "face_too_small", 422), Entry.SHUT)
    assert told.label() == Label(Kind.REFUSED, "come nearer")


def test_what_was_not_answered_is_no_news() -> None:
    told = Told()
    told.teller.asked("a", visit())
    told.teller.answered(event("a"), AWAY, Entry.SHUT)
    assert told.label() == Label(Kind.ASKED, "asking")
    assert told.published == []
    told.teller.answered(event("a"), ADA, Entry.OPENED)
    assert told.lamps.shown == ["green"]


def test_what_an_earlier_process_asked_is_told_to_nobody() -> None:
    told = Told()
    told.teller.answered(event("of yesterday"), ADA, Entry.SHUT)
    assert told.published == []
    assert told.lamps.shown == []
    assert told.board.happenings() == []


def test_no_lamp_for_who_has_gone_since() -> None:
    told = Told()
    told.teller.asked("a", visit())
    told.clock.now += 15.1
    told.teller.answered(event("a"), ADA, Entry.SHUT)
    assert told.lamps.shown == []
    assert len(told.published) == 1


def test_memory_is_bounded_and_the_newest_are_remembered() -> None:
    told = Told()
    for number in range(1000):
        told.teller.asked(str(number), replace(visit(), track_id=number))
    told.teller.answered(event("0"), ADA, Entry.SHUT)
    assert told.published == []
    told.teller.answered(event("999"), ADA, Entry.SHUT)
    assert told.label(999) == Label(Kind.KNOWN, "Ada Lovelace", 0.9)


@pytest.mark.parametrize(
    ("recognition", "ruling", "entry", "label", "lamp"),
    [
        (
            KNOWN,
            Ruling(True, False, "match"),
            Entry.OPENED,
            Label(Kind.KNOWN, "Ada Lovelace", 0.9),
            "green",
        ),
        (
            KNOWN,
            Ruling(True, False, "match"),
            Entry.NO_RELAY,
            Label(Kind.KNOWN, "Ada Lovelace", 0.9),
            "green",
        ),
        (
            KNOWN,
            Ruling(True, False, "match"),
            Entry.FAILED,
            Label(Kind.KNOWN, "Ada Lovelace", 0.9),
            "red",
        ),
        (
            NOBODY,
            Ruling(False, False, "no_match"),
            Entry.SHUT,
            Label(Kind.UNKNOWN, "unknown", 0.2),
            "red",
        ),
        (
            KNOWN,
            Ruling(False, False, "offline_denied"),
            Entry.SHUT,
            Label(Kind.REFUSED, "Ada Lovelace: not while the server is away", 0.9),
            "red",
        ),
        (
            KNOWN,
            Ruling(False, False, "key_refused"),
            Entry.SHUT,
            Label(Kind.REFUSED, "Ada Lovelace: the server refuses this door's key", 0.9),
            "red",
        ),
    ],
)
def test_what_the_device_decides_is_told_at_once(
    recognition: Recognition, ruling: Ruling, entry: Entry, label: Label, lamp: str
) -> None:
    told = Told()
    told.teller.ruled("a", visit(), recognition, ruling, entry)
    assert told.label() == label
    assert told.lamps.shown == [lamp]
    (happened,) = told.published
    assert happened.user_id == recognition.user_id
    assert happened.opened is (entry is Entry.OPENED)
    assert happened.granted is (entry is not Entry.SHUT)
    assert [one.opened for one in told.board.happenings()] == [happened.opened]


def test_without_lamps_and_broker_the_page_is_told() -> None:
    board = Board()
    Teller(board).ruled("a", visit(), KNOWN, Ruling(True, False, "match"), Entry.OPENED)
    assert [one.label.text for one in board.happenings()] == ["Ada Lovelace"]
