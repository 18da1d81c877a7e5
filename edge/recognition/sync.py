"""Takes the gallery from the server, page by page, again and again."""

import logging
import random
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.backoff import delay
from edge.recognition.gallery import Gallery
from edge.recognition.network import Network
from edge.recognition.page import Foreign, Page, page_of
from edge.recognition.policy import Confirmed, Moment, age_of
from edge.recognition.synced import GalleryFullError
from edge.verdict import Reply

log = logging.getLogger("edge.sync")
NOT_SERVED = "network_not_served"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MOST_PAGES = 10_000
_MOST_RESETS = 3
_NOTE_SECONDS = 600.0


class AsksForPages(Protocol):
    """What the sync needs of the client."""

    def page(self, network_sha256: str, after: str | None, request_id: str) -> Reply | str:
        """The answer, or in words why there is none; raises nothing."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """How the server's part of the gallery is. `problem`: None where the last round went well."""

    problem: str | None = "the server was not asked yet"
    pending: int = 0  # faces that the server has not embedded for this network yet
    damaged: int = 0  # faces of the last round that could not be read
    server_threshold: float | None = None


def now_by_both_clocks() -> Moment:
    """This moment, and which start of the machine it is."""
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        boot = ""  # no two moments are of one start then
    return Moment(time.time(), boot, time.clock_gettime(time.CLOCK_BOOTTIME))


class Sync:
    """A thread that keeps the gallery as the server has it."""

    def __init__(
        self,
        gallery: Gallery,
        client: AsksForPages,
        network: Network,
        changed: Callable[[], None],
        *,
        seconds: float,
        now: Callable[[], Moment] = now_by_both_clocks,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`changed` is called after the gallery changed, in this thread."""
        self._gallery, self._client, self._network = gallery, client, network
        self._changed, self._seconds, self._now, self._chance = changed, seconds, now, chance
        self._lock, self._failures, self._is_changed = threading.Lock(), 0, False
        self._status, self._confirmed = SyncStatus(), gallery.confirmed(network)
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """A page that is on its way may still be applied."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def soon(self) -> None:
        """Asks the server as soon as can be: it is back, or somebody was registered."""
        self._wake.set()

    @property
    def status(self) -> SyncStatus:
        """As of the last round."""
        with self._lock:
            return self._status

    def age(self, *, clock_is_right: bool) -> float:
        """How old the server's part of the gallery is, for `policy.rule`; inf: never confirmed."""
        with self._lock:
            confirmed = self._confirmed
        return age_of(confirmed, self._now(), clock_is_right=clock_is_right)

    def step(self) -> float:
        """One round: all that is new; the seconds until the next."""
        try:
            status = self._round()
        except Foreign as error:
            return self._failed(str(error), None)
        except _AwayError as error:
            return self._failed(str(error), error.retry_after)
        except GalleryFullError as error:
            return self._failed(str(error), None)
        except sqlite3.Error as error:
            return self._failed(f"the gallery cannot be written ({type(error).__name__})", None)
        self._failures = 0
        self._say(status)
        return self._seconds

    def _round(self) -> SyncStatus:
        if self._gallery.must_forget:
            self._gallery.forget_server()
        damaged = resets = 0
        try:
            for _ in range(_MOST_PAGES):
                if self._stop.is_set():
                    raise _AwayError("the agent stops", None)
                # Before the question: what changes while the answer is on its way is not in it.
                asked_at, after = self._now(), self._gallery.cursor(self._network)
                page = self._page(after)
                self._is_changed |= bool(page.faces or page.deleted or page.reset or page.damaged)
                begins_again = self._apply(page, after, asked_at)
                resets += page.reset
                if resets > _MOST_RESETS:
                    raise Foreign("the server's gallery begins again and again")
                damaged += page.damaged
                if page.complete and not begins_again:
                    self._confirm(Confirmed(asked_at))
                    return SyncStatus(None, page.pending, damaged, page.threshold)
        finally:
            if self._is_changed:
                self._changed()
                self._is_changed = False
        raise Foreign("the server's gallery does not end")

    def _page(self, after: str | None) -> Page:
        request_id = str(uuid.uuid4())
        reply = self._client.page(self._network.sha256, after, request_id)
        if isinstance(reply, str):
            raise _AwayError(reply, None)
        if reply.status != 200 and reply.json.get("request_id") == request_id:
            if _forgets(reply, after):
                self._forget()
            raise _AwayError(_words(reply), reply.retry_after)
        page = page_of(reply, request_id, self._network)
        if page.next_after == after and not page.complete and not page.reset:
            raise Foreign("the server's gallery does not go on")
        return page

    def _apply(self, page: Page, after: str | None, asked_at: Moment) -> bool:
        try:
            begins_again = self._gallery.apply(page, self._network, after, asked_at.wall)
        except GalleryFullError:
            self._gallery.delete_faces(page.deleted)
            raise
        if page.reset:
            with self._lock:
                self._confirmed = None
        return begins_again

    def _forget(self) -> None:
        self._is_changed = True
        with self._lock:
            self._confirmed = None
        self._gallery.forget_server()

    def _confirm(self, confirmed: Confirmed) -> None:
        self._gallery.confirm(self._network, confirmed)
        with self._lock:
            self._confirmed = confirmed

    def _failed(self, problem: str, told: float | None) -> float:
        self._failures += 1
        with self._lock:
            before = self._status
        self._say(SyncStatus(problem, before.pending, before.damaged, before.server_threshold))
        self._note_age()
        return max(delay(self._failures, self._chance(), told), min(self._seconds, 5.0))

    def _note_age(self) -> None:
        """So that restarts with a clock that was set back do not make the gallery young again."""
        with self._lock:
            confirmed = self._confirmed
        now = self._now()
        age = age_of(confirmed, now, clock_is_right=False)
        if confirmed is None or not _NOTE_SECONDS <= age - confirmed.age < float("inf"):
            return
        try:
            self._confirm(Confirmed(now, age))
        except sqlite3.Error as error:
            log.error("the age of the gallery cannot be noted: %s", type(error).__name__)

    def _say(self, status: SyncStatus) -> None:
        with self._lock:
            before, self._status = self._status, status
        if status.problem != before.problem:
            level = logging.WARNING if status.problem else logging.INFO
            log.log(level, "gallery: %s", status.problem or "as the server has it")
        if status.damaged != before.damaged:
            log.error("gallery: %d faces of the server could not be read", status.damaged)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                pause = self.step()
            except Exception as error:  # noqa: BLE001 - nothing may end the sync
                log.critical("the sync failed: %s", type(error).__name__)
                pause = self._seconds
            self._wake.wait(0 if self._stop.is_set() else pause)


class _AwayError(Exception):
    """No page came; says why."""

    def __init__(self, word: str, retry_after: float | None) -> None:
        super().__init__(word)
        self.retry_after = retry_after


def _forgets(reply: Reply, after: str | None) -> bool:
    """Whether this device may hold nobody's face, or its place is none of the server's."""
    error = reply.json.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    reason = details.get("reason") if isinstance(details, dict) else None
    if reply.error_code is None:
        return False
    is_barred = reply.status == 403 and reason in ("inactive", "gallery_not_allowed")
    return is_barred or reply.status == 401 or (reply.status == 400 and after is not None)


def _words(reply: Reply) -> str:
    if reply.error_code == NOT_SERVED:
        return "the server does not embed for this device's network (network_not_served)"
    return reply.error_code or f"an answer that is not Kenal's ({reply.status})"
