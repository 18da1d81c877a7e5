"""A door that decides by itself: recognized here, opened here, recorded on the server later."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.entry import Entry, OpenDoor, enter
from edge.outbox import Claim
from edge.recognition.local import LocalRecognizer, fused
from edge.recognition.matching import AMBIGUOUS, MATCH, NO_MATCH
from edge.recognition.policy import Circumstances, Ruling, barred, rule
from edge.sections import RecognitionSettings
from edge.types import Face, Frame, Recognition, Visit

NOT_RECORDED = "not_recorded"
log = logging.getLogger("edge.door")
Ruled = Callable[[str, Visit, Recognition, Ruling, Entry], None]


class Records(Protocol):
    """Keeps an event for the server."""

    def offer(self, visit: Visit, claim: Claim = (), *, is_held: bool = False) -> str:
        """Its event_id; raises nothing. What is held is sent after `release`."""

    def release(self, event_id: str, claim: Claim) -> None:
        """What was held is sent, with this claim; raises nothing."""

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
        open_door: OpenDoor | None,
        ruled: Ruled,
        fresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is that of the frames; `ruled` is told of every decision; without `open_door`
        nothing is opened."""
        self._recognizer, self._settings = recognizer, settings
        self._circumstances, self._open_door = circumstances, open_door
        self._records, self._ruled = records, ruled
        self._fresh_seconds, self._clock = fresh_seconds, clock

    def offer(self, visit: Visit) -> tuple[str, str]:
        """Decides about a visit; its event_id and the decision."""
        told, ruling = self._ruling(visit)
        if not (ruling.opens and self._is_fresh(visit)):
            entry = Entry.SHUT
            event_id = self._records.offer(visit, claim_of(told, ruling, opened=False))
        else:
            event_id, ruling, entry = self._let_in(visit, told, ruling)
        log.info("event %s: %s, opened: %s", event_id, ruling.reason, entry)
        self._ruled(event_id, visit, told, ruling, entry)
        return event_id, told.decision

    def _let_in(self, visit: Visit, told: Recognition, ruling: Ruling) -> tuple[str, Ruling, Entry]:
        """First on the disk: nobody comes in unrecorded. The server hears what the relay did."""
        opens = claim_of(told, ruling, opened=True)
        event_id, entry = self._records.offer(visit, opens, is_held=True), Entry.SHUT
        try:
            no = self._refusal()
            if no is not None:
                ruling = Ruling(False, ruling.review, no)
            elif self._is_fresh(visit):  # a disk may take its time: they may have gone
                entry = enter(self._open_door)
        finally:
            # Somebody who was let in stays on record, whatever the server makes of the picture.
            opened = claim_of(told, ruling, opened=entry.is_in)
            self._records.release(event_id, opened)
        return event_id, ruling, entry

    def _refusal(self) -> str | None:
        """Why nobody comes in after all, now that the disk had its turn."""
        now = self._circumstances()
        if not self._records.keeps and not now.server_answers:
            return NOT_RECORDED  # the disk does not take it and nobody else hears of it
        return barred(now)  # the server may have said no in the meantime

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


def claim_of(told: Recognition, ruling: Ruling, *, opened: bool) -> Claim:
    """What the server is told of this device's decision."""
    claim = {"device_decision": told.decision, "device_opened": "true" if opened else "false"}
    if told.decision == MATCH and told.user_id is not None:
        claim["device_user_id"] = told.user_id
    if told.similarity is not None:
        claim["device_similarity"] = f"{told.similarity:.6f}"
    if ruling.review:
        claim["review"] = "true"
    return tuple(sorted(claim.items()))
