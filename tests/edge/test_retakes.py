"""Who is looked at once more, and who is not."""

from edge.retakes import Retakes


def test_whose_picture_did_not_do_is_looked_at_again_once() -> None:
    retakes = Retakes()
    retakes.sent("a", 7)
    retakes.refused("a", "no_face")
    retakes.refused("a", "no_face")
    assert retakes.due() == [7]
    assert retakes.due() == []


def test_what_another_picture_would_not_mend_is_not() -> None:
    retakes = Retakes()
    retakes.sent("a", 7)
    retakes.refused("a", "idempotency_conflict")
    retakes.refused("of an earlier process", "no_face")
    assert retakes.due() == []


def test_a_picture_on_the_wall_is_not_sent_without_end() -> None:
    retakes = Retakes()
    for number in range(10):
        retakes.sent(str(number), 7)
        retakes.refused(str(number), "no_face")
    assert retakes.due() == [7, 7]
