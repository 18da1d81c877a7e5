"""The zone of a door, as the settings write it."""

import pytest

from edge.settings_fields import ConfigError
from edge.zone import zone_of


def test_corners_are_read() -> None:
    assert zone_of("0.2,0  0.8,0 0.5,1") == ((0.2, 0), (0.8, 0), (0.5, 1))
    assert zone_of("") == ()


@pytest.mark.parametrize(
    "text", ["0,0 1,1", "0,0 1,0 1,2", "0,0 1,0 nan,1", "a,b c,d e,f", "1 2 3"]
)
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"gate\.zone"):
        zone_of(text)
