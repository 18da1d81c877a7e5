"""MQTT against a real broker, that is away, is killed, forgets, and keeps what others said."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.mqtt.messages import STATES, Happened
from edge.mqtt.publisher import Mqtt
from edge.sections import MqttSettings
from tests.edge.agent_kit import Clock
from tests.edge.broker import Broker, Hearer, soon
from tests.served_kit import ROOT

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")
DISCOVERY = "homeassistant/device/kenal_door-1/config"
NOW = 1_700_000_000.0
EVENT = Happened("event-1", "match", "1042", 0.83, True, NOW)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = Broker(tmp_path)
    try:
        one.start()
        yield one
    finally:
        one.kill()


@contextmanager
def agent(port: int, clock: Clock | None = None) -> Iterator[Mqtt]:
    clock, settings = clock or Clock(), MqttSettings(host="127.0.0.1", port=port)
    mqtt = Mqtt(settings, "door-1", "Front door", clock=clock, wall=Clock(NOW))
    mqtt.start()
    try:
        yield mqtt
    finally:
        mqtt.stop()


@contextmanager
def hearing(broker: Broker, name: str = "hearer") -> Iterator[Hearer]:
    hearer = Hearer(broker, name)
    try:
        yield hearer
    finally:
        hearer.close()


def topic(name: str) -> str:
    return f"kenal/door-1/{name}"


def events(hearer: Hearer) -> list[str]:
    return [json.loads(text)["event_id"] for text in hearer.texts(topic("event"))]


def test_it_tells_what_happens_and_the_broker_keeps_states_alone(broker: Broker) -> None:
    with hearing(broker) as hearer, agent(broker.port) as mqtt:
        for name, word in (("camera", "ok"), ("server", "ok"), ("queue", "0"), ("door", "open")):
            mqtt.state(name, word)
        mqtt.event(EVENT)
        assert soon(lambda: events(hearer) == ["event-1"])
        assert hearer.texts(topic("availability"))[-1] == "online"
        assert hearer.texts(topic("door")) == ["open"]
        with hearing(broker, "late hearer") as late:
            kept = {"availability", "camera", "server", "queue"}
            assert soon(lambda: len(late.heard) == len(kept) + 1)
            assert {one.topic for one in late.heard if one.kept} == {*map(topic, kept), DISCOVERY}
    assert "Traceback" not in broker.log


def test_a_stop_says_offline_before_the_will_does(broker: Broker) -> None:
    with hearing(broker) as hearer:
        with agent(broker.port) as mqtt:
            assert soon(lambda: mqtt.problem is None)
            assert soon(lambda: hearer.texts(topic("availability")) == ["online"])
        assert soon(lambda: hearer.texts(topic("availability")) == ["online", "offline"])
        assert soon(lambda: "Received DISCONNECT from kenal-door-1" in broker.log)


def test_a_kill_is_told_by_the_broker_and_a_restart_is_online_again(broker: Broker) -> None:
    with hearing(broker) as hearer:
        driver = subprocess.Popen(
            [sys.executable, "-m", "tests.edge.mqtt_driver", str(broker.port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert driver.stdout is not None
            assert driver.stdout.readline() == "told\n"
            assert soon(lambda: hearer.texts(topic("availability")) == ["online"])
        finally:
            driver.kill()
            driver.communicate()
        assert soon(lambda: hearer.texts(topic("availability")) == ["online", "offline"])
        with agent(broker.port):
            assert soon(lambda: hearer.texts(topic("availability"))[2:] == ["online"])


def test_a_broker_that_comes_later_hears_states_and_young_events(tmp_path: Path) -> None:
    broker, clock = Broker(tmp_path), Clock()
    with agent(broker.port, clock) as mqtt:
        mqtt.state("queue", "7")
        mqtt.event(EVENT)
        clock.now += 61
        mqtt.event(replace(EVENT, event_id="young"))
        mqtt.event(replace(EVENT, event_id="of yesterday", captured_at=NOW - 86400))
        assert soon(lambda: mqtt.problem not in (None, "not connected yet"))
        broker.start()
        try:
            with hearing(broker) as hearer:
                mqtt.event(replace(EVENT, event_id="last"))
                assert soon(lambda: published_events(broker) >= 2)
                assert soon(lambda: hearer.texts(topic("queue")) == ["7"])
        finally:
            broker.kill()
    assert broker.log.count("Received PUBLISH from kenal-door-1") >= 4
    assert published_events(broker) == 2, "young and last; neither late ones nor any twice"


def published_events(broker: Broker) -> int:
    line = f"'{topic('event')}'"
    said = [one for one in broker.log.splitlines() if "Received PUBLISH from kenal" in one]
    return sum(line in one for one in said)


def test_a_broker_that_is_killed_keeps_states_and_is_told_them_again(broker: Broker) -> None:
    with agent(broker.port) as mqtt:
        mqtt.state("camera", "ok")
        with hearing(broker) as hearer:
            assert soon(lambda: hearer.texts(topic("camera")) == ["ok"])
        assert soon(lambda: b"kenal/door-1/camera" in saved(broker))
        broker.kill()
        assert soon(lambda: mqtt.problem is not None)
        mqtt.state("camera", "no frame")
        mqtt.state("camera", "ok again")
        broker.start()
        assert soon(lambda: mqtt.problem is None)
        with hearing(broker) as hearer:
            assert soon(lambda: hearer.texts(topic("camera"))[-1:] == ["ok again"])
            assert "no frame" not in hearer.texts(topic("camera")), "only the newest word"
            assert hearer.texts(DISCOVERY)


def test_a_broker_that_forgot_everything_is_told_it_again(broker: Broker) -> None:
    with agent(broker.port) as mqtt:
        mqtt.state("camera", "ok")
        assert soon(lambda: b"kenal/door-1/camera" in saved(broker))
        broker.kill()
        (broker.folder / "mosquitto.db").unlink()
        broker.start()
        with hearing(broker) as hearer:
            assert soon(lambda: hearer.texts(topic("camera")) == ["ok"])
            assert hearer.texts(topic("availability")) == ["online"]
            assert hearer.texts(DISCOVERY)


def saved(broker: Broker) -> bytes:
    place = broker.folder / "mosquitto.db"
    return place.read_bytes() if place.exists() else b""


def test_nothing_on_a_broker_reaches_the_agent(broker: Broker) -> None:
    """Not even what is kept, repeated, or said again after a restart of the broker."""
    with agent(broker.port) as mqtt:
        assert soon(lambda: mqtt.problem is None)
        with hearing(broker, "forger") as forger:
            forge(forger)
            assert len(forger.heard) >= 2 * len(FORGED_TOPICS) * len(FORGED_TEXTS)
        assert soon(lambda: topic("command").encode() in saved(broker))
        broker.kill()
        assert soon(lambda: mqtt.problem is not None)
        broker.start()
        assert soon(lambda: mqtt.problem is None)
        with hearing(broker, "forger") as forger:
            assert soon(lambda: any(one.kept for one in forger.heard))
            forge(forger)
    log = broker.log
    assert "Received SUBSCRIBE from forger" in log, "else this would prove nothing"
    assert "Sending PUBLISH to forger" in log
    assert "Received SUBSCRIBE from kenal-door-1" not in log
    assert "Sending PUBLISH to kenal-door-1" not in log


FORGED_TOPICS = [
    *(topic(name) for name in (*STATES, "event", "availability", "command", "open", "relay")),
    *(topic(name) for name in ("set", "door/set", "door/command", "relay/set", "cmd", "lock/set")),
    "kenal/door-1",
    "kenal/set",
    "homeassistant/status",
    "homeassistant/lock/kenal_door-1/set",
]
FORGED_TEXTS = ["open", "ON", "UNLOCK", "1", '{"decision": "match", "opened": true}']


def forge(forger: Hearer) -> None:
    for text in FORGED_TEXTS:
        for place in FORGED_TOPICS:
            forger.say(place, text, kept=False)
            forger.say(place, text, kept=True)
    forger.said()
