"""What the curves show: none as none, shares up to one, and nothing that hides the data."""

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from evaluation.evaluate import Evaluation, Rows, evaluate_rows
from evaluation.report.axes import RateAxis, log_axis, probit_axis
from evaluation.report.plots import plots
from pipeline.decision import Rule
from tests.evaluation.test_comparing import made
from tests.fakes import spec

figures = pytest.importorskip("matplotlib.figure")


def measured(noise: float, threshold: float = 0.45) -> Evaluation:
    vectors, whose = made(24, 3, noise=noise, seed=0)
    names = [f"{person}/{row}" for row, person in enumerate(whose)]
    return evaluate_rows("x", Rows(names, vectors, whose), spec(), Rule(threshold, 0.02))


def drawn(found: Evaluation) -> list[Any]:
    """The figures as they would be saved, in the order of the pictures: roc, det, ranks, …"""
    kept: list[Any] = []
    with patch.object(figures.Figure, "savefig", lambda figure, *_, **__: kept.append(figure)):
        plots(found)
    return kept


@pytest.mark.parametrize("axis", [log_axis(619), probit_axis(47), probit_axis(1)])
def test_no_error_is_drawn_apart_from_the_least_that_could_be_measured(axis: RateAxis) -> None:
    none, one, more = axis.places(np.asarray([0.0, min(1 / axis.trials, 0.5), 0.9])).tolist()
    assert none < one < more
    figure = figures.Figure()
    panel = figure.subplots()
    axis.draw(panel, vertical=False)
    left, right = panel.get_xlim()
    (band,) = panel.patches
    edge = band.get_extents().transformed(panel.transData.inverted()).x1
    assert left < none < edge < one < right
    ticks = dict(
        zip([t.get_text() for t in panel.get_xticklabels()], panel.get_xticks(), strict=True)
    )
    assert ticks.pop("none") == none
    assert all(place > edge for place in ticks.values())


def test_without_errors_the_line_of_the_det_is_on_no_rate() -> None:
    _, det, *_ = drawn(measured(0.01))
    (panel,) = det.axes
    said = " ".join(text.get_text() for text in panel.texts)
    assert "no error in 2,484 comparisons" in said
    assert "no error in 72 comparisons; below 1.4 % cannot be told" in said
    (line,) = panel.lines
    x, y = line.get_xdata(), line.get_ydata()
    none = (panel.get_xticks()[0], panel.get_yticks()[0])
    # Where neither kind of error is none, it would be read as a rate.
    assert all(a == none[0] or b == none[1] for a, b in zip(x, y, strict=True))


def test_dots_at_no_error_are_whole() -> None:
    roc, *_ = drawn(measured(0.01, 0.9))
    (panel,) = roc.axes
    (x,), (y,) = panel.lines[-1].get_data()
    left, right = panel.get_xlim()
    assert x == panel.get_xticks()[0]
    assert (x - left) / (right - left) > 0.05
    assert y == 1.0 < panel.get_ylim()[1]


@pytest.mark.parametrize("noise", [0.01, 0.8, 3.0])
def test_axes_of_shares_have_no_tick_where_no_share_is(noise: float) -> None:
    roc, _, ranks, strangers, enrolled, _ = drawn(measured(noise))
    for figure in (roc, ranks, strangers, enrolled):
        (panel,) = figure.axes
        low, high = panel.get_ylim()
        assert all(0 <= tick <= 1 + 1e-9 for tick in panel.get_yticks())
        values = np.concatenate([line.get_ydata() for line in panel.lines])
        if figure is not roc:
            assert low < values.min()
        assert values.max() < high


def test_no_legend_lies_upon_the_data() -> None:
    for figure in drawn(measured(0.01)):
        figure.canvas.draw()
        (panel,), (legend,) = figure.axes, figure.legends
        assert panel.get_legend() is None
        assert not panel.get_window_extent().overlaps(legend.get_window_extent())
