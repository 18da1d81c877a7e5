"""Sending: who goes first, who opens, and what is tried again."""

import sqlite3
import threading
from pathlib import Path

import pytest

from edge.entry import Entry
from edge.outbox import BLAMED, Event
from edge.verdict import Kind, Verdict
from tests.edge.agent_kit import AWAY, MATCH, door, event, visit

BUSY = Verdict(Kind.LATER, "busy", 503, retry_after=20)
LOCKED = Verdict(Kind.LOCKED_OUT, "unauthorized", 401)
BROKEN = Verdict(Kind.LATER, "internal_error", 500, is_blamed=True)


def test_a_grant_opens_once_and_the_event_is_gone(tmp_path: Path) -> None:
    own = door(tmp_path)
    event_id = own.sender.offer(visit())
    assert own.outbox.waiting()[0] == 1
    own.sender.step_live()
    own.sender.step_live()
    own.sender.step_old()
    assert (own.server.sent, own.opened) == ([event_id], [1000.0])
    assert own.outbox.waiting()[0] == 0


@pytest.mark.parametrize(("age", "opens"), [(0.0, True), (9.9, True), (10.1, False)])
def test_a_grant_counts_only_while_the_frame_is_fresh_by_our_clock(
    tmp_path: Path, age: float, opens: bool
) -> None:
    own = door(tmp_path)

    def slowly(_: Event) -> Verdict:
        own.clock.now = 1000.0 + age
        own.wall.now -= 365 * 86400  # whatever the time of day does meanwhile
        return MATCH

    own.server.answer = slowly
    own.sender.offer(visit(captured_monotonic=1000.0))
    own.sender.step_live()
    assert bool(own.opened) is opens
    assert own.outbox.waiting()[0] == 0, "taken all the same"


def test_the_server_may_shorten_for_how_long_it_is_fresh_and_not_lengthen_it(
    tmp_path: Path,
) -> None:
    own = door(tmp_path)
    own.facts.learn(300.0, 0.0, own.wall(), own.clock())
    assert own.facts.fresh_seconds == 10
    own.facts.learn(2.0, 0.0, own.wall(), own.clock())
    own.sender.offer(visit(captured_monotonic=997.0))
    own.sender.step_live()
    assert own.server.sent == [], "live no more"
    own.sender.step_old()
    assert len(own.server.sent) == 1
    assert own.opened == []


def test_an_event_of_an_earlier_process_never_opens(tmp_path: Path) -> None:
    first = door(tmp_path, lambda _: AWAY)
    first.sender.offer(visit())
    first.sender.step_live()
    first.outbox.close()
    second = door(tmp_path)  # the server would grant
    second.wall.now += 5
    second.sender.step_live()
    second.sender.step_old()
    assert second.server.sent == first.server.sent
    assert second.opened == []
    assert second.outbox.counts()["sent"] == 1


def test_the_same_event_is_sent_again_and_only_its_first_answer_opens(tmp_path: Path) -> None:
    answers = [AWAY, MATCH, MATCH]
    own = door(tmp_path, lambda _: answers.pop(0))
    event_id = own.sender.offer(visit())
    own.sender.step_live()
    assert own.opened == []
    own.clock.now += 1
    own.sender.step_live()
    assert own.opened == [1001.0]
    own.sender._settle(Event(event_id, 0, "", b""), MATCH, is_live=True)  # it came twice
    assert own.opened == [1001.0]


def test_live_events_go_before_old_ones_and_each_in_order(tmp_path: Path) -> None:
    own = door(tmp_path)
    old = [event(number) for number in range(3)]
    for one in old:
        own.outbox.add(one)
    own.sender.step_old()
    live = [own.sender.offer(visit()) for _ in range(2)]
    own.sender.step_old()
    assert own.server.sent == [old[0].event_id], "the line is left to who stands at the door"
    while own.sender.step_live() == 0:
        pass
    while own.sender.step_old() == 0:
        pass
    assert own.server.sent == [old[0].event_id, *live, old[1].event_id, old[2].event_id]
    assert len(own.opened) == 2


def test_an_old_event_is_retried_before_the_next_and_not_too_early(tmp_path: Path) -> None:
    own = door(tmp_path, lambda _: AWAY)
    first, second = event(1), event(2)
    own.outbox.add(first)
    own.outbox.add(second)
    own.sender.step_old()
    own.sender.step_old()
    assert own.server.sent == [first.event_id]
    own.clock.now, own.wall.now = own.clock.now + 2, own.wall.now + 2
    own.sender.step_old()
    assert own.server.sent == [first.event_id] * 2


def test_who_comes_while_the_server_is_thought_away_is_tried_at_once(tmp_path: Path) -> None:
    own = door(tmp_path, lambda _: AWAY)
    own.outbox.add(event())
    for _ in range(10):
        own.sender.step_old()
        own.clock.now, own.wall.now = own.clock.now + 60, own.wall.now + 60
    own.sender.step_old()
    own.server.answer = lambda _: MATCH
    own.sender.offer(visit(captured_monotonic=own.clock.now))
    own.sender.step_live()
    assert own.opened == [own.clock.now]
    own.sender.step_old()
    assert own.outbox.waiting()[0] == 0, "the server is back for the others too"


def test_a_server_that_says_when_is_left_alone_until_then(tmp_path: Path) -> None:
    own = door(tmp_path, lambda _: BUSY)
    own.sender.offer(visit())
    own.sender.step_live()
    own.sender.server_answers()
    own.clock.now += 5
    own.sender.offer(visit(captured_monotonic=own.clock.now))
    own.sender.step_live()
    own.sender.step_old()
    assert len(own.server.sent) == 1
    own.clock.now, own.wall.now = own.clock.now + 30, own.wall.now + 30
    own.sender.step_old()
    assert len(own.server.sent) == 2


def test_a_refused_key_pauses_everything_loses_nothing_and_alarms(tmp_path: Path) -> None:
    own = door(tmp_path, lambda _: LOCKED)
    own.outbox.add(event())
    own.sender.step_old()
    own.sender.offer(visit())
    own.sender.step_live()
    own.sender.step_old()
    assert len(own.server.sent) == 1
    alarms = [own.sender.pause.alarm]
    assert own.outbox.waiting()[0] == 2
    own.server.answer = lambda _: MATCH
    own.sender.server_answers()  # a heartbeat with a key that is valid again
    assert [*alarms, own.sender.pause.alarm] == ["unauthorized", None]
    own.sender.step_live()
    own.sender.step_old()
    assert own.outbox.waiting()[0] == 0


def test_what_is_refused_for_good_is_put_aside(tmp_path: Path) -> None:
    own = door(tmp_path, lambda _: Verdict(Kind.REFUSED, "no_face", 422))
    live, old = own.sender.offer(visit()), event()
    own.outbox.add(old)
    own.sender.step_live()
    own.sender.step_old()
    own.sender.step_old()
    assert own.server.sent == [live, old.event_id]
    assert own.outbox.refused() == [(live, "no_face"), (old.event_id, "no_face")]
    assert own.opened == []


def test_an_event_at_which_the_server_fails_does_not_hold_up_the_others(tmp_path: Path) -> None:
    poison, other = event(1), event(2)
    own = door(tmp_path, lambda one: BROKEN if one.event_id == poison.event_id else MATCH)
    own.outbox.add(poison)
    own.outbox.add(other)
    for _ in range(BLAMED + 2):
        own.sender.step_old()
        own.clock.now, own.wall.now = own.clock.now + 61, own.wall.now + 61
    assert own.server.sent.count(poison.event_id) >= BLAMED
    assert own.outbox.counts()["sent"] == 1
    assert own.outbox.waiting()[0] == 1, "it is kept"


def test_only_a_clock_that_the_server_confirmed_makes_events_too_old(tmp_path: Path) -> None:
    own = door(tmp_path, lambda _: AWAY)
    own.outbox.add(event())
    own.facts.learn(10.0, 0.5, own.wall(), own.clock())
    own.wall.now += 365 * 86400  # a leap
    own.sender.step_old()
    assert own.outbox.waiting()[0] == 1
    own.clock.now += 365 * 86400  # a year
    own.sender.step_old()
    assert own.outbox.waiting()[0] == 0
    assert own.outbox.counts()["dropped"] == 1


def test_a_disk_that_fails_does_not_keep_the_door_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = door(tmp_path)

    def full(_: Event) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(own.outbox, "add", full)
    own.sender.offer(visit())
    own.sender.step_live()
    assert len(own.opened) == 1


def test_a_relay_that_fails_does_not_send_the_event_again(tmp_path: Path) -> None:
    own = door(tmp_path)
    told: list[Entry] = []

    def broken() -> None:
        raise OSError("no such pin")

    own.sender._open_door = broken
    own.sender._answered = lambda _event, _verdict, entry: told.append(entry)
    own.sender.offer(visit())
    own.sender.step_live()
    assert told == [Entry.FAILED]
    assert own.outbox.waiting()[0] == 0


def test_without_a_relay_nothing_is_said_to_have_opened(tmp_path: Path) -> None:
    own = door(tmp_path)
    told: list[Entry] = []
    own.sender._open_door = None
    own.sender._answered = lambda _event, _verdict, entry: told.append(entry)
    own.sender.offer(visit())
    own.sender.step_live()
    assert told == [Entry.NO_RELAY]


@pytest.mark.parametrize("age", [0.0, 3600.0])
def test_what_is_held_is_sent_after_its_release_with_what_is_claimed_then(
    tmp_path: Path, age: float
) -> None:
    own, told = door(tmp_path), list[Event]()

    def listen(one: Event) -> Verdict:
        told.append(one)
        return MATCH

    own.server.answer = listen
    event_id = own.sender.offer(visit(), (("device_opened", "true"),), is_held=True)
    own.clock.now += age
    own.sender.step_live()
    own.sender.step_old()
    assert told == []
    own.sender.release(event_id, (("device_opened", "false"),))
    own.sender.step_live()
    own.sender.step_old()
    assert [(one.event_id, dict(one.claim)) for one in told] == [
        (event_id, {"device_opened": "false"})
    ]
    assert own.outbox.waiting()[0] == 0


def test_its_threads_send_what_is_offered_and_stop(tmp_path: Path) -> None:
    done = threading.Event()
    own = door(tmp_path)
    own.sender._answered = lambda *_: done.set()
    own.sender.start()
    own.sender.offer(visit())
    assert done.wait(10)
    own.sender.stop()
    assert not any(thread.is_alive() for thread in own.sender._threads)
    assert own.opened == [1000.0]
