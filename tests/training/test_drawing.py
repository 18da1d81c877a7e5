"""Plots of people whatever their names are."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.training.kit import colors, made_up
from training.classifying import HEAD, Classified, Terms
from training.drawing import classification_plots

pytest.importorskip("matplotlib")


def test_names_are_drawn_as_they_are() -> None:
    """A dollar begins no formula, and a sign that the font lacks stops nothing."""
    samples = replace(made_up(3, 2), names=["$b_$", "^$\\frac$", "\u674e"])
    found = Classified(samples, Terms(), [], {HEAD: samples.people}, {}, {}, 0)
    drawn = cv2.imdecode(
        np.frombuffer(classification_plots(found)["confusion.png"], np.uint8), cv2.IMREAD_COLOR
    )
    assert drawn is not None
    assert colors(drawn) > 20
