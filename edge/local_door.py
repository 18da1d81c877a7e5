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

NOT_RECORDED = "not_recorded"
log = logging.getLogger("edge.door")
Ruled = Callable[[str, Visit, Recognition, Ruling, bool], None]


class Records(Protocol):
    """Keeps an event for the server."""

    def offer(self, visit: Visit, claim: Claim = ()) -> str:
        """Its event_id; raises nothing."""

    @property
    def keeps(self) -> bool:
        """Whether the last event is on the disk."""


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
        told, ruling = self._ruling(visit)
        opens = ruling.opens and self._is_fresh(visit)
        # First on the disk: nobody comes in unrecorded.
        event_id = self._records.offer(visit, claim_of(told, ruling, opens))
        if opens and not self._records.keeps and not self._circumstances().server_answers:
            # The disk does not take it and nobody else hears of it.
            opens, ruling = False, Ruling(False, ruling.review, NOT_RECORDED)
        # A disk may take its time: who was to come in may have gone.
        opened = opens and self._is_fresh(visit) and self._opened()
        log.info("event %s: %s, opened: %s", event_id, ruling.reason, opened)
        self._ruled(event_id, visit, told, ruling, opened)
        return event_id, told.decision

    def _ruling(self, visit: Visit) -> tuple[Recognition, Ruling]:
        """Nobody's for whatever goes wrong: the event is recorded all the same."""
        try:
            return self._decided(visit)
        except Exception as error:  # noqa: BLE001 - networks and disks have errors of their own
            log.error("a visit could not be decided: %s", type(error).__name__)
            return self._nobody(), Ruling(False, False, NO_MATCH)

    def _decided(self, visit: Visit) -> tuple[Recognition, Ruling]:
        told = self._recognized(visit.views or ((visit.frame, visit.face),))
        source = self._recognizer.source_of(told.user_id)
        if told.decision == MATCH and source is None:
            told = self._nobody()  # deleted this very moment
        ruling = rule(
            told,
            source,
            self._circumstances(),
            offline=self._settings.offline,
            expires_hours=self._settings.expires_hours,
        )
        return told, ruling

    def _recognized(self, views: Sequence[tuple[Frame, Face]]) -> Recognition:
        """Several views are one face: their mean decides, and none may be somebody else's."""
        seen = [self._recognizer.embed(frame, face) for frame, face in views]
        vectors = [
            one for one in seen if fused([one]) is not None
        ]  # what cannot be measured is no vote
        mean = fused(vectors)
        if mean is None or len(vectors) < self._settings.votes:
            return self._nobody()
        told = self._recognizer.recognize_vector(mean)
        if told.decision != MATCH or len(vectors) == 1:
            return told
        each = (self._recognizer.recognize_vector(vector) for vector in vectors)
        if {one.user_id for one in each if one.decision == MATCH} <= {told.user_id}:
            return told
        return Recognition(AMBIGUOUS, None, None, told.similarity, told.threshold)

    def _nobody(self) -> Recognition:
        return Recognition(NO_MATCH, None, None, None, self._recognizer.rule.threshold)

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
