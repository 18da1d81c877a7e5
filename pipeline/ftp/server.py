"""The FTP server as a process: settings in, complete files in the drop folder out."""

import logging
import signal
import sys
import threading
from pathlib import Path

from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from core.logs import configure_logging, describe
from core.settings import Settings, SettingsError, load_settings
from pipeline.ftp.folder import DropFolder
from pipeline.ftp.session import OneUser, Session
from pipeline.ftp.tls import TlsSession, server_context
from pipeline.ftp.upload import sweep

log = logging.getLogger("pipeline.ftp")

_POLL_SECONDS = 0.5
_MAX_SOCKETS = 256
_MAX_SESSIONS_PER_ADDRESS = 64


class FtpServer:
    """Listens from its construction on; `serve` answers until it is told to stop.

    Raises SettingsError without a password, OSError where the address is taken.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.ftp_password.get_secret_value():
            raise SettingsError("the FTP server needs a KENAL_FTP_PASSWORD")
        settings.photo_dir.mkdir(parents=True, exist_ok=True)
        swept = sweep(settings.photo_dir)
        if swept:
            log.info("removed %d unfinished uploads of an earlier run", swept)
        self._loop = IOLoop()
        self._server = FTPServer(
            (settings.ftp_host, settings.ftp_port), session_class(settings), ioloop=self._loop
        )
        self._server.max_cons = _MAX_SOCKETS
        self._server.max_cons_per_ip = _MAX_SESSIONS_PER_ADDRESS

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._server.address
        return str(host), int(port)

    def serve(self, stop: threading.Event) -> None:
        """Serve until `stop` is set, then close: unfinished uploads leave nothing behind."""
        pause = _POLL_SECONDS
        while not stop.is_set():
            due = self._loop.loop(pause, blocking=False)
            pause = _POLL_SECONDS if due is None else min(due, _POLL_SECONDS)
        self.close()

    def close(self) -> None:
        self._server.close_all()


def session_class(settings: Settings) -> type[Session]:
    """The session with what the settings decide: pyftpdlib keeps it on the class."""
    home = str(settings.photo_dir.resolve())

    class Folder(DropFolder):
        max_upload_bytes = settings.max_upload_bytes

    class Configured(TlsSession if settings.ftp_tls else Session):  # type: ignore[misc]
        abstracted_fs = Folder
        authorizer = OneUser(settings.ftp_user, settings.ftp_password, home)
        passive_ports = settings.passive_ports()
        ssl_context = _tls_context(settings) if settings.ftp_tls else None

    return Configured


def _tls_context(settings: Settings) -> object:
    folder: Path = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    return server_context(folder, settings.ftp_host)


class LibraryErrors(logging.Filter):
    """pyftpdlib logs tracebacks as text; they become one line without paths."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = sys.exc_info()[1]
        if error is not None and "Traceback" in str(record.msg):
            record.msg, record.args = f"failed [{describe(error)}]", ()
        return True


def main() -> int:
    """Serve until SIGINT or SIGTERM; returns the exit status of the process."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"kenal ftp: {error}\n")
        return 2
    configure_logging(settings.log_level, settings.log_json)
    logging.getLogger("pyftpdlib").addFilter(LibraryErrors())
    if not settings.ftp_enabled:
        log.error("the FTP server is off: set KENAL_FTP_ENABLED=true and KENAL_FTP_PASSWORD")
        return 2
    return _run(settings)


def _run(settings: Settings) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = FtpServer(settings)
    except SettingsError as error:
        log.error("%s", error)
        return 2
    except OSError as error:
        address = f"{settings.ftp_host}:{settings.ftp_port}"
        log.error("cannot serve FTP on %s: %s", address, error.strerror)
        return 1
    kind = "FTPS" if settings.ftp_tls else "FTP"
    log.info("%s on %s:%d, ready", kind, *server.address)
    server.serve(stop)
    log.info("FTP stopped")
    return 0
