"""Whom MQTT trusts, and that no broker, however odd, disturbs the agent."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.mqtt.messages import Happened
from edge.mqtt.publisher import Mqtt
from edge.sections import MqttSettings
from edge.settings_fields import Secret
from tests.edge.agent_kit import Clock
from tests.edge.broker import Broker, soon
from tests.edge.certificate import make_certificate

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")
EVENT = Happened("event-1", "match", "1042", 0.83, True, 1000.0)
CONNACK = bytes([0x20, 0x02, 0x00, 0x00])

# Paho leaves the socket of a refused handshake to the garbage collector.
refused_handshakes = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)


@contextmanager
def agent(settings: MqttSettings) -> Iterator[Mqtt]:
    mqtt = Mqtt(settings, "door-1", "", clock=Clock(), wall=Clock(1000.0))
    mqtt.start()
    try:
        yield mqtt
    finally:
        mqtt.stop()


def at(port: int) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port)


@contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


def stands(mqtt: Mqtt, word: str) -> bool:
    return soon(lambda: word in (mqtt.problem or ""))


@refused_handshakes
def test_only_a_broker_whose_authority_is_known_is_told_anything(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    lines = ["allow_anonymous true", f"certfile {certificate}", f"keyfile {key}"]
    with running(Broker(tmp_path, lines)) as broker:
        unknown = replace(at(broker.port), tls=True)
        with agent(unknown) as mqtt:
            assert stands(mqtt, "certificate cannot be trusted")
        known = replace(unknown, ca_file=certificate)
        with agent(replace(known, host="localhost")) as mqtt:
            assert stands(mqtt, "certificate cannot be trusted"), "it names 127.0.0.1 alone"
        assert "as kenal-door-1" not in broker.log
        with agent(known) as mqtt:
            assert soon(lambda: mqtt.problem is None)
        assert "as kenal-door-1" in broker.log


@refused_handshakes
def test_plain_is_not_taken_for_tls_nor_tls_for_plain(tmp_path: Path) -> None:
    with running(Broker(tmp_path)) as broker, agent(replace(at(broker.port), tls=True)) as mqtt:
        assert stands(mqtt, "certificate cannot be trusted")
        assert "as kenal-door-1" not in broker.log


def test_a_ca_file_that_is_none_is_said_and_no_way_around(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    with running(Broker(tmp_path)) as broker:
        for place in (broken, tmp_path / "absent.pem", tmp_path):
            settings = replace(at(broker.port), tls=True, ca_file=place)
            with agent(settings) as mqtt:
                mqtt.event(EVENT)
                assert stands(mqtt, "mqtt.ca_file cannot be used")
        assert "New connection" not in broker.log
    assert str(tmp_path) not in caplog.text


def test_user_and_password_are_given_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    users = tmp_path / "users"
    program = ["mosquitto_passwd", "-c", "-b", str(users), "door", "pass-word"]
    broker = Broker(tmp_path, [f"password_file {users}"])
    try:
        subprocess.run(program, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("mosquitto is not installed")
    with running(broker):
        right = replace(at(broker.port), username="door", password=Secret("pass-word"))
        for wrong in (at(broker.port), replace(right, password=Secret("pass-wrong"))):
            with agent(wrong) as mqtt:
                assert stands(mqtt, "the broker refuses")
        with agent(right) as mqtt:
            assert soon(lambda: mqtt.problem is None)
    assert "refuses" in caplog.text
    assert "pass-w" not in caplog.text


class OddBroker:
    """Says the same to everybody who connects, and takes nothing but the first packet."""

    def __init__(self, answer: bytes) -> None:
        self._answer, self._kept = answer, list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port, self.guests = self._listener.getsockname()[1], 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for guest in self._kept:
            guest.close()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
                self._kept.append(guest)
                guest.recv(4096)
                guest.sendall(self._answer)
            except OSError:
                return
            self.guests += 1


@contextmanager
def odd(answer: bytes) -> Iterator[OddBroker]:
    broker = OddBroker(answer)
    try:
        yield broker
    finally:
        broker.close()


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
PUBLISH = CONNACK + bytes([0x30, 9, 0, 4]) + b"open" + b"now"
ODD_ANSWERS = {
    "http": HTTP,
    "zeros": bytes(64),
    "endless length": bytes([0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    "short connack": bytes([0x20, 0x01, 0x00]),
    "unasked publish": PUBLISH,
    "publish with a bad topic": CONNACK + bytes([0x30, 4, 0, 2, 0xFF, 0xFE]),
    "publish that lies about its length": CONNACK + bytes([0x30, 2, 0xFF, 0xFF]),
    "unknown packet": CONNACK + bytes([0xF0, 0x00]),
    "acknowledged what nobody sent": CONNACK + bytes([0x40, 2, 0, 9]),
}


@pytest.mark.parametrize("answer", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_odd_broker_disturbs_nothing(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with odd(answer) as broker, agent(at(broker.port)) as mqtt:
        assert soon(lambda: broker.guests > 0)
        mqtt.event(EVENT)
        mqtt.state("door", "open")
        assert all(thread.is_alive() for thread in mqtt._threads)
    assert not any(thread.is_alive() for thread in mqtt._threads), "and it can be stopped"
    assert "Traceback" not in caplog.text


def test_what_a_broker_does_not_take_is_bounded() -> None:
    with odd(CONNACK) as broker, agent(at(broker.port)) as mqtt:
        assert soon(lambda: mqtt.problem is None)
        mqtt._client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for number in range(2000):
            mqtt.event(replace(EVENT, event_id=f"{number}", user_id="1" * 4000))
            mqtt.state("queue", str(number))
        assert len(mqtt._backlog._events) <= 100
        assert len(mqtt._client._out_packet) <= 2
    assert not any(thread.is_alive() for thread in mqtt._threads)


def test_without_the_library_the_log_says_so_and_no_more_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "paho.mqtt.client", None)
    with agent(at(9)) as mqtt:
        mqtt.event(EVENT)
        mqtt.state("door", "open")
        assert stands(mqtt, "paho-mqtt is not installed")
    assert "paho-mqtt is not installed" in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        MqttSettings(host="a" * 300),
        MqttSettings(host="a..b"),
        MqttSettings(host="127.0.0.1", port=9, topic="a/#"),
        MqttSettings(host="127.0.0.1", port=9, topic="+"),
        MqttSettings(host="127.0.0.1", port=9, username="x" * 70_000),
    ],
    ids=["long host", "odd host", "wildcard", "plus", "long name"],
)
def test_settings_that_cannot_work_disturb_nothing(settings: MqttSettings) -> None:
    with agent(settings) as mqtt:
        mqtt.event(EVENT)
        assert soon(lambda: mqtt.problem not in (None, "not connected yet"))
