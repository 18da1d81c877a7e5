"""What the composition root makes of the settings."""

import logging
from pathlib import Path

import pytest

from tests.fakes import THRESHOLD, fake_settings, make_services


@pytest.mark.parametrize(
    ("threshold", "rule", "warns"),
    [
        (None, THRESHOLD, False),
        (THRESHOLD, THRESHOLD, False),
        (0.9, 0.9, False),
        (0.2, 0.2, True),
    ],
)
def test_a_threshold_below_the_networks_own_is_warned_of(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    threshold: float | None,
    rule: float,
    warns: bool,
) -> None:
    services = make_services(fake_settings(tmp_path, threshold=threshold))
    assert services.start().rule.threshold == rule
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert ["KENAL_THRESHOLD" in record.getMessage() for record in warnings] == [True] * warns
    services.close()
