"""Tells everybody what became of a face: the live page, lamps and buzzer, the broker."""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from edge.board import Board, Happening, Kind, Label
from edge.entry import Entry
from edge.mqtt.messages import Happened
from edge.outbox import Event
from edge.recognition.policy import Ruling
from edge.types import Recognition, Visit
from edge.verdict import Kind as Outcome
from edge.verdict import Verdict

_REMEMBERED = 256
_NEWS_SECONDS = 15.0
_MATCH = "match"
_WORDS = {
    "no_match": "unknown",
    "ambiguous": "not sure who",
    "no_face": "no face to be seen",
    "face_too_small": "come nearer",
    "low_quality": "not clear enough",
    "gallery_expired": "the gallery is too old",
    "not_recorded": "the disk is full",
    "offline_denied": "not while the server is away",
    "key_refused": "the server refuses this door's key",
    "inactive_device": "this door is switched off",
}


class Lamps(Protocol):
    """Light and sound at the door."""

    def granted(self) -> None: ...
    def refused(self) -> None: ...


class Teller:
    """Thread-safe; nothing it tells is waited for."""

    def __init__(
        self,
        board: Board,
        lamps: Lamps | None = None,
        publish: Callable[[Happened], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is that of the frames."""
        self._clock = clock
        self._board, self._lamps, self._publish = board, lamps, publish
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[int, float]] = {}
        self._newest: dict[int, str] = {}  # the event of each track that was asked last

    def asked(self, event_id: str, visit: Visit) -> None:
        """The server is going to be asked who this is."""
        with self._lock:
            self._asked[event_id] = visit.track_id, visit.frame.captured_monotonic
            self._newest.pop(visit.track_id, None)
            self._newest[visit.track_id] = event_id
            _bound(self._asked)
            _bound(self._newest)
            # Whatever stood there was of an earlier look: it may be somebody else now.
            self._board.label(visit.track_id, Label(Kind.ASKED, "asking"))

    def answered(self, event: Event, verdict: Verdict, entry: Entry) -> None:
        """The server's answer, also to events of an earlier day: those are no news at the door."""
        if verdict.kind not in (Outcome.TAKEN, Outcome.REFUSED):
            return
        label = label_of(verdict.word, verdict.user_id, verdict.name, verdict.similarity)
        if verdict.kind is Outcome.REFUSED:
            label = Label(Kind.REFUSED, words_of(verdict.word))
        seen_at = self._labelled(event.event_id, label)
        if seen_at is None:
            return
        user_id = verdict.user_id if label.kind is Kind.KNOWN else None
        happened = Happened(
            *(event.event_id, verdict.word, user_id, verdict.similarity),
            *(entry is Entry.OPENED, event.captured_at, entry.is_granted),
        )
        is_news = self._clock() - seen_at <= _NEWS_SECONDS
        self._tell(label, happened, entry, is_news=is_news)

    def _labelled(self, event_id: str, label: Label) -> float | None:
        """When it was seen whose label that is; None where this process did not ask."""
        with self._lock:
            asked = self._asked.pop(event_id, None)
            if asked is None:
                return None
            track_id, seen_at = asked
            # Of two pictures of one track the later may be of somebody else.
            if self._newest.get(track_id) == event_id:
                self._board.label(track_id, label)
            return seen_at

    def ruled(
        self, event_id: str, visit: Visit, told: Recognition, ruling: Ruling, entry: Entry
    ) -> None:
        """This device's own decision."""
        label = label_of(told.decision, told.user_id, told.name, told.similarity)
        if label.kind is Kind.KNOWN and not ruling.opens:
            text = f"{label.text}: {words_of(ruling.reason)}"
            label = Label(Kind.REFUSED, text, label.similarity)
        user_id = told.user_id if told.decision == _MATCH else None
        happened = Happened(
            *(event_id, told.decision, user_id, told.similarity),
            *(entry is Entry.OPENED, visit.captured_at, entry.is_granted),
        )
        self._board.label(visit.track_id, label)
        self._tell(label, happened, entry, is_news=True)

    def _tell(self, label: Label, happened: Happened, entry: Entry, *, is_news: bool) -> None:
        self._board.happened(Happening(happened.captured_at, label, happened.opened))
        # No lamp for somebody who has gone since, as after an outage.
        if self._lamps is not None and is_news:
            self._lamps.granted() if entry.is_in else self._lamps.refused()
        if self._publish is not None:
            self._publish(happened)


def _bound(remembered: dict[Any, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        del remembered[next(iter(remembered))]


def label_of(
    decision: str, user_id: str | None, name: str | None, similarity: float | None
) -> Label:
    """What is written at a face; a name only where it is a match."""
    if decision == _MATCH and user_id is not None:
        return Label(Kind.KNOWN, name or user_id, similarity)
    return Label(Kind.UNKNOWN, words_of(decision), similarity)


def words_of(code: str) -> str:
    """A decision or code for people."""
    return _WORDS.get(code, code.replace("_", " "))
