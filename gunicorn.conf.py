"""How gunicorn serves the API; what an operator may change is a KENAL_ setting."""

import socket
import struct
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from core.logs import LineFormatter
from core.memory import return_memory
from core.settings import load_settings

_settings = load_settings()
_SILENCE_SECONDS = 20
_MEMORY = Path("/dev/shm")  # noqa: S108 - only the heartbeat file's place, made by gunicorn itself


class LineLogger(Logger):
    """gunicorn's log in the form of all our logs: one line a record, no traceback."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter(_settings.log_json))


_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
worker_class = "gthread"
workers = _settings.workers
# A waiting photo holds a thread; the others answer and refuse meanwhile.
threads = _settings.working_photos + _settings.queue + _settings.threads
# Each worker loads its networks itself: threads of a network do not survive a fork.
preload_app = False
# Room for loading the networks on a slow machine; the heartbeat is not a limit on requests.
timeout = 120
graceful_timeout = 30
keepalive = 5
backlog = 512
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# A heartbeat file on a busy disk makes a healthy worker look dead.
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None
control_socket_disable = True
proc_name = "kenal"
loglevel = _settings.log_level.lower()
logger_class = LineLogger


def when_ready(server: Arbiter) -> None:
    """Give up on clients that stop sending: each would hold a thread for as long as it likes.

    Connections inherit it from the listening socket. Whoever sends a byte now and then is only
    stopped by a proxy that buffers; see docs/operations.md.
    """
    patience = struct.pack("ll", _SILENCE_SECONDS, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)


def post_fork(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 - gunicorn names them
    """Before the worker has threads."""
    return_memory()


def post_worker_init(worker: Worker) -> None:
    """Load the networks in each worker, after the fork and before the first request."""
    worker.wsgi.extensions["kenal"].start_in_background()
