"""Who is whom by the device's own gallery, and what may be opened by it."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InvalidName
from core.names import fold_user_id, normalize_user_id
from core.types import Decision
from edge.recognition.ids import IdError, folded, normal
from edge.recognition.matching import AMBIGUOUS, MATCH, NO_MATCH, Person, Roster, Rule, recognize
from edge.recognition.policy import Circumstances, Confirmed, Moment, Ruling, age_of, rule
from edge.types import Recognition
from pipeline.decision import Rule as ServerRule
from pipeline.decision import decide
from pipeline.gallery import Candidate

RULE = Rule(0.5, 0.02)
ANNA, BERT = Person("anna", "Anna", "server"), Person("bert", "Bert", "local")
WELL = Circumstances(
    is_active=True, is_key_accepted=True, server_answers=True, gallery_age_seconds=0.0
)
KNOWN = Recognition(MATCH, "anna", "Anna", 0.9, 0.5)
BOOT = Moment(wall=1000.0, boot="one", running=50.0)


def toward(axis: int, similarity: float, dimensions: int = 4) -> np.ndarray:
    """A unit vector so similar to `axis`; the rest is on the last one."""
    vector = np.zeros(dimensions, np.float32)
    vector[axis], vector[-1] = similarity, math.sqrt(1 - similarity**2)
    return vector


def roster(*rows: tuple[Person, np.ndarray]) -> Roster:
    matrix = np.stack([row[1] for row in rows]) if rows else np.empty((0, 4))
    return Roster.of([row[0] for row in rows], matrix.astype(np.float32))


QUERY = np.asarray([1, 0, 0, 0], np.float32)


def test_the_nearest_face_of_a_person_counts() -> None:
    people = roster((ANNA, toward(0, 0.1)), (ANNA, toward(0, 0.8)), (BERT, toward(0, 0.6)))
    told = recognize(people, QUERY * 7, RULE)
    assert (told.decision, told.user_id, told.name) == (MATCH, "anna", "Anna")
    assert told.similarity == pytest.approx(0.8)


def test_two_faces_of_one_person_do_not_make_it_doubtful() -> None:
    people = roster((ANNA, toward(0, 0.80)), (ANNA, toward(0, 0.79)))
    assert recognize(people, QUERY, RULE).decision == MATCH


@pytest.mark.parametrize("second", [0.60, 0.59, 0.4801, 0.48])
def test_a_second_person_as_near_takes_the_name_away(second: float) -> None:
    people = roster((ANNA, toward(0, 0.5)), (BERT, toward(0, second)))
    told = recognize(people, QUERY, Rule(0.5, 0.1))
    assert (told.decision, told.user_id, told.name) == (AMBIGUOUS, None, None)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, 0.0])
def test_a_vector_that_is_none_matches_nobody(broken: float) -> None:
    people = roster((ANNA, toward(0, 0.9)))
    told = recognize(people, np.full(4, broken, np.float32), RULE)
    assert told == Recognition(NO_MATCH, None, None, None, 0.5)
    told = recognize(people, np.ones(5, np.float32), RULE)
    assert told.decision == NO_MATCH


def test_a_broken_row_matches_nobody_and_hides_nobody() -> None:
    broken = np.full(4, np.nan, np.float32)
    people = roster((ANNA, broken), (BERT, toward(0, 0.9)), (BERT, broken))
    assert recognize(people, QUERY, RULE).user_id == "bert"
    assert recognize(roster((ANNA, broken)), QUERY, RULE).decision == NO_MATCH


def test_nobody_is_in_an_empty_gallery() -> None:
    assert recognize(roster(), QUERY, RULE) == Recognition(NO_MATCH, None, None, None, 0.5)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, math.nan])
def test_no_threshold_is_for_everybody(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Rule(threshold)


def test_it_decides_as_the_server_does() -> None:
    steps = [0.3, 0.48, 0.4999, 0.5, 0.5001, 0.52, 0.521, 0.9]
    for first, second in itertools.product(steps, steps):
        told = recognize(roster((ANNA, toward(0, first)), (BERT, toward(0, second))), QUERY, RULE)
        ordered = sorted([("anna", first), ("bert", second)], key=lambda one: -one[1])
        candidates = [
            Candidate(user_id, number, np.float32(value).item())
            for number, (user_id, value) in enumerate(ordered)
        ]
        theirs = decide(candidates, ServerRule(0.5, 0.02))
        assert told.decision == theirs.value, (first, second)
        assert (told.user_id is not None) == (theirs is Decision.MATCH)


@pytest.mark.parametrize(
    "text",
    ["anna", "Änna", "A\u0308nna", "1042", "a.b", "anna.jpg", "a.JSON", "con", "COM1.x", "", "-a",
     "a-", "a/b", "a\nb", "x" * 64, "x" * 65, "李" * 66, "अनि", "README.md", "x.tmp", "\ud800",
     "ﬁn"],
)  # fmt: skip
def test_ids_are_the_servers(text: str) -> None:
    try:
        theirs = normalize_user_id(text)
    except InvalidName:
        with pytest.raises(IdError):
            normal(text)
    else:
        assert normal(text) == theirs
        assert folded(theirs) == fold_user_id(theirs)


def ruling(
    told: Recognition = KNOWN,
    source: str | None = "server",
    now: Circumstances = WELL,
    offline: str = "known",
) -> Ruling:
    return rule(told, source, now, offline=offline, expires_hours=1.0)


AWAY = replace(WELL, server_answers=False)


def test_who_is_known_is_let_in() -> None:
    assert ruling() == Ruling(True, False, "match")
    assert ruling(source="local", offline="deny") == Ruling(True, False, "match")


@pytest.mark.parametrize(
    ("offline", "told"),
    [
        ("deny", Ruling(False, False, "offline_denied")),
        ("known", Ruling(True, False, "match")),
        ("review", Ruling(True, True, "match")),
        ("anything else", Ruling(False, False, "offline_denied")),
    ],
)
@pytest.mark.parametrize("source", ["server", "local"])
def test_while_the_server_is_away(offline: str, told: Ruling, source: str) -> None:
    assert ruling(source=source, now=AWAY, offline=offline) == told


@pytest.mark.parametrize("age", [3600.1, math.inf, math.nan, -1.0])
@pytest.mark.parametrize("answers", [True, False])
def test_only_people_of_the_server_expire(age: float, answers: bool) -> None:
    old = replace(WELL, server_answers=answers, gallery_age_seconds=age)
    assert ruling(now=old) == Ruling(False, False, "gallery_expired")
    assert ruling(now=old, source="local").opens


@pytest.mark.parametrize(
    ("told", "source", "reason"),
    [
        (Recognition("no_match", None, None, 0.2, 0.5), None, "no_match"),
        (Recognition("ambiguous", None, None, 0.8, 0.5), None, "ambiguous"),
        (Recognition("match", None, None, 0.9, 0.5), "server", "no_match"),
        (Recognition("sure", "anna", None, 0.9, 0.5), "server", "no_match"),
        (KNOWN, None, "no_match"),
        (KNOWN, "elsewhere", "no_match"),
    ],
)
def test_nobody_else_is_let_in(told: Recognition, source: str | None, reason: str) -> None:
    assert ruling(told, source) == Ruling(False, False, reason)


def test_a_device_that_was_switched_off_opens_for_nobody() -> None:
    off = replace(WELL, is_active=False)
    for source in ("server", "local"):
        assert ruling(source=source, now=off) == Ruling(False, False, "inactive_device")


@pytest.mark.parametrize("source", ["server", "local"])
@pytest.mark.parametrize("offline", ["deny", "known", "review"])
@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("is_active", [True, False])
def test_a_device_whose_key_is_refused_opens_for_nobody(
    is_active: bool, answers: bool, offline: str, source: str
) -> None:
    refused = replace(WELL, is_key_accepted=False, is_active=is_active, server_answers=answers)
    for told in (KNOWN, Recognition("no_match", None, None, 0.2, 0.5)):
        decided = ruling(told, source, refused, offline=offline)
        assert decided == Ruling(False, False, "key_refused")


def age(confirmed: Confirmed | None, now: Moment, clock_is_right: bool = False) -> float:
    return age_of(confirmed, now, clock_is_right=clock_is_right)


def test_the_gallery_ages_by_the_steady_clock_whatever_the_other_does() -> None:
    for wall in (0.0, 1000.0, 1e9):
        assert age(Confirmed(BOOT, 5.0), Moment(wall, "one", 80.0)) == 35.0


def test_after_a_restart_it_ages_by_the_wall_clock() -> None:
    assert age(Confirmed(BOOT, 5.0), Moment(1100.0, "two", 1.0)) == 105.0


def test_a_clock_that_was_set_back_makes_nothing_younger() -> None:
    back = Moment(900.0, "two", 1.0)
    assert age(Confirmed(BOOT, 5.0), back) == math.inf
    assert age(Confirmed(BOOT, 5.0), back, clock_is_right=True) == 5.0


def test_what_nobody_confirmed_is_as_old_as_can_be() -> None:
    assert age(None, BOOT) == math.inf
    assert age(Confirmed(BOOT), replace(BOOT, running=1.0)) == math.inf, "a clock that is broken"
    nameless = Moment(1000.0, "", 50.0)
    assert age(Confirmed(nameless), Moment(1100.0, "", 51.0)) == 100.0
