"""Check-ins of devices: recognized, recorded once, granted at most once.

The event and the grant are decided in one write transaction: whatever comes twice, at once, to
two processes, or again after a crash, finds the event there and grants nothing.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import FaceTooSmall, IdempotencyConflict, ImageCorrupt, NoFace
from core.settings import Settings
from core.types import Decision
from db import checkins, devices, users
from db.access_models import Device
from db.checkin_models import CheckIn
from db.checkins import AlreadyRecorded
from db.session import Database, Session
from pipeline.checkin_claims import NOTHING, Claim, needs_review, write
from pipeline.checkins_rules import Reason, Timing, refusal
from pipeline.pictures import Pictures
from pipeline.recognizer import Answer, Profile, Question, Recognizer, profile_of
from pipeline.turns import Turns
from pipeline.webhooks.events import emit_check_in

_RACE_ATTEMPTS = 3
DEVICE = "device"
"""The source of an event that a device sent."""

FaceJson = Callable[[Answer], dict[str, object]]
"""What of a face is kept with its event."""


def committed(session: Session, event: CheckIn) -> None:
    """A new event of a device that counts is about to be committed: others are told of it."""
    emit_check_in(session, event)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A check-in as a device sent it. `direction` is what it said, if anything."""

    event_id: str
    device_id: str
    captured_at: datetime
    direction: str | None
    photo: bytes
    received_at: datetime
    claim: Claim = NOTHING

    @property
    def body_sha256(self) -> str:
        """The same for the same check-in only."""
        said = [self.device_id, self.captured_at.isoformat(), self.direction or ""]
        if not self.claim.says_nothing:
            said.append(self.claim.text)
        digest = hashlib.sha256("\n".join(said).encode() + b"\n")
        digest.update(self.photo)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The recorded event and what follows now: only `grant` may open anything."""

    event: CheckIn
    grant: bool
    reason: str | None
    duplicate: bool
    profile: Profile | None


class _Started:
    """When a check-in began by both clocks.

    Ours may be set back meanwhile, and the monotonic one of a paused machine stands still.
    """

    def __init__(self) -> None:
        self._wall, self._monotonic = datetime.now(UTC), time.monotonic()

    def spent(self) -> timedelta:
        """How long ago that is, at least by one of them."""
        steady = timedelta(seconds=time.monotonic() - self._monotonic)
        return max(steady, datetime.now(UTC) - self._wall)


class CheckIns:
    """Takes check-ins. Thread-safe; any number of processes may."""

    def __init__(
        self,
        database: Database,
        recognizer: Recognizer,
        turns: Turns,
        pictures: Pictures,
        settings: Settings,
    ) -> None:
        """`recognizer` is asked within `turns` and has always room itself."""
        self._database, self._recognizer, self._turns = database, recognizer, turns
        self._pictures = pictures
        self._fresh = timedelta(seconds=settings.fresh_seconds)
        self._cooldown = timedelta(seconds=settings.cooldown_seconds)

    def check_in(self, arrival: Arrival, face_json: FaceJson) -> Outcome:
        """Recognize and record, or find what was recorded.

        Raises Crowded, PhotoError, NotFound for an unknown device, and IdempotencyConflict for
        another check-in under the same event_id.
        """
        started = _Started()
        known = self._known(arrival)
        if known is not None:
            return known
        with self._turns.turn(arrival.device_id):
            # It may have been recorded while this one waited.
            return self._known(arrival) or self._new(arrival, face_json, started)

    def _new(self, arrival: Arrival, face_json: FaceJson, started: _Started) -> Outcome:
        for attempt in range(_RACE_ATTEMPTS):
            found = self._found(arrival)
            event = self._event(arrival, found, face_json)
            last = attempt == _RACE_ATTEMPTS - 1
            with self._pictures.kept(event, arrival.photo) as picture:
                try:
                    outcome = self._record(arrival, event, started, last=last)
                except AlreadyRecorded:
                    outcome = self._known(arrival)
                picture.is_recorded = outcome is not None and outcome.event is event
            if outcome is not None:
                return outcome
        raise AssertionError("the last attempt records")

    def _found(self, arrival: Arrival) -> Answer | None:
        """Who is in the photo; None where nobody can be seen, but the door has opened."""
        try:
            return self._recognizer.recognize(arrival.photo, Question()).answers[0]
        except (NoFace, FaceTooSmall, ImageCorrupt):
            # That it opened is on record whatever the photo shows.
            if not arrival.claim.opened:
                raise
            return None

    def _known(self, arrival: Arrival) -> Outcome | None:
        with self._database.read() as session:
            event = checkins.find(session, arrival.event_id)
            if event is None:
                devices.get(session, arrival.device_id)
                return None
            return _repeated(session, event, arrival)

    def _event(self, arrival: Arrival, found: Answer | None, face_json: FaceJson) -> CheckIn:
        timing = Timing(arrival.captured_at, arrival.received_at, self._fresh)
        decision = found.decision if found else Decision.NO_MATCH
        named = found.candidates[0] if found and decision is Decision.MATCH else None
        event = CheckIn(
            event_id=arrival.event_id,
            body_sha256=arrival.body_sha256,
            source=DEVICE,
            device_id=arrival.device_id,
            decision=decision,
            user_id=named.user_id if named else None,
            face_id=named.face_id if named else None,
            similarity=found.nearest if found else None,
            threshold=self._recognizer.rule.threshold,
            captured_at=arrival.captured_at,
            received_at=arrival.received_at,
            at=timing.at,
            late=timing.late,
            clock_suspect=timing.clock_suspect,
            face=face_json(found) if found else None,
            effective_at=timing.at,
            voided=False,
            corrected=False,
        )
        write(event, arrival.claim)
        return event

    def _record(
        self, arrival: Arrival, event: CheckIn, started: _Started, *, last: bool
    ) -> Outcome | None:
        """Record the event; None where whom it names is gone, and it is to be asked again."""
        with self._database.write() as session:
            there = checkins.find(session, arrival.event_id)
            if there is not None:
                return _repeated(session, there, arrival)
            device = devices.get(session, arrival.device_id)
            profile = _profile(session, event)
            if event.decision == Decision.MATCH and profile is None:
                if not last:
                    return None
                event.decision, event.user_id, event.face_id = Decision.NO_MATCH, None, None
                event.reason = Reason.DELETED
            before = self._decide(session, event, device, arrival, started)
            checkins.add(session, event)
            # A door that opens after it did not is news, within the cooldown too.
            if before is None or (_opened(event) and not _opened(before)):
                committed(session, event)
            return Outcome(event, event.granted, event.reason, duplicate=False, profile=profile)

    def _decide(
        self, session: Session, event: CheckIn, device: Device, arrival: Arrival, started: _Started
    ) -> CheckIn | None:
        """Fill in what follows from everything known now; the event that this one repeats."""
        now = arrival.received_at + started.spent()
        timing = Timing(arrival.captured_at, arrival.received_at, self._fresh)
        decision = Decision(event.decision)
        event.reason = event.reason or refusal(decision, timing, now, device_active=device.active)
        if event.reason is None and arrival.claim.decision is not None:
            event.reason = Reason.DEVICE  # it has decided already: nothing is left to grant
        event.granted = event.reason is None
        event.direction = event.effective_direction = arrival.direction or device.direction
        event.effective_user_id = event.user_id
        event.review = needs_review(event)
        before = None
        if event.user_id is not None and self._cooldown:
            before = checkins.counted_near(session, event, self._cooldown)
            event.repeat_of = before.id if before else None
        device.last_seen_at = datetime.now(UTC)
        return before


def _opened(event: CheckIn) -> bool:
    return event.granted or bool(event.device_opened)


def _repeated(session: Session, event: CheckIn, arrival: Arrival) -> Outcome:
    if event.body_sha256 != arrival.body_sha256:
        raise IdempotencyConflict("this event_id came with another check-in before")
    profile = _profile(session, event)
    return Outcome(event, False, Reason.DUPLICATE, duplicate=True, profile=profile)


def _profile(session: Session, event: CheckIn) -> Profile | None:
    """Whom the event names, as they are now; None where nobody, or where they are gone."""
    if event.face_id is None:
        return None
    # By the face: a user_id may be another person's by now.
    user = users.owner_of_face(session, event.face_id)
    return profile_of(user) if user and user.user_id == event.user_id else None
