"""A step of an engine in a child process: watched, limited in time, and never a crash of ours."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_LOOK_EVERY = 0.2
_TELL_EVERY = 15.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What a child said, and how it ended: `failure` is empty where all went well."""

    built: Mapping[str, float | None]
    points: Sequence[Mapping[str, object]]
    exact_ms: float | None
    reached: str
    failure: str


def environment(threads: int) -> dict[str, str]:
    """Ours, with so many threads for every numeric library."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(_THREADS, str(threads))}


def leave_nothing_behind() -> None:
    """From now on being told to end raises SystemExit: children and temporary files go too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def end(child: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """End a child that leads a session of its own, and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def command(step: str, engine: str, folders: tuple[Path, Path], threads: int) -> list[str]:
    """The command line of a step on a gallery's folder and an index's folder."""
    paths = [str(folder) for folder in folders]
    child = ["-m", "benchmarks.index_child", step, engine, *paths, "--threads", str(threads)]
    return [sys.executable, *child]


def heard(
    arguments: Sequence[str], threads: int, limit: float, tell: Callable[[str], None]
) -> Heard:
    """Run a child to its end, at most `limit` seconds."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            arguments,
            stdout=output,
            stderr=errors,
            env=environment(threads),
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            timely = _watch(child, output, limit, tell)
        finally:
            end(child)
        failure = _failure(child.returncode, _text(errors)) if timely else f"stopped at {limit:g} s"
        return _parsed(_text(output), failure)


def _watch(
    child: "subprocess.Popen[bytes]", output: IO[bytes], limit: float, tell: Callable[[str], None]
) -> bool:
    """Wait for the child's end and tell how far it is; False where it takes too long."""
    start = told = time.monotonic()
    while child.poll() is None:
        time.sleep(_LOOK_EVERY)
        now = time.monotonic()
        if now - start > limit:
            return False
        if now - told > _TELL_EVERY:
            told = now
            tell(f"{now - start:.0f} s, {_parsed(_text(output), '').reached}")
    return True


def _failure(status: int, errors: str) -> str:
    if status < 0:
        return f"ended by signal {-status}" + (" (out of memory?)" if status == -9 else "")
    return (errors.strip().splitlines() or ["failed"])[-1][:200] if status else ""


def _parsed(text: str, failure: str) -> Heard:
    said: dict[str, list[Any]] = {"built": [], "point": [], "exact_ms": [], "reached": []}
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):  # else it is still being written
            ((what, value),) = json.loads(line).items()
            said[what].append(value)
    return Heard(
        built=(said["built"] or [{}])[-1],
        points=said["point"],
        exact_ms=(said["exact_ms"] or [None])[-1],
        reached=(said["reached"] or [""])[-1],
        failure=failure,
    )


def _text(file: IO[bytes]) -> str:
    # The child writes at the position it shares with us, so ours must not move.
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")
