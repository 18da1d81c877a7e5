"""Keys behind a real server of two workers: revoked in one, refused in both, at once."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask, Response

from api import create_app
from core.access import Scope
from core.settings import load_settings
from pipeline.services import Services
from tests.api.keys_kit import id_of, make_key, sent
from tests.fakes import FakeNetworks, fake_settings, make_services

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
WORKER = "X-Worker"


def create() -> Flask:
    """The application for gunicorn; every answer names the process it came from."""
    app = create_app(services=Services.build(load_settings(), FakeNetworks()))

    @app.after_request
    def name_worker(response: Response) -> Response:
        response.headers[WORKER] = str(os.getpid())
        return response

    return app


class Served:
    """Two gunicorn workers that ask for keys, on a gallery with an admin's key."""

    def __init__(self, folder: Path) -> None:
        services = make_services(fake_settings(folder))
        self.database = services.database
        self.admin = make_key(self.database, Scope.ADMIN)
        self.log = folder / "log"
        environment = {name: value for name, value in os.environ.items() if name[:6] != "KENAL_"}
        environment |= {
            "KENAL_DATA_DIR": str(folder / "var"),
            "KENAL_PHOTO_DIR": str(folder / "photo_storage"),
            "KENAL_EMBEDDER": "colors",
            "KENAL_PORT": "0",
            "KENAL_WORKERS": "2",
            "KENAL_AUTH": "required",
            "KENAL_LOG_LEVEL": "DEBUG",
            "PYTHONPATH": str(ROOT),
        }
        command = ["-m", "gunicorn", "--config", "gunicorn.conf.py", f"{__name__}:create()"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stderr=log, stdout=log
            )
        self.port = self._port()

    def _port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.log.read_text())
            if found:
                return int(found[1])
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(40)
        self.database.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.stop()


def asked(connection: http.client.HTTPConnection, key: str) -> tuple[int, str]:
    """Status of GET /users on this connection, which stays open, and the worker that answered."""
    connection.request("GET", "/users", headers=sent(key))
    response = connection.getresponse()
    json.loads(response.read())
    return response.status, response.headers[WORKER]


def one_of_each_worker(served: Served, key: str) -> dict[str, http.client.HTTPConnection]:
    """An open connection to each of the two workers."""
    found: dict[str, http.client.HTTPConnection] = {}
    deadline = time.monotonic() + START_SECONDS
    while len(found) < 2:
        assert time.monotonic() < deadline, served.log.read_text()
        connection = served.connect()
        status, worker = asked(connection, key)
        assert status == 200
        if worker in found:
            connection.close()
        found.setdefault(worker, connection)
    return found


def test_a_revoked_key_ends_in_both_workers(served: Served) -> None:
    key = make_key(served.database, Scope.READ)
    connections = one_of_each_worker(served, key)
    sockets = {worker: connection.sock for worker, connection in connections.items()}
    for worker, connection in connections.items():
        # Once more on each: the connection is kept, and the key known to the worker.
        assert asked(connection, key) == (200, worker)
    with closing(served.connect()) as admin:
        admin.request("DELETE", f"/keys/{id_of(key)}", headers=sent(served.admin))
        assert admin.getresponse().status == 204
    for worker, connection in connections.items():
        assert asked(connection, key) == (401, worker)
        assert connection.sock is sockets[worker], "the connection was not the same one"
        connection.close()
    served.stop()
    log = served.log.read_text()
    assert "Traceback" not in log
    assert key[-43:] not in log
    assert served.admin[-43:] not in log
