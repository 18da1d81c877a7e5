"""One visit is one check-in, by the best of its frames."""

import pytest

from edge.gate import Gate, Rules, Sight, is_usable, score
from tests.edge.sights import face, sight

STEP = 0.1


def fed(gate: Gate, sights: list[Sight], now: float) -> list[Sight]:
    """The best of each visit that goes through now."""
    return [best for best, *_ in gate.feed(sights, now)]


def passed(gate: Gate, sights: list[Sight]) -> list[Sight]:
    """What goes through when these are seen one after another, and then nobody for two seconds."""
    through = [one for seen in sights for one in fed(gate, [seen], seen.at)]
    end = sights[-1].at
    return through + [one for step in range(1, 21) for one in fed(gate, [], end + step * STEP)]


def stay(start: float, seconds: float, track_id: int = 1, who: int = 1) -> list[Sight]:
    return [sight(start + step * STEP, track_id, who) for step in range(round(seconds / STEP))]


def test_one_visit_goes_through_once() -> None:
    assert len(passed(Gate(), stay(0, 30))) == 1


def test_nobody_goes_through_before_the_face_was_there_for_a_moment() -> None:
    gate = Gate(Rules(steady_s=0.4))
    early = [one for seen in stay(0, 0.35) for one in fed(gate, [seen], seen.at)]
    assert early == []


def test_who_looked_up_for_a_moment_only_is_not_lost() -> None:
    assert len(passed(Gate(), stay(0, 0.2))) == 1


def test_one_flicker_is_nobody() -> None:
    assert passed(Gate(), [sight(0)]) == []


def test_the_best_of_the_window_goes_through() -> None:
    sights = [sight(step * STEP, sharpness=20) for step in range(8)]
    sights[3] = sight(0.3, sharpness=60)
    assert passed(Gate(Rules(good=1.1)), sights) == [sights[3]]


def test_a_very_good_frame_ends_the_wait() -> None:
    gate = Gate(Rules(steady_s=0.4, good=0.5))
    through = [seen.at for seen in stay(0, 1.0) if gate.feed([seen], seen.at)]
    assert through == [pytest.approx(0.4)]


def test_no_frame_older_than_a_second_goes_through() -> None:
    gate = Gate(Rules(window_s=5, good=1.1))
    first = sight(0, sharpness=900)
    assert gate.feed([first], 0) == gate.feed([sight(0.1)], 0.1) == []
    assert gate.feed([], 1.5) == []


@pytest.mark.parametrize("window_s", [0.4, 1.2, 5.0])
def test_what_goes_through_is_always_young(window_s: float) -> None:
    gate = Gate(Rules(window_s=window_s, good=1.1))
    sights = [sight(0, sharpness=900), *stay(0.1, 4)]
    ages = [seen.at - one.at for seen in sights for one in fed(gate, [seen], seen.at)]
    assert len(ages) == 1
    assert max(ages) <= 1.0


def test_several_people_at_once_each_go_through_once() -> None:
    gate = Gate()
    through = []
    for step in range(40):
        at = step * STEP
        there = [sight(at, track, who=track, shown=face((track * 150, 100, 120, 160)))
                 for track in (1, 2, 3)]  # fmt: skip
        through += fed(gate, there, at)
    assert sorted(one.track.id for one in through) == [1, 2, 3]


def test_who_left_and_comes_back_later_is_a_new_visit() -> None:
    assert len(passed(Gate(), stay(0, 2) + stay(10, 2, track_id=2))) == 2


def test_a_track_that_broke_is_the_same_visit() -> None:
    assert len(passed(Gate(), stay(0, 2) + stay(3.2, 2, track_id=2))) == 1


def test_somebody_else_in_the_same_place_is_a_new_visit() -> None:
    through = passed(Gate(), stay(0, 2) + stay(2.5, 2, track_id=2, who=2))
    assert [one.track.id for one in through] == [1, 2]


def test_somebody_else_who_steps_into_the_same_track_is_a_new_visit() -> None:
    assert len(passed(Gate(), stay(0, 2) + stay(2.5, 2, track_id=1, who=2))) == 2


def test_a_change_without_leaving_waits_for_the_cooldown() -> None:
    gate = Gate(Rules(cooldown_s=5))
    sights = stay(0, 2) + stay(2, 6, who=2)
    through = [seen.at for seen in sights if gate.feed([seen], seen.at)]
    assert len(through) == 2
    assert through[1] - through[0] >= 5


def test_the_same_look_waits_for_ever() -> None:
    assert len(passed(Gate(Rules(cooldown_s=0)), stay(0, 60))) == 1


def test_a_picture_that_did_not_do_may_be_followed_by_another() -> None:
    gate = Gate()
    assert len([one for seen in stay(0, 2) for one in fed(gate, [seen], seen.at)]) == 1
    gate.again(1)
    assert len(passed(gate, stay(2, 2))) == 1


RULES = Rules(least_face_px=80, zone=((0.2, 0.0), (0.8, 0.0), (0.8, 1.0), (0.2, 1.0)))


@pytest.mark.parametrize(
    ("seen", "may"),
    [
        (sight(0), True),
        (sight(0, shown=face((200, 100, 79, 100))), False),
        (sight(0, shown=face((200, 100, 40, 50)), large=2), True),
        (sight(0, shown=face(confidence=0.5)), False),
        (sight(0, sharpness=2), False),
        (sight(0, shown=face(turned=0.5)), False),
        (sight(0, shown=face((250, 0, 120, 160))), False),
        (sight(0, shown=face((500, 100, 100, 130))), False),
    ],
    ids=["good", "small", "large picture", "unsure", "blurred", "profile", "border", "zone"],
)
def test_what_may_be_sent(seen: Sight, may: bool) -> None:
    assert is_usable(seen, RULES) is may


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (sight(0), sight(0, shown=face(turned=0.3))),
        (sight(0, sharpness=300), sight(0, sharpness=30)),
        (sight(0, shown=face((200, 100, 150, 200))), sight(0, shown=face((200, 100, 90, 120)))),
    ],
    ids=["from the front", "sharp", "large"],
)
def test_which_frame_is_better(better: Sight, worse: Sight) -> None:
    assert 0 <= score(worse, RULES) < score(better, RULES) <= 1


def test_the_next_best_go_through_with_the_best() -> None:
    gate = Gate(Rules(window_s=0.6, steady_s=0.6, good=1.1, kept=3))
    sights = [sight(step * STEP, sharpness=20 + 10 * (step % 4)) for step in range(8)]
    through = [visit for seen in sights for visit in gate.feed([seen], seen.at)]
    (visit,) = through
    rules = Rules(kept=3)
    scores = [score(one, rules) for one in visit]
    assert len(set(map(id, visit))) == 3
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == max(score(seen, rules) for seen in sights[:7])


def test_no_view_of_a_visit_is_old_or_of_somebody_else() -> None:
    gate = Gate(Rules(window_s=5, good=1.1, kept=9))
    for step in range(40):
        at = step * STEP
        there = [sight(at, track, who=track, shown=face((track * 150, 100, 120, 160)))
                 for track in (1, 2)]  # fmt: skip
        for visit in gate.feed(there, at):
            assert len({one.track.id for one in visit}) == 1
            assert all(at - one.at <= 1.0 for one in visit)
            assert len(visit) > 1
