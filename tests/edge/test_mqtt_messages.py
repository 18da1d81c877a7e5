"""What a broker is told: topics, texts, discovery, and what is not told any more."""

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from edge.mqtt.backlog import MOST_AGE_SECONDS, Backlog
from edge.mqtt.discovery import discovery
from edge.mqtt.messages import STATES, Happened, Message, Topics
from tests.edge.agent_kit import Clock

TOPICS = Topics("kenal", "door-1")
MATCH = Happened("event-1", "match", "1042", 0.83, True, 1000.0)
GREETING = Message("kenal/door-1/availability", "online", kept=True)


def backlog(clock: Clock, wall: Clock) -> Backlog:
    return Backlog(TOPICS, [GREETING], clock, wall)


def said(box: Backlog) -> list[Message]:
    found = []
    while (message := box.next()) is not None:
        found.append(message)
    return found


def ids(messages: list[Message]) -> list[str]:
    return [json.loads(one.text)["event_id"] for one in messages]


def test_an_event_says_who_and_is_not_kept() -> None:
    message = TOPICS.event(MATCH)
    assert (message.topic, message.kept) == ("kenal/door-1/event", False)
    assert json.loads(message.text) == {
        "event_type": "match",
        "event_id": "event-1",
        "decision": "match",
        "user_id": "1042",
        "similarity": 0.83,
        "granted": False,
        "opened": True,
        "captured_at": "1970-01-01T00:16:40.000Z",
    }


@pytest.mark.parametrize("similarity", [math.nan, math.inf, -math.inf])
def test_an_event_is_json_whatever_stands_in_it(similarity: float) -> None:
    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    odd = replace(MATCH, decision='no_"face\n', user_id="\ud800é", similarity=similarity)
    told = json.loads(TOPICS.event(odd).text, parse_constant=refuse)
    assert told["similarity"] is None
    assert told["event_type"] == "refused"
    assert told["decision"] == 'no_"face\n'


@pytest.mark.parametrize(
    "device_id", ["door-1", "Door_2", "a.b", "a_b", "a/b", "a+b", "#", "", "дверь", "a\0b"]
)
def test_every_device_id_makes_topics_that_mqtt_and_discovery_allow(device_id: str) -> None:
    topics = Topics("kenal", device_id)
    assert re.fullmatch(r"kenal/[A-Za-z0-9._-]+/event", topics.of("event"))
    assert re.fullmatch(r"[A-Za-z0-9_-]+", topics.device)
    topic = discovery(topics, "homeassistant", "").topic
    assert re.fullmatch(r"homeassistant/device/[A-Za-z0-9_-]+/config", topic)


def test_two_devices_never_share_a_topic() -> None:
    devices = ["a.b", "a_b", "a b", "a/b", "a+b", ""]
    topics = [Topics("kenal", one) for one in devices]
    assert len({one.device for one in topics}) == len(devices)
    assert len({one.of("event") for one in topics}) == len(devices)


def test_discovery_has_what_home_assistant_requires_and_nothing_to_command() -> None:
    message = discovery(TOPICS, "homeassistant", "Front door")
    told = json.loads(message.text)
    assert message.kept
    assert message.topic == "homeassistant/device/kenal_door-1/config"
    assert told["device"]["name"] == "Front door"
    assert told["device"]["identifiers"]
    assert told["origin"]["name"]
    assert told["availability_topic"] == "kenal/door-1/availability"
    parts = list(told["components"].values())
    assert {one["state_topic"] for one in parts} == {TOPICS.of(name) for name in ("event", *STATES)}
    assert len({one["unique_id"] for one in parts}) == len(parts)
    assert {one["platform"] for one in parts} == {"event", "binary_sensor", "sensor"}
    assert "command" not in message.text
    event = next(one for one in parts if one["platform"] == "event")
    for decision in ("match", "no_match", "ambiguous", "no_face", "late"):
        happened = replace(MATCH, decision=decision)
        assert json.loads(TOPICS.event(happened).text)["event_type"] in event["event_types"]


def test_only_the_door_and_events_are_not_kept() -> None:
    assert {name: TOPICS.state(name, "x").kept for name in STATES} == {
        "door": False,
        "camera": True,
        "server": True,
        "queue": True,
    }
    assert len(TOPICS.state("camera", "x" * 9999).text) <= 255


def test_a_state_is_said_once_in_its_newest_word_and_again_to_a_new_broker() -> None:
    box = backlog(Clock(), Clock())
    for word in ("1", "2", "3"):
        box.state("queue", word)
    box.state("door", "closed")
    assert [(one.topic, one.text) for one in said(box)] == [
        ("kenal/door-1/queue", "3"),
        ("kenal/door-1/door", "closed"),
    ]
    box.state("queue", "3")
    assert not box
    box.connected()
    assert [one.text for one in said(box)] == ["online", "3", "closed"]
    with pytest.raises(ValueError, match="no state"):
        box.state("open", "now")


def test_events_older_than_a_minute_are_never_said() -> None:
    clock, wall = Clock(5.0), Clock(1000.0)
    box = backlog(clock, wall)
    box.event(replace(MATCH, event_id="from the queue", captured_at=1000.0 - MOST_AGE_SECONDS))
    box.event(replace(MATCH, event_id="half", captured_at=1000.0 - MOST_AGE_SECONDS / 2))
    box.event(MATCH)
    clock.now += MOST_AGE_SECONDS / 2
    wall.now -= 1e6  # a clock that leaps makes nothing young
    assert ids(said(box)) == ["event-1"]
    box.event(replace(MATCH, captured_at=wall.now))
    clock.now += MOST_AGE_SECONDS
    assert said(box) == []


def test_too_many_events_push_out_the_oldest() -> None:
    box = backlog(Clock(), Clock())
    for number in range(1000):
        box.event(replace(MATCH, event_id=str(number)))
    kept = ids(said(box))
    assert 0 < len(kept) <= 100
    assert kept == [str(number) for number in range(1000 - len(kept), 1000)]


def test_a_time_beyond_all_years_says_nothing() -> None:
    box = backlog(Clock(), Clock())
    for moment in (1e300, 1e14, math.inf, math.nan):
        box.event(replace(MATCH, captured_at=moment))
    assert said(box) == []
