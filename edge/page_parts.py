"""The live page put together; the only place that loads it."""

import importlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from edge.board import Board
from edge.local_parts import Local
from edge.page.types import Capture, CaptureResult, Say
from edge.page.types import Status as Rows
from edge.registering.types import Outcome, RegisterError
from edge.sections import Config
from edge.settings_fields import ConfigError


@contextmanager
def page_of(
    config: Config, board: Board, rows: Rows, local: Local | None, stop: threading.Event
) -> Iterator[None]:
    """The page of the settings at work, if it is on; raises ConfigError and OSError."""
    if not config.page.enabled:
        yield
        return
    try:
        importlib.import_module("waitress")
        server = importlib.import_module("edge.page.server")
    except ImportError:
        raise ConfigError("page.enabled needs edge/requirements-page.txt installed") from None
    with _capture_of(config, board, local, stop) as capture:
        page = server.Page(config.page, board, rows, capture)
        _start(page)
        try:
            yield
        finally:
            page.stop()


def _start(page: Any) -> None:
    try:
        page.start()
    except OSError as error:
        # The page's own words have no number; a name that nobody knows has the system's.
        raise OSError(str(error) if error.errno is None else "page.host is no address") from None


@contextmanager
def _capture_of(
    config: Config, board: Board, local: Local | None, stop: threading.Event
) -> Iterator[Capture | None]:
    """The page's button; None where there is nobody to register with."""
    commands: Any = importlib.import_module("edge.registering.commands")
    capturing: Any = importlib.import_module("edge.registering.capture")
    embedder, store = (local.by_landmarks, local.store) if local else (None, None)
    try:
        registering = commands.registering(config, embedder, store)
        registrar = registering.__enter__()
    except RegisterError:
        yield None
        return
    try:
        rules, plan = commands.rules_of(config), commands.plan_of(config)
        register = capturing.Capture(board, registrar, rules, plan, stop=stop)
        yield _refreshing(cast(Callable[[str, Say], Outcome], register), local)
    finally:
        registering.__exit__(None, None, None)


def _refreshing(register: Callable[[str, Say], Outcome], local: Local | None) -> Capture:
    def capture(name: str, say: Say, /) -> CaptureResult:
        done = register(name, say)
        if local is not None:
            with suppress(sqlite3.Error):  # else with the reporter's next look
                local.recognizer.refresh()  # whoever was registered is known from now on
        return CaptureResult(done.ok, done.text)

    return capture
