"""Options of check-ins, from a query or beside a photo, strictly typed."""

import re
import uuid
from datetime import datetime

from api.contract.checkins import Said, Source
from api.options import Options
from core.errors import InvalidParameter, NotFound
from core.moments import parse_moment
from core.names import normalize_user_id
from core.types import Decision
from db.checkins import Filter
from pipeline.checkin_claims import Claim
from pipeline.devices import Direction, is_device_id

FILTERS = frozenset(
    ["user_id", "device_id", "decision", "direction", "source", "review", "from", "to"],
)
CLAIMS = frozenset(
    ["device_decision", "device_user_id", "device_similarity", "device_opened", "review"]
)
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# In a query a bare + is a space.
_LOST_PLUS = re.compile(r" (\d\d:\d\d)$", re.ASCII)


def filter_of(options: Options) -> Filter:
    """Which events are asked for; raises InvalidParameter, InvalidName."""
    claimed = options.text("user_id")
    return Filter(
        user_id=None if claimed is None else normalize_user_id(claimed),
        device_id=device_id_of(options),
        decision=options.choice("decision", Said),
        direction=options.choice("direction", Direction),
        source=options.choice("source", Source),
        review=options.known_flag("review"),
        start=moment_of(options, "from"),
        end=moment_of(options, "to"),
    )


def claim_of(options: Options) -> Claim:
    """What the device decided itself; raises InvalidParameter, InvalidName."""
    decision = options.choice("device_decision", Decision)
    user_id = options.text("device_user_id")
    if (user_id is None) is (decision is Decision.MATCH):
        raise InvalidParameter(
            "device_user_id goes with device_decision=match, and only with it",
            {"parameter": "device_user_id"},
        )
    similarity = options.number("device_similarity", -1, 1)
    if similarity is not None and decision is None:
        raise InvalidParameter(
            "device_similarity goes with device_decision", {"parameter": "device_similarity"}
        )
    return Claim(
        decision,
        None if user_id is None else normalize_user_id(user_id),
        similarity,
        options.flag("device_opened"),
        options.flag("review"),
    )


def moment_of(options: Options, name: str) -> datetime | None:
    """The moment in `name`; raises InvalidParameter."""
    text = options.text(name)
    try:
        return None if text is None else parse_moment(_LOST_PLUS.sub(r"+\1", text))
    except ValueError as error:
        raise InvalidParameter(f"{name}: {error}", {"parameter": name}) from None


def device_id_of(options: Options) -> str | None:
    """The device in `device_id`; raises InvalidParameter for what can be none."""
    text = options.text("device_id")
    if text is not None and not is_device_id(text):
        raise InvalidParameter("this is no device_id", {"parameter": "device_id"})
    return text


def event_id_of(options: Options) -> str:
    """The new event's id in its one form; raises InvalidParameter."""
    text = options.text("event_id")
    if text is None or not _UUID.fullmatch(text):
        raise InvalidParameter("event_id is a UUID and must be given", {"parameter": "event_id"})
    return str(uuid.UUID(text))


def known_event_id(text: str) -> str:
    """The id in an address in its one form; raises NotFound for what can be none."""
    if not _UUID.fullmatch(text):
        raise NotFound("there is no check-in with this event_id")
    return str(uuid.UUID(text))
