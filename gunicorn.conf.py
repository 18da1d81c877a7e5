"""How gunicorn serves the API; what an operator may change is a KENAL_ setting."""

import os
import resource
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from core.logs import LineFormatter
from core.memory import return_memory
from core.serving import worker_files
from core.serving.worker import KEPT_THREADS
from core.settings import load_settings

_settings = load_settings()
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"
_counts_folder = _settings.data_dir.absolute() / "metrics"
_MEMORY = Path("/dev/shm")  # noqa: S108 - only the heartbeat file's place, made by gunicorn itself


class LineLogger(Logger):
    """gunicorn's log in the form of all our logs: one line a record, no traceback."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter(_settings.log_json))


_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
worker_class = "core.serving.worker.PatientWorker"
workers = _settings.workers
# A waiting photo holds a thread; the others answer and refuse meanwhile.
threads = _settings.working_photos + _settings.queue + _settings.threads + KEPT_THREADS
# Each is a descriptor, of which the database, the index and the photos need some as well.
worker_connections = max(threads + 1, min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))
# Where the workers count together; their library asks for this variable.
raw_env = [f"{_COUNTS}={_counts_folder}"]
# Each worker loads its networks itself: threads of a network do not survive a fork.
preload_app = False
# Room for loading the networks on a slow machine; the heartbeat is not a limit on requests.
timeout = 120
graceful_timeout = 30
# Longer than proxies and pools keep an idle one (mostly 60 s): who closes first loses no request on
# it. No newcomer waits for that: where places run short, those idle longest go (core/serving).
keepalive = 75
backlog = 512
# What a proxy says is for the API to believe: a SCRIPT_NAME that a client sends through one would
# give every address a second name, past whatever the proxy keeps closed.
forwarded_allow_ips = ""
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# A heartbeat file on a busy disk makes a healthy worker look dead.
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None
control_socket_disable = True
proc_name = "kenal"
# Below INFO it names every path, and with that people.
loglevel = "info" if _settings.log_level == "DEBUG" else _settings.log_level.lower()
logger_class = LineLogger


def on_starting(server: Arbiter) -> None:
    """Counts begin at zero with each first process."""
    try:
        worker_files.clean(_counts_folder)
    except OSError:
        server.log.warning("the folder for the counts of workers cannot be made or emptied")


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Before the worker has threads, and before it counts anything."""
    return_memory()
    try:
        worker_files.reserve(_counts_folder, worker.pid)
    except OSError:
        # It serves all the same; what it counts is then only in its own answers.
        server.log.warning("no room for the counts of a worker: /metrics is not complete")
        worker.cfg.set("raw_env", [])  # It would be set once more.
        os.environ.pop(_COUNTS, None)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """What a worker counted stays, what it was doing does not."""
    try:
        worker_files.release(_counts_folder, worker.pid)
    except OSError:
        server.log.warning("the counts of a worker that ended cannot be tidied up")


def post_worker_init(worker: Worker) -> None:
    """Load the networks in each worker, after the fork and before the first request."""
    worker.wsgi.extensions["kenal"].start_in_background()
