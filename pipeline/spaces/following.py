"""A process that works in one space for as long as that is in force."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from core.logs import describe
from pipeline.engine import Engine
from pipeline.services import Services

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_TICK_SECONDS = 0.1
_END_SECONDS = 3.0


@contextmanager
def until_switched(
    services: Services, engine: Engine, stop: threading.Event
) -> Iterator[threading.Event]:
    """An event that is set at `stop`, or when another engine than this one is in force here.

    Meanwhile the networks that are to be in force are loaded.
    """
    ended = threading.Event()
    thread = threading.Thread(
        target=_follow, args=(services, engine, stop, ended), name="follow", daemon=True
    )
    thread.start()
    try:
        yield ended
    finally:
        ended.set()
        thread.join(_END_SECONDS)


def _follow(
    services: Services, engine: Engine, stop: threading.Event, ended: threading.Event
) -> None:
    look_at = time.monotonic()
    while not stop.is_set() and not ended.is_set():
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + _LOOK_SECONDS
            try:
                services.follow()
                if services.engine() is not engine:
                    break
            except Exception as error:  # noqa: BLE001 - a thread's own traceback would name paths
                _log.warning("the network in force could not be looked up [%s]", describe(error))
        ended.wait(_TICK_SECONDS)
    ended.set()
