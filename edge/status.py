"""How the door is: rows for the live page, and words for the broker whenever they change."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.heartbeat import SKEW_ALARM_SECONDS
from edge.local_parts import Local
from edge.mqtt.publisher import Mqtt
from edge.page.types import StatusRow
from edge.recognition.policy import Circumstances
from edge.remote.detector import RemoteDetector
from edge.sections import Config
from edge.sending import Connection
from edge.types import Camera

log = logging.getLogger("edge.status")
_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Status:
    """Looks at the parts, and changes none."""

    config: Config
    camera: Camera
    connection: Connection | None
    local: Local | None
    circumstances: Callable[[], Circumstances] | None
    mqtt: Mqtt | None = None
    remote: RemoteDetector | None = None

    def rows(self) -> list[StatusRow]:
        """What the live page shows."""
        return list(self._rows())

    def words(self) -> dict[str, str]:
        """What a broker is told: the states of the camera, the server and the queue."""
        told = {"camera": self.camera.status()}
        if self.connection is not None:
            told["server"] = self.connection.problem or "ok"
            waiting = self.connection.waiting()
            told["queue"] = "unreadable" if waiting is None else str(waiting)
        return told

    def _rows(self) -> Iterator[StatusRow]:
        camera = self.camera.status()
        yield StatusRow("camera", camera, camera != "ok")
        yield StatusRow("recognizes", self._who_recognizes())
        if self.remote is not None:
            word = self.remote.status()
            yield StatusRow("faces found by the server", word, word != "ok")
        if self.connection is not None:
            yield from self._server(self.connection)
        if self.circumstances is not None and self.local is not None:
            yield from self._gallery(self.local, self.circumstances())
        if self.mqtt is not None:
            yield StatusRow("broker", self.mqtt.problem or "ok", self.mqtt.problem is not None)

    def _who_recognizes(self) -> str:
        return "the server" if self.config.recognition.mode == "server" else "this device"

    def _server(self, connection: Connection) -> Iterator[StatusRow]:
        problem = connection.problem
        yield StatusRow("server", problem or "ok", problem is not None)
        waiting, skew = connection.waiting(), connection.facts.skew_seconds
        word = "the queue cannot be read" if waiting is None else str(waiting)
        yield StatusRow("waiting to be sent", word, waiting != 0)
        if not connection.sender.keeps:
            yield StatusRow("disk", "events cannot be kept: is it full?", True)
        if skew is not None:
            yield StatusRow("clock", f"{skew:+.1f} s", abs(skew) > SKEW_ALARM_SECONDS)

    def _gallery(self, local: Local, now: Circumstances) -> Iterator[StatusRow]:
        people = local.recognizer.people
        yield StatusRow("people", str(people), people == 0)
        if local.sync is None:
            return
        problem, hours = local.sync.status.problem, now.gallery_age_seconds / 3600
        if hours == float("inf"):
            yield StatusRow("gallery", problem or "never confirmed", True)
            return
        is_old = hours > self.config.recognition.expires_hours
        word = f"confirmed {hours:.1f} h ago" if hours >= 0.1 else "as the server has it"
        yield StatusRow("gallery", problem or word, is_old or problem is not None)


class Reporter:
    """A thread that tells the broker what changed, and takes over a gallery that changed."""

    def __init__(self, status: Status) -> None:
        self._status, self._told = status, dict[str, str]()
        self._failing = set[str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 3.0) -> None:
        self._stop.set()
        self._thread.join(seconds)

    def step(self) -> None:
        """One look; what fails is tried again at the next, and said once."""
        self._tried("the gallery could not be taken over", self._follow)
        self._tried("the broker could not be told", self._tell)

    def _follow(self) -> None:
        """Whoever was registered or deleted by another process."""
        if self._status.local is not None:
            self._status.local.following.step()

    def _tell(self) -> None:
        mqtt = self._status.mqtt
        if mqtt is None:
            return
        for name, word in self._status.words().items():
            if self._told.get(name) != word:
                mqtt.state(name, word)
                self._told[name] = word

    def _tried(self, words: str, look: Callable[[], None]) -> None:
        try:
            look()
        except Exception as error:  # noqa: BLE001 - nothing here is a reason to end
            if words not in self._failing:
                log.error("%s: %s", words, type(error).__name__)
            self._failing.add(words)
        else:
            self._failing.discard(words)

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS):
            self.step()
