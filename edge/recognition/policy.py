"""Whether the door opens by the device's own recognition, and how old its gallery is; pure."""

import math
from dataclasses import dataclass

from edge.recognition.matching import AMBIGUOUS, MATCH, NO_MATCH
from edge.types import Recognition

SERVER, LOCAL = "server", "local"


@dataclass(frozen=True, slots=True)
class Ruling:
    """`review`: somebody shall look at it later. `reason` is one word."""

    opens: bool
    review: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is so at the moment of a recognition. Without any server, all that is said is good."""

    is_active: bool  # what the last heartbeat said of this device
    is_key_accepted: bool  # what the server last said of this device's key
    server_answers: bool
    gallery_age_seconds: float  # see `age_of`


@dataclass(frozen=True, slots=True)
class Moment:
    """Now by both clocks. `running`: seconds since the machine's start, sleep included."""

    wall: float
    boot: str
    running: float


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The gallery was `age` seconds old at `noted`."""

    noted: Moment
    age: float = 0.0


def rule(
    recognition: Recognition,
    source: str | None,
    now: Circumstances,
    *,
    offline: str,
    expires_hours: float,
) -> Ruling:
    """`source`: of the recognized person, None where the gallery has nobody of that id any more.

    `offline` (deny, known, review) is about everybody while the server is away; only people who
    came from the server expire.
    """
    no = barred(now)
    if no is not None:
        return Ruling(False, False, no)
    if recognition.decision == AMBIGUOUS:
        return Ruling(False, False, AMBIGUOUS)
    is_known = recognition.user_id is not None and source in (SERVER, LOCAL)
    if recognition.decision != MATCH or not is_known:
        return Ruling(False, False, NO_MATCH)
    # So written, an age that is not a number has expired.
    if source == SERVER and not 0 <= now.gallery_age_seconds <= expires_hours * 3600:
        return Ruling(False, False, "gallery_expired")
    if not now.server_answers and offline not in ("known", "review"):
        return Ruling(False, False, "offline_denied")
    return Ruling(True, not now.server_answers and offline == "review", MATCH)


def barred(now: Circumstances) -> str | None:
    """Why the server has this device open for nobody, also while it is away."""
    if not now.is_key_accepted:
        return "key_refused"
    return None if now.is_active else "inactive_device"


def age_of(confirmed: Confirmed | None, now: Moment, *, clock_is_right: bool) -> float:
    """Seconds since the server confirmed the gallery; inf where it never did or nobody can say.

    Within one start of the machine the wall clock is not asked: it leaps. After another start, one
    that went back tells nothing, unless the server confirmed it: then the note was the wrong one.
    """
    if confirmed is None:
        return math.inf
    before = confirmed.noted
    if now.boot and now.boot == before.boot:
        passed = now.running - before.running
    else:
        passed = now.wall - before.wall
        if passed < 0 and clock_is_right:
            passed = 0.0
    return confirmed.age + passed if passed >= 0 else math.inf
