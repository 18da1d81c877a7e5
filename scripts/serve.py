"""Run what the Procfile names until Ctrl-C, or until one of them dies.

`python -m scripts.serve`; with `--prepare`, as `make serve` has it, what is not as the last
preparation left it is prepared first.
"""

import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

from core.settings import Settings, SettingsError, load_settings
from scripts import announce, prepared

PREPARE = "--prepare"
_GRACE_SECONDS = 35  # a little more than gunicorn gives to requests in flight
_STOPPED_BY_SIGNAL = (130, 143)


class TerminalPrinter(Printer):  # type: ignore[misc]  # honcho has no types
    """When the terminal is gone, the processes are stopped; its loss is no crash of ours."""

    _is_lost = False

    def write(self, message: Message) -> None:
        try:
            super().write(message)
        except OSError:
            if not self._is_lost:
                self._is_lost = True
                signal.raise_signal(signal.SIGTERM)


class PatientManager(Manager):  # type: ignore[misc]
    """honcho kills five seconds after the first process ended; requests in flight need longer."""

    _kill_at: float | None = None

    def kill(self) -> None:
        now = time.monotonic()
        if self._kill_at is None:
            self._kill_at = now + _GRACE_SECONDS
        if now >= self._kill_at:
            super().kill()


def main(arguments: Sequence[str] = ()) -> int:
    """Serve; returns 0 when stopped by a signal, 1 when a process ended by itself, 2 unusable.

    Where the preparation fails, its exit code.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        return _refuse(str(error))
    if not _is_free(settings.host, settings.port):
        return _refuse(
            f"{settings.host}:{settings.port} is in use or not an address of this machine; "
            "set KENAL_HOST and KENAL_PORT, or stop what runs there (an earlier Kenal may: "
            "see pgrep -af gunicorn)"
        )
    if PREPARE in arguments and (failed := _prepare(settings)):
        return failed
    return _run(_processes(Path("Procfile"), settings), settings)


def _prepare(settings: Settings) -> int:
    """Prepare what is not prepared already; 0 when it is."""
    told = prepared.as_left(settings)
    if told is not None:
        sys.stdout.write(f"{told}\n")
        return 0
    # A process of its own: what prepares is not kept in memory as long as the service runs.
    try:
        return subprocess.run([sys.executable, "-m", "scripts.prepare"], check=False).returncode
    except KeyboardInterrupt:
        return _STOPPED_BY_SIGNAL[0]


def _announcer(settings: Settings) -> "subprocess.Popen[bytes]":
    host = announce.reachable_host(settings)
    told = [host, str(settings.port), announce.welcome(settings, host)]
    note = map(str, prepared.take(settings) or ())
    return subprocess.Popen([sys.executable, "-m", "scripts.announce", *told, *note])


def _run(processes: dict[str, str], settings: Settings) -> int:
    manager = PatientManager(TerminalPrinter(sys.stdout))
    for name, command in processes.items():
        manager.add_process(name, command)
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    announcer = _announcer(settings)
    try:
        manager.loop()
    finally:
        announcer.terminate()
        announcer.wait()
    if manager.returncode in _STOPPED_BY_SIGNAL:
        return 0
    sys.stderr.write("\nA process of Kenal ended by itself (above), so all were stopped.\n")
    return 1


def _processes(procfile: Path, settings: Settings) -> dict[str, str]:
    # The Python that runs this one, whatever PATH says.
    python = f"exec {shlex.quote(sys.executable)} "
    commands = {
        name: command.replace("exec python ", python, 1)
        for name, command in parse_procfile(procfile.read_text()).processes.items()
    }
    if not settings.ftp_enabled:
        del commands["ftp"]
    return commands


def _is_free(host: str, port: int) -> bool:
    # Found out first: another server on this port would look like ours getting ready.
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return False
    return True


def _refuse(reason: str) -> int:
    sys.stderr.write(f"Kenal cannot start: {reason}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
