"""Who is looked at once more, and who is not."""

from edge.retakes import Retakes


def test_whose_picture_did_not_do_is_looked_at_again_once() -> None:
    retakes = Retakes()
    retakes.sent("a", 7)
    retakes.answered("a", "no_face")
    retakes.answered("a", "no_face")
    assert retakes.due() == [7]
    assert retakes.due() == []


def test_what_another_picture_would_not_mend_is_not() -> None:
    retakes = Retakes()
    retakes.sent("a", 7)
    retakes.answered("a", "idempotency_conflict")
    retakes.answered("of an earlier process", "no_face")
    assert retakes.due() == []


def test_a_picture_on_the_wall_is_not_sent_without_end() -> None:
    retakes = Retakes()
    for number in range(10):
        retakes.sent(str(number), 7)
        retakes.answered(str(number), "no_face")
    assert retakes.due() == [7, 7]


def test_whom_nobody_knows_is_looked_at_as_often_as_is_set() -> None:
    retakes = Retakes(tries=3)
    for number, word in enumerate(["no_match", "ambiguous", "no_match", "no_match"]):
        retakes.sent(str(number), 7)
        retakes.answered(str(number), word)
    assert retakes.due() == [7, 7]


def test_who_was_recognized_is_not_looked_at_again() -> None:
    retakes = Retakes(tries=3)
    retakes.sent("a", 7)
    retakes.answered("a", "match")
    assert retakes.due() == []
