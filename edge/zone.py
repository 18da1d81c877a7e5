"""The part of the picture in which people stand at the door, as the settings write it."""

from edge.settings_fields import ConfigError
from edge.types import Point

_LEAST_CORNERS = 3


def zone_of(text: str) -> tuple[Point, ...]:
    """ "x,y x,y x,y …" as parts of the frame, 0 to 1; empty: none. Raises ConfigError."""
    corners = tuple(_corner(part) for part in text.split())
    if 0 < len(corners) < _LEAST_CORNERS:
        raise ConfigError("gate.zone must have three corners or more")
    return corners


def _corner(text: str) -> Point:
    try:
        across, down = (float(number) for number in text.split(","))
    except ValueError:
        raise ConfigError('gate.zone must be like "0.2,0 0.8,0 0.8,1 0.2,1"') from None
    if not (0 <= across <= 1 and 0 <= down <= 1):
        raise ConfigError("gate.zone: a corner must be between 0 and 1")
    return across, down
