"""A door that decides by itself: recognized here, opened here, recorded on the server later."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.outbox import Claim
from edge.recognition.local import LocalRecognizer, fused
from edge.recognition.matching import AMBIGUOUS, MATCH, NO_MATCH
from edge.recognition.policy import Circumstances, Ruling, rule
from edge.sections import RecognitionSettings
from edge.types import Face, Frame, Recognition, Visit

log = logging.getLogger("edge.door")
Ruled = Callable[[str, Visit, Recognition, Ruling, bool], None]


class Records(Protocol):
    """Keeps an event for the server."""

    def offer(self, visit: Visit, claim: Claim = ()) -> str:
        """Its event_id; raises nothing."""


class LocalDoor:
    """For one thread, the camera's."""

    def __init__(
        self,
        recognizer: LocalRecognizer,
        settings: RecognitionSettings,
        records: Records,
        *,
        circumstances: Callable[[], Circumstances],
        open_door: Callable[[], None],
        ruled: Ruled,
        fresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is that of the frames; `ruled` is told of every decision."""
        self._recognizer, self._settings = recognizer, settings
        self._circumstances, self._open_door = circumstances, open_door
        self._records, self._ruled = records, ruled
        self._fresh_seconds, self._clock = fresh_seconds, clock

    def offer(self, visit: Visit) -> tuple[str, str]:
        """Decides about a visit; its event_id and the decision."""
        told = self._recognized(visit.views or ((visit.frame, visit.face),))
        ruling = rule(
            told,
            self._recognizer.source_of(told.user_id),
            self._circumstances(),
            offline=self._settings.offline,
            expires_hours=self._settings.expires_hours,
        )
        opens = ruling.opens and self._is_fresh(visit)
        # First on the disk: nobody comes in unrecorded.
        event_id = self._records.offer(visit, claim_of(told, ruling, opens))
        opened = opens and self._opened()
        log.info("event %s: %s, opened: %s", event_id, ruling.reason, opened)
        self._ruled(event_id, visit, told, ruling, opened)
        return event_id, told.decision

    def _recognized(self, views: Sequence[tuple[Frame, Face]]) -> Recognition:
        """Several views are one face: their mean decides, and none may be somebody else's."""
        vectors = [self._recognizer.embed(frame, face) for frame, face in views]
        mean = fused(vectors)
        if mean is None or len(vectors) < self._settings.votes:
            return Recognition(NO_MATCH, None, None, None, self._recognizer.rule.threshold)
        told = self._recognizer.recognize_vector(mean)
        if told.decision != MATCH or len(vectors) == 1:
            return told
        each = (self._recognizer.recognize_vector(vector) for vector in vectors)
        if {one.user_id for one in each if one.decision == MATCH} <= {told.user_id}:
            return told
        return Recognition(AMBIGUOUS, None, None, told.similarity, told.threshold)

    def _is_fresh(self, visit: Visit) -> bool:
        age = self._clock() - visit.frame.captured_monotonic
        return 0 <= age <= self._fresh_seconds

    def _opened(self) -> bool:
        try:
            self._open_door()
        except Exception:  # noqa: BLE001 - whatever the relay does, the event is recorded
            log.critical("the door could not be opened")
            return False
        return True


def claim_of(told: Recognition, ruling: Ruling, opens: bool) -> Claim:
    """What the server is told of this device's decision."""
    claim = {"device_decision": told.decision, "device_opened": "true" if opens else "false"}
    if told.decision == MATCH and told.user_id is not None:
        claim["device_user_id"] = told.user_id
    if told.similarity is not None:
        claim["device_similarity"] = f"{told.similarity:.6f}"
    if ruling.review:
        claim["review"] = "true"
    return tuple(sorted(claim.items()))
