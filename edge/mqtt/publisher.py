"""Publishes what the door sees and does, and listens to nothing.

There is no command topic and no subscription: whatever stands on a broker, kept, repeated or
forged, cannot open the door. Everything is said at most once (QoS 0), so nothing is said twice.
"""

import contextlib
import importlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from edge.mqtt.backlog import Backlog
from edge.mqtt.discovery import discovery
from edge.mqtt.messages import OFFLINE, ONLINE, Happened, Message, Topics
from edge.sections import MqttSettings

log = logging.getLogger("edge.mqtt")
_KEEPALIVE_SECONDS = 30
_LONGEST_WAIT_SECONDS = 60
_AFRESH_SECONDS = 5.0
_TAKEN_SECONDS = 0.2
_GOODBYE_SECONDS = 0.5


class _Unusable(Exception):
    """What is wrong with the settings."""


class Mqtt:
    """Speaks MQTT in threads of its own: no call waits for the broker, or fails with it."""

    def __init__(
        self,
        settings: MqttSettings,
        device_id: str,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`name`: the door's, for people; `clock` and `wall` tell how old events are."""
        self._settings, self._topics = settings, Topics(settings.topic, device_id)
        greetings = [self._topics.availability(ONLINE)]
        if settings.discovery_prefix:
            greetings.insert(0, discovery(self._topics, settings.discovery_prefix, name))
        self._backlog = Backlog(self._topics, greetings, clock, wall)
        self._changed, self._over = threading.Condition(), threading.Event()
        self._client: Any = None  # paho's
        self._is_there, self._word = False, ""
        self._ended = threading.Event()  # paho's thread
        self._ended.set()
        self._threads: list[threading.Thread] = []

    @property
    def problem(self) -> str | None:
        """Why nobody is told; None while the broker is there."""
        return None if self._is_there else self._word or "not connected yet"

    def start(self) -> None:
        """Begins; raises nothing, waits for nobody: what is wrong is in the log."""
        for name, work in (("mqtt", self._connect), ("mqtt-say", self._speak)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, seconds: float = 3.0) -> None:
        """Says that the door is offline, if the broker listens, and ends; may be called twice."""
        with self._changed:
            self._over.set()
            self._changed.notify_all()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))

    def event(self, happened: Happened) -> None:
        """Told while its picture is at most a minute old, else never."""
        with self._changed:
            self._backlog.event(happened)
            self._changed.notify_all()

    def state(self, name: str, word: str) -> None:
        """The newest word of `door` (open, closed), `camera`, `server` or `queue`, none other."""
        with self._changed:
            self._backlog.state(name, word)
            self._changed.notify_all()

    def _connect(self) -> None:
        """Paho reconnects by itself; what it did not foresee begins anew."""
        while not self._over.is_set():
            try:
                self._client = self._made()
                if not self._over.is_set():
                    self._run(self._client)
            except ImportError:
                self._say("mqtt.host is set, but paho-mqtt is not installed", logging.ERROR)
                return
            except _Unusable as error:
                self._say(str(error), logging.ERROR)
            except Exception as error:  # noqa: BLE001 - a broker is no reason to end anything
                self._say(f"failed: {type(error).__name__}", logging.ERROR)
            self._lost()
            self._over.wait(_AFRESH_SECONDS)

    def _run(self, client: Any) -> None:
        """Until paho's thread ends. It is paho's own because only that is woken by a message."""
        loop = client.loop_forever

        def guarded(timeout: float = 1.0, retry_first_connection: bool = False) -> None:
            try:
                loop(timeout, retry_first_connection)
            except Exception as error:  # noqa: BLE001 - what a broker can send has no bounds
                self._say(f"failed: {type(error).__name__}", logging.ERROR)
            finally:
                self._ended.set()

        client.loop_forever = guarded
        self._ended.clear()
        client.loop_start()
        self._ended.wait()

    def _made(self) -> Any:
        settings, paho = self._settings, importlib.import_module("paho.mqtt.client")
        name = f"kenal-{self._topics.device}"  # fixed: the broker ends the session before ours
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name)
        if settings.username:
            client.username_pw_set(settings.username, settings.password.text or None)
        if settings.tls:
            client.tls_set_context(_trusted(settings))
        will = self._topics.availability(OFFLINE)
        client.will_set(will.topic, will.text, retain=will.kept)
        client.reconnect_delay_set(1, _LONGEST_WAIT_SECONDS)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.connect_async(settings.host, settings.port, keepalive=_KEEPALIVE_SECONDS)
        return client

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if self._over.is_set():
            client.disconnect()
        elif reason.is_failure:
            self._say(f"the broker refuses: {reason}", logging.ERROR)
        else:
            self._say("connected", logging.INFO)
            with self._changed:
                self._is_there = True
                self._backlog.connected()
                self._changed.notify_all()

    def _on_disconnect(self, *_told: Any) -> None:
        self._lost()

    def _on_connect_fail(self, *_told: Any) -> None:
        if self._settings.tls and not self._word:
            self._say("the broker is away, or its certificate cannot be trusted", logging.WARNING)
        self._lost()

    def _lost(self) -> None:
        with self._changed:
            was_there, self._is_there = self._is_there, False
            self._changed.notify_all()
        if was_there or not self._word:
            self._say("the broker is away", logging.WARNING)

    def _say(self, word: str, level: int) -> None:
        if word != self._word and not self._over.is_set():
            log.log(level, "mqtt: %s", word)
        self._word = word

    def _speak(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._over.is_set() or self._can_speak())
                if self._over.is_set():
                    break
                message = self._backlog.next()
            if message is not None:
                self._publish(message)
        self._say_goodbye()

    def _can_speak(self) -> bool:
        return self._is_there and bool(self._backlog)

    def _publish(self, message: Message) -> None:
        """One at a time: what a broker does not take waits in our own queue, which is bounded."""
        try:
            sent = self._client.publish(message.topic, message.text, retain=message.kept)
            while self._is_there and not self._over.is_set() and not sent.is_published():
                sent.wait_for_publish(_TAKEN_SECONDS)
        except Exception as error:  # noqa: BLE001 - a lost line, a topic that MQTT does not allow
            log.debug("not published: %s", type(error).__name__)

    def _say_goodbye(self) -> None:
        message = self._topics.availability(OFFLINE)
        try:
            if self._is_there:
                sent = self._client.publish(message.topic, message.text, retain=message.kept)
                sent.wait_for_publish(_GOODBYE_SECONDS)
        except Exception as error:  # noqa: BLE001 - the broker says the same when we are gone
            log.debug("no goodbye: %s", type(error).__name__)
        if self._client is not None:
            self._end(self._client)

    def _end(self, client: Any) -> None:
        client.disconnect()
        if self._ended.wait(_GOODBYE_SECONDS):
            return
        line = client.socket()  # a broker that takes nothing does not take this either
        if line is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def _trusted(settings: MqttSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(settings.ca_file)
        except OSError:  # ssl's own errors too
            raise _Unusable("mqtt.ca_file cannot be used") from None
    return context
