"""What the training of an embedding found, as a table, JSON and plots."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from evaluation.report.axes import shares
from training.drawing import has_plots, histogram, picture
from training.held_out import TARGETS, Measured
from training.metric import Course
from training.projecting import Part
from training.provenance import HeldOut, Provenance
from training.written import percent, table


def part_json(split_people: Sequence[int], before: Measured, after: Measured) -> dict[str, object]:
    """One part: how many people trained, stopped and were held out, and both sides' figures."""
    return {
        "people": dict(zip(("train", "stop", "held_out"), split_people, strict=True)),
        "before": HeldOut.of(before).model_dump(),
        "after": HeldOut.of(after).model_dump(),
    }


def gain(parts: Sequence[Part]) -> dict[str, object]:
    """The mean EER of all parts' held-out people before and after, and in how many it fell."""
    pairs = [
        (part.before.eer, part.after.eer)
        for part in parts
        if part.before.eer is not None and part.after.eer is not None
    ]
    if not pairs:
        return {"parts": 0}
    before, after = np.asarray(pairs).T
    return {
        "parts": len(pairs),
        "eer_before": float(before.mean()),
        "eer_after": float(after.mean()),
        "eer_fell_in": int(np.sum(after < before)),
        "eer_rose_in": int(np.sum(after > before)),
    }


def course_json(course: Course) -> dict[str, object]:
    return asdict(course)


def comparison(before: Measured, after: Measured) -> Iterator[str]:
    """Before and after, side by side."""
    rows = [["EER", percent(before.eer), percent(after.eer)]]
    rows += [
        [f"FNMR at FMR {t:g}", percent(before.fnmr_at[t]), percent(after.fnmr_at[t])]
        for t in TARGETS
    ]
    counts = f"{after.scores.genuine.size} pairs of one, {after.scores.impostor.size} of two"
    yield f"{after.photos} photos of {after.people} held-out people: {counts}"
    yield from table(["", "before", "after"], rows)


def how_it_stands(given: Provenance) -> Iterator[str]:
    """What is known of a trained network's threshold, and what a server makes of it."""
    yield f"Threshold {given.threshold:.4f} from people who took no part"
    measured = given.false_matches()
    if measured is None:
        return
    yield (
        f"It took two people for one in {measured.errors} of {measured.comparisons:,} comparisons;"
        f" the true FMR may be up to {100 * measured.high:.2g} %"
    )
    if measured.is_poor:
        yield "Strangers may be given a name: a server takes it with --accept-false-matches only"


def plots(before: Measured, after: Measured, courses: Sequence[Course]) -> dict[str, bytes]:
    """PNG pictures by file name; none where matplotlib is missing."""
    if not has_plots():
        return {}
    drawn = {
        "learning.png": lambda panel: _learning(panel, courses),
        "held-out-before.png": _similarities(before, "before training"),
        "held-out-after.png": _similarities(after, "after training"),
    }
    return {name: picture(draw) for name, draw in drawn.items()}


def _learning(panel: Any, courses: Sequence[Course]) -> None:
    other = panel.twinx()
    for number, course in enumerate(courses):
        color = f"C{number % 10}"
        epochs = range(1, len(course.losses) + 1)
        panel.plot(epochs, course.losses, "--", color=color)
        other.plot(range(len(course.aucs)), course.aucs, "-", color=color)
        other.plot(course.kept, course.aucs[course.kept], "o", color=color)
        panel.plot([], [], color=color, label=f"training {number + 1}")
    panel.plot([], [], "--", color="gray", label="loss")
    panel.plot([], [], "-", color="gray", label="AUC; dot: kept")
    panel.set(xlabel="epoch", ylabel="loss of the training")
    other.set_ylabel("AUC on the people who stop it")
    shares(other, max(0.0, min(0.95, other.get_ylim()[0])), 1.0)
    panel.ticklabel_format(axis="y", useOffset=False)
    panel.set_title("Learning; epoch 0 is before it")
    panel.grid(visible=True, alpha=0.25)
    panel.legend(fontsize=8)


def _similarities(found: Measured, when: str) -> Callable[[Any], None]:
    def draw(panel: Any) -> None:
        kinds = [
            ("one person", found.scores.genuine, "#2ca02c"),
            ("two people", found.scores.impostor, "#d62728"),
        ]
        threshold = found.threshold
        shown = [kind for kind in kinds if kind[1].size]
        if shown:
            histogram(panel, shown, threshold)
        panel.set_xlabel("cosine")
        panel.set_title(f"Held-out people {when}")

    return draw
