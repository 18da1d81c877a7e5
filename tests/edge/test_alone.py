"""Two agents never share a folder."""

from pathlib import Path

import pytest

from edge.alone import alone
from edge.settings_fields import ConfigError


def test_a_second_agent_is_refused_while_the_first_works(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with alone(folder), pytest.raises(ConfigError, match="another agent"), alone(folder):
        raise AssertionError("two work in one folder")
    with alone(folder):
        assert folder.exists()
