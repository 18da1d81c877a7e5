"""Options of check-ins, from a query or beside a photo, strictly typed."""

import re
import uuid
from datetime import datetime

from api.contract.checkins import Said, Source
from api.options import Options
from core.errors import InvalidParameter, NotFound
from core.moments import parse_moment
from core.names import normalize_user_id
from db.checkins import Filter
from pipeline.devices import Direction, is_device_id

FILTERS = frozenset(
    ["user_id", "device_id", "decision", "direction", "source", "from", "to"],
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
        start=moment_of(options, "from"),
        end=moment_of(options, "to"),
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
