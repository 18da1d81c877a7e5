"""An app with requests that take longer than their worker waits when it is replaced."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

from core.settings import load_settings
from tests.api import served
from tests.faults.hostile_kit import RECOVERED_SECONDS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

PHOTO = b"photo"
COUNT = 40
"""More files than the worker's loop had descriptors."""


def create() -> Flask:
    """The app on fake networks, with `/hold` and `/write` that go on as files are made."""
    app = served.create()
    inner = app.wsgi_app
    folder = load_settings().data_dir

    def answer(environ: dict[str, Any], start: "StartResponse") -> Iterable[bytes]:
        act = {"/hold": hold, "/write": write}.get(environ["PATH_INFO"])
        if act is None:
            return inner(environ, start)
        act(folder)
        start("200 OK", [("Content-Length", "0")])
        return []

    app.wsgi_app = answer  # type: ignore[method-assign,assignment]
    return app


def hold(folder: Path) -> None:
    """Until the files are open."""
    wait(folder / "opened")


def write(folder: Path) -> None:
    """Files that are open while the other request ends."""
    wait(folder / "replaced")
    with ExitStack() as stack:
        paths = [folder / f"{number}.stored" for number in range(COUNT)]
        files = [stack.enter_context(path.open("wb", buffering=0)) for path in paths]
        (folder / "opened").touch()
        wait(folder / "answered")
        for file in files:
            file.write(PHOTO)


def wait(path: Path) -> None:
    deadline = time.monotonic() + RECOVERED_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, path.name
        time.sleep(0.02)
