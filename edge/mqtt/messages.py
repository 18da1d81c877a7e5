"""What a broker is told: topics and texts; pure."""

import hashlib
import json
import math
import re
from dataclasses import dataclass

from edge.client import rfc3339

STATES = {"door": False, "camera": True, "server": True, "queue": True}
"""What has a state, and whether a broker keeps its last word. An open door is nothing to keep."""
ONLINE, OFFLINE = "online", "offline"
EVENT_TYPES = ("match", "no_match", "ambiguous", "refused")
_LONGEST_STATE = 255  # Home Assistant's


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of somebody at the door. `captured_at`: unix seconds of the picture."""

    event_id: str
    decision: str  # match, no_match, ambiguous, or the code of an error
    user_id: str | None
    similarity: float | None
    opened: bool  # the relay was switched
    captured_at: float
    granted: bool = False  # was let in, whatever the relay did, and where there is none


@dataclass(frozen=True, slots=True)
class Message:
    """One publication. `kept`: by the broker, for whoever subscribes later."""

    topic: str
    text: str
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Topics:
    """Where a device's messages go: `<topic>/<device_id>/…`."""

    topic: str
    device_id: str

    @property
    def device(self) -> str:
        """The device in `[A-Za-z0-9_-]`, as discovery wants it; two devices never share one."""
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", self.device_id)
        if plain == self.device_id and plain:
            return plain
        return f"{plain}_{hashlib.sha256(self.device_id.encode()).hexdigest()[:8]}"

    def of(self, name: str) -> str:
        """The topic of a state, of `event` or of `availability`."""
        part = self.device_id if re.fullmatch(r"[A-Za-z0-9._-]+", self.device_id) else self.device
        return f"{self.topic}/{part}/{name}"

    def availability(self, word: str) -> Message:
        """`online`, or what the broker says for us when we are gone."""
        return Message(self.of("availability"), word, kept=True)

    def state(self, name: str, word: str) -> Message:
        """The word of one of STATES."""
        return Message(self.of(name), word[:_LONGEST_STATE], kept=STATES[name])

    def event(self, happened: Happened) -> Message:
        """An event, never kept. Raises ValueError where its time is none."""
        similarity, decision = happened.similarity, happened.decision
        if similarity is not None and not math.isfinite(similarity):
            similarity = None
        try:
            captured_at = rfc3339(happened.captured_at)
        except OverflowError as error:
            raise ValueError("captured_at") from error
        told = {
            "event_type": decision if decision in EVENT_TYPES else "refused",
            "event_id": happened.event_id,
            "decision": decision,
            "user_id": happened.user_id,
            "similarity": similarity,
            "granted": happened.granted,
            "opened": happened.opened,
            "captured_at": captured_at,
        }
        return Message(self.of("event"), json.dumps(told))
