"""The live page put together; the only place that loads it."""

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from edge.board import Board
from edge.local_parts import Local
from edge.page.types import Capture, CaptureResult, Say
from edge.page.types import Status as Rows
from edge.registering.capture import Capture as Register
from edge.registering.commands import plan_of, registering, rules_of
from edge.registering.types import Outcome, RegisterError
from edge.sections import Config
from edge.settings_fields import ConfigError


@contextmanager
def page_of(
    config: Config,
    board: Board,
    rows: Rows,
    local: Local | None,
    *,
    stop: threading.Event,
    registered: Callable[[], None],
) -> Iterator[None]:
    """The page of the settings at work, if it is on; raises ConfigError and OSError.

    `registered` is called after somebody was registered on the page.
    """
    if not config.page.enabled:
        yield
        return
    try:
        importlib.import_module("waitress")
        server = importlib.import_module("edge.page.server")
    except ImportError:
        raise ConfigError("page.enabled needs edge/requirements-page.txt installed") from None
    with _capture_of(config, board, local, stop=stop, registered=registered) as capture:
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
    config: Config,
    board: Board,
    local: Local | None,
    *,
    stop: threading.Event,
    registered: Callable[[], None],
) -> Iterator[Capture | None]:
    """The page's button; None where there is nobody to register with."""
    embedder, store = (local.by_landmarks, local.store) if local else (None, None)
    with ExitStack() as stack:
        try:
            registrar = stack.enter_context(registering(config, embedder, store))
        except RegisterError:
            yield None
            return
        register = Register(board, registrar, rules_of(config), plan_of(config), stop=stop)
        yield _telling(register, registered)


def _telling(register: Callable[[str, Say], Outcome], registered: Callable[[], None]) -> Capture:
    def capture(name: str, say: Say, /) -> CaptureResult:
        done = register(name, say)
        if done.ok:
            registered()
        return CaptureResult(done.ok, done.text)

    return capture
