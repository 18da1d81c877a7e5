"""Requests that take longer than their worker waits when it is replaced."""

import signal
import time
from pathlib import Path

from tests.api.test_server import Server, head, read_answer
from tests.faults.hostile_kit import connections, eventually
from tests.faults.outlast_served import COUNT, PHOTO

APP = "tests.faults.outlast_served:create()"


def test_a_request_that_ends_late_writes_into_no_file(tmp_path: Path) -> None:
    server = Server(tmp_path, APP, more={"GUNICORN_CMD_ARGS": "--graceful-timeout 1"})
    folder = tmp_path / "var"
    try:
        server.wait_ready()
        with (
            connections(server, 1, head("GET", "/hold")) as (held,),
            connections(server, 1, head("GET", "/write")) as (writing,),
        ):
            time.sleep(0.5)
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: "Worker exiting" in server.log.read_text(), "it stays")
            (folder / "replaced").touch()
            assert read_answer(held)[0] == 200
            # The thread says so to its loop after it has answered.
            time.sleep(0.5)
            (folder / "answered").touch()
            assert read_answer(writing)[0] == 200
    finally:
        server.stop()
    assert [path.read_bytes() for path in folder.glob("*.stored")] == [PHOTO] * COUNT
