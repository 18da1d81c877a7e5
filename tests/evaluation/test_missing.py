"""What a report says where the data has nothing for a figure, and where it flatters."""

from typing import Any

import numpy as np
import pytest

from core.types import Matrix
from evaluation.evaluate import Evaluation, Rows, evaluate_rows
from evaluation.metrics.intervals import Rate
from evaluation.report.copies import copies, warnings
from evaluation.report.page import page
from evaluation.report.record import record
from evaluation.report.table import of_people, rate, rows
from pipeline.decision import Rule
from tests.evaluation.test_comparing import made
from tests.fakes import spec


def measured(vectors: Matrix, whose: np.ndarray) -> Evaluation:
    names = [f"p{person}/{row}" for row, person in enumerate(whose)]
    return evaluate_rows("x", Rows(names, vectors, whose), spec(), Rule(0.5, 0.02))


def test_one_person_is_compared_with_nobody() -> None:
    found = measured(*made(1, 3))
    assert of_people(found) == " of 1 person"
    said = {name: cell for name, (cell,) in rows(found)}
    assert said["FNMR there"].startswith("0.00 % (0 of 3;")
    for name in ("accuracy there", "FMR there", "EER", "AUC", "FNMR at FMR 1e-01"):
        assert said[name] == "not measured: needs pairs of two people"
    assert said["searches"] == "not measured: needs two people, and two photos of one"
    assert not {"rank 1", "answers to strangers"} & said.keys()
    (judged,) = found.results
    assert (judged.identification, judged.verification.accuracy) == (None, None)


def test_one_photo_of_each_says_nothing_of_one_person() -> None:
    found = measured(*made(4, 1))
    said = {name: cell for name, (cell,) in rows(found)}
    assert said["FMR there"].startswith("0.00 % (0 of 6;")
    for name in ("accuracy there", "FNMR there", "EER", "AUC", "FNMR at FMR 1e-01"):
        assert said[name] == "not measured: needs pairs of one person"
    assert said["searches"].startswith("not measured: ")


def test_one_photo_alone_names_both_kinds() -> None:
    said = dict(rows(measured(*made(1, 1))))
    assert said["EER"] == ["not measured: needs pairs of one person and pairs of two people"]


def test_enrolled_people_without_a_second_photo_are_not_searched_for() -> None:
    vectors, _ = made(5, 1)
    # Who is enrolled is drawn by lot: of one of the five there is a second photo.
    for person in range(5):
        found = measured(np.vstack([vectors, vectors[person]]), np.asarray([*range(5), person]))
        said = {name: cell for name, (cell,) in rows(found)}
        searched = "right" in said["answers to the enrolled"]
        assert searched == ("not measured" not in said["FNIR at the threshold"])
        assert searched == ("second photo of somebody enrolled" not in said["FNIR at FPIR 1e-01"])
        if not searched:
            return
    pytest.fail("everybody with a second photo was enrolled")


def test_counts_have_their_thousands_apart() -> None:
    assert rate(Rate(1035, 2995)).startswith("34.56 % (1,035 of 2,995; ")
    said = dict(rows(measured(*made(50, 1))))
    assert said["pairs of two people"] == ["1,225"]


def test_copies_of_a_photo_are_told() -> None:
    vectors, whose = made(4, 3, noise=0.3)
    assert list(warnings(measured(vectors, whose))) == []
    vectors[1] = vectors[0]
    vectors[3] = vectors[0]  # Another person's: no pair of one person.
    found = measured(vectors, whose)
    (warning,) = warnings(found)
    assert "1 of 12 pairs of one person have a similarity above 0.999" in warning
    assert warning in page(found, {}, [], {})
    assert copies(found.results[0].verification) == 1
    kept: Any = record(found, [])
    assert kept["embedders"][0]["verification"]["one_person_as_copies"] == 1


def test_a_report_of_stored_embeddings_says_that_it_shows_no_faces() -> None:
    assert "no photo was read" in page(measured(*made(3, 2)), {}, [], {})
