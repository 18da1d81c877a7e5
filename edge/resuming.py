"""Sends the registrations that wait for the server, once it is back."""

import logging
import random
import threading
import time
from collections.abc import Callable

from edge.backoff import delay
from edge.local_parts import Local
from edge.registering.commands import registering
from edge.registering.types import RegisterError
from edge.registering.waiting import Job, Waiting
from edge.sections import Config

log = logging.getLogger("edge.resuming")
_SECONDS = 15.0
_YOUNG_SECONDS = 120.0
Send = Callable[[list[Job]], int]
"""Sends these; how many wait on. Raises RegisterError."""


class Resumer:
    """A thread that looks again and again whether something waits."""

    def __init__(
        self,
        waiting: Waiting,
        server_answers: Callable[[], bool],
        send: Send,
        *,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._waiting, self._server_answers, self._send = waiting, server_answers, send
        self._wall, self._chance, self._failures = wall, chance, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="resuming", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 3.0) -> None:
        """What is on its way may end; the rest waits on the disk."""
        self._stop.set()
        self._thread.join(seconds)

    def step(self) -> float:
        """Sends what waits, if the server is there; the seconds until the next look."""
        if not self._server_answers():
            return _SECONDS
        jobs = [job for job in self._waiting.jobs() if not self._is_young(job)]
        if not jobs:
            self._failures = 0
            return _SECONDS
        try:
            left = self._send(jobs)
        except RegisterError as error:
            left = len(jobs)
            log.warning("registrations cannot be sent: %s", error)
        log.info("%d of %d waiting registrations answered", len(jobs) - left, len(jobs))
        self._failures = self._failures + 1 if left else 0
        return max(_SECONDS, delay(self._failures, self._chance(), None)) if left else _SECONDS

    def _is_young(self, job: Job) -> bool:
        """Whether whoever made it may still be sending it."""
        try:
            made_at = int(job.id.partition("-")[0]) / 1e9
        except ValueError:
            return False
        return 0 <= self._wall() - made_at < _YOUNG_SECONDS

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self.step()
            except Exception as error:  # noqa: BLE001 - they wait on the disk until it goes well
                log.error("registrations cannot be sent: %s", type(error).__name__)
                pause = _SECONDS
            self._stop.wait(pause)


def resumer_of(
    config: Config, local: Local | None, server_answers: Callable[[], bool]
) -> Resumer | None:
    """The resumer of the settings; None where registrations do not go to the server."""
    if config.register.to == "local" or not config.server.url or not config.register.key.text:
        return None
    embedder, store = (local.by_landmarks, local.store) if local else (None, None)

    def send(jobs: list[Job]) -> int:
        with registering(config, embedder, store) as registrar:
            return sum(bool(registrar.send(job).waits) for job in jobs)

    return Resumer(Waiting(config.outbox.folder), server_answers, send)
