"""A document walked as a reader would: its commands in a shell, against a real server."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.documents_kit import Step, differences
from tests.fakes import BLURRED, group, nobody, portrait
from tests.integration.system import free_port
from tests.served_kit import FAKES, ROOT, Served

ADA, BOB, STRANGER = 5, 77, 300
CLIENT = ROOT / "clients" / "python" / "src"
_PRELUDE = Path(__file__).with_name("prelude.sh")
_SECONDS = 120
# Keeps every answer beside what the command itself does with it.
_CURL = """#!/bin/bash
answer="$STATE/answers/$(date +%s%N)"
"$REAL_CURL" -sS -D "$answer.head" "$@" | tee "$answer.body"
status="${PIPESTATUS[0]}"
cp "$answer.body" "$STATE/last"
exit "$status"
"""
_SHELL = """set -aeuo pipefail
source {prelude}
if [ -f "$STATE/shell" ]; then source "$STATE/shell"; fi
{text}
jobs -p >> "$STATE/jobs"
{{ export -p; declare -f; }} > "$STATE/shell"
"""


def photo(name: str) -> bytes:
    """The photo that its name promises, of colors; most are of Ada."""
    known = {
        "bob": lambda: portrait(BOB, file_format="JPEG"),
        "stranger": lambda: portrait(STRANGER, file_format="JPEG"),
        "group": lambda: group([ADA, STRANGER], [160, 120], "JPEG"),
        "blurred": lambda: portrait(BLURRED, file_format="JPEG"),
        "empty": nobody,
    }
    first = re.split(r"[-_.\d]", name)[0]
    return known[first]() if first in known else portrait(ADA, len(name) % 10, "JPEG")


@dataclass(frozen=True)
class Networks:
    """What recognizes, what is photographed, and what has to be prepared first."""

    settings: Mapping[str, str]
    server: str
    commands: str
    photo: Callable[[str], bytes]
    preparing: Sequence[Sequence[str]] = ()


COLORS = Networks({}, FAKES, "tests.api.served:create", photo)


class Walk:
    """One reader: a folder with photos, a shell that remembers, and a server that can change."""

    def __init__(self, folder: Path, networks: Networks) -> None:
        self._desk, self._state = folder / "desk", folder / "state"
        for made in (self._desk, self._state / "bin", self._state / "answers", folder / "server"):
            made.mkdir(parents=True)
        self._networks = networks
        self._server = Served(folder / "server", networks.settings, networks.server)
        self._other_port = free_port()
        self._answer: object = None
        curl = self._state / "bin" / "curl"
        curl.write_text(_CURL)
        curl.chmod(0o755)
        self._make_photos("ada.jpg")
        (self._desk / ".venv").symlink_to(sys.prefix)
        (self._desk / "photo_storage").symlink_to(self._server.folder / "photo_storage")

    def take(self, step: Step) -> None:
        """Do what the step says; raises AssertionError that names the line."""
        self._make_photos(step.text)
        place = f"line {step.line}"
        if step.skip is not None:
            return
        if step.file is not None:
            (self._desk / step.file).write_text(self._told(step.text))
        elif step.kind == "server":
            self._serve(dict(part.split("=", 1) for part in step.text.split()))
        elif step.kind == "json":
            assert self._answer is not None, f"{place}: an answer to no curl before it"
            found = list(differences(json.loads(step.text), self._answer))
            assert not found, f"{place}: {found}"
            self._answer = None
        elif step.kind == "python":
            (self._desk / "example.py").write_text(self._told(step.text))
            self._shell("python example.py", place, [])
        else:
            self._shell(self._told(step.text), place, step.statuses)

    def end(self) -> None:
        """End what the examples left running, and the server."""
        jobs = self._state / "jobs"
        for pid in jobs.read_text().split() if jobs.exists() else []:
            if _is_of(int(pid), self._desk):
                os.kill(int(pid), signal.SIGKILL)
        self._server.stop()

    def _serve(self, settings: Mapping[str, str]) -> None:
        self._server.stop()
        self._server.settings = {**self._networks.settings, **settings}
        self._server.start()

    def _prepare(self) -> None:
        for command in self._networks.preparing:
            flask = [sys.executable, "-m", "flask", *command]
            subprocess.run(
                flask, cwd=ROOT, env=self._environment(), check=True, capture_output=True
            )

    def _told(self, text: str) -> str:
        """The text as it is run here: ports that are free, and what stands for something else."""
        text = re.sub(r"\b8000\b", str(self._server.port), text)
        text = re.sub(r"\b9000\b", str(self._other_port), text)
        names = self._state / "names"
        for line in names.read_text().splitlines() if names.exists() else []:
            name, _, value = line.partition("\t")
            text = text.replace(name, value)
        return text

    def _shell(self, text: str, place: str, statuses: list[int]) -> None:
        if self._server.process is None:
            self._prepare()
            self._server.start()
        prelude = self._state / "prelude.sh"
        prelude.write_text(self._told(_PRELUDE.read_text()))
        for old in (self._state / "answers").iterdir():
            old.unlink()
        script = _SHELL.format(prelude=prelude, text=text)
        with (self._state / "output").open("wb") as output:
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=self._desk,
                env=self._environment(),
                stdout=output,
                stderr=output,
                timeout=_SECONDS,
                check=False,
            )
        said = (self._state / "output").read_text()
        assert done.returncode == 0, f"{place}: exit code {done.returncode}\n{text}\n{said}"
        found = [status for status, _ in self._answers()]
        expected = statuses or found
        is_right = found == expected if statuses else all(200 <= one < 300 for one in found)
        assert is_right, f"{place}: answered {found}, not {statuses or '2xx'}\n{text}\n{said}"
        self._keep_answer()

    def _keep_answer(self) -> None:
        for _, body in self._answers():
            try:
                self._answer = json.loads(body)
            except ValueError:
                continue

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        for head in sorted((self._state / "answers").glob("*.head")):
            statuses = re.findall(r"^HTTP/\S+ (\d+)", head.read_text(), re.MULTILINE)
            yield int(statuses[-1]) if statuses else 0, head.with_suffix(".body").read_bytes()

    def _environment(self) -> dict[str, str]:
        environment = self._server.environment()
        real = shutil.which("curl", path=environment["PATH"])
        assert real is not None
        path = f"{self._state / 'bin'}:{Path(sys.executable).parent}:{environment['PATH']}"
        return {
            **environment,
            "PATH": path,
            "PYTHONPATH": f"{ROOT}:{CLIENT}",
            "FLASK_APP": self._networks.commands,
            "STATE": str(self._state),
            "REAL_CURL": real,
        }

    def _make_photos(self, text: str) -> None:
        for name in re.findall(r"[\w-]+\.jpg\b", text):
            if not (self._desk / name).exists():
                (self._desk / name).write_bytes(self._networks.photo(name))


def _is_of(pid: int, folder: Path) -> bool:
    """Whether it still is the process that was started there."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False


@contextmanager
def walking(folder: Path, networks: Networks = COLORS) -> Iterator[Walk]:
    """A reader at a desk; what was started is ended."""
    walk = Walk(folder, networks)
    try:
        yield walk
    finally:
        walk.end()
