"""Photo bytes to identity in process: the baseline and Kenal photo by photo in turn.

In turn, so that whatever else the machine does hits both. The baseline runs in a process of its
own, because TensorFlow must not be in ours.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import IO

from benchmarks.baseline_deepface import is_installed
from benchmarks.index_process import ROOT, end
from benchmarks.speed_gallery import Bench, services_with
from benchmarks.speed_networks import OTHERS, Networks
from benchmarks.speed_photos import TimedPhoto
from benchmarks.speed_sample import Sample, Timing
from pipeline.recognizer import Question, Recognizer

BASELINE, DEEPFACE = "baseline", "deepface"
_WARM_UP = 3
Stages = dict[str, float]
Watch = Callable[[], AbstractContextManager[Stages]]
"""Makes a watch that collects the milliseconds of stages while it is entered."""
Ask = Callable[[Path], Sample]
Measured = Mapping[tuple[str, str], Timing]
"""By program and photo."""


def unwatched() -> AbstractContextManager[Stages]:
    return nullcontext({})


class BaselineProcess:
    """A program in a process of its own, asked by paths."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._questions: IO[str] = process.stdin
        self._answers: IO[str] = process.stdout
        self._read()

    def ask(self, photo: Path) -> Sample:
        """Have one photo identified; raises SystemExit where no face was found or it ended."""
        self._questions.write(f"{photo}\n")
        self._questions.flush()
        wall_ms, cpu_ms, stages, found = json.loads(self._read())
        if not found:
            raise SystemExit(f"the baseline found no face in {photo.name}")
        return Sample(wall_ms, cpu_ms, stages)

    def _read(self) -> str:
        line = self._answers.readline()
        if not line:
            raise SystemExit("the baseline ended; run it by hand to see why")
        return line


@contextmanager
def started_baseline(module: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """The process of a baseline; it is ended with the context."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end(process)


def ask_kenal(recognizer: Recognizer, photo: Path, watch: Watch = unwatched) -> Sample:
    """One photo through the whole path of a service; raises PhotoError where no face is found."""
    data = photo.read_bytes()
    with watch() as stages:
        wall, cpu = time.perf_counter(), time.process_time()
        recognition = recognizer.recognize(data, Question())
        cpu_ms = (time.process_time() - cpu) * 1000
        wall_ms = (time.perf_counter() - wall) * 1000
    return Sample(wall_ms, cpu_ms, {**recognition.timings_ms, **stages})


def measured(
    bench: Bench, photos: Sequence[TimedPhoto], rounds: int, watch: Watch = unwatched
) -> Measured:
    """Every program on every photo, `rounds` times each after a warm-up."""
    tell = bench.tell
    with ExitStack() as stack:
        tell("loading the baseline (TensorFlow)")
        programs = _baselines(stack, bench.networks)
        for embedder in (bench.networks.facenet, *OTHERS):
            tell(f"loading Kenal with {embedder}")
            programs[embedder] = _kenal(stack, bench, embedder, photos[0], watch)
        found: dict[tuple[str, str], list[Sample]] = {}
        for number in range(-_WARM_UP, rounds):
            for photo in [photo for photo in photos if number % photo.every == 0]:
                tell(f"round {max(0, number + 1)} of {rounds}, {photo.name}")
                for name, ask in programs.items():
                    sample = ask(photo.path)
                    if number >= 0:
                        found.setdefault((name, photo.name), []).append(sample)
    return {key: Timing(samples) for key, samples in found.items()}


def _baselines(stack: ExitStack, networks: Networks) -> dict[str, Ask]:
    plain = started_baseline("benchmarks.baseline", str(networks.weights))
    programs: dict[str, Ask] = {BASELINE: BaselineProcess(stack.enter_context(plain)).ask}
    if is_installed():
        process = stack.enter_context(started_baseline("benchmarks.baseline_deepface"))
        programs[DEEPFACE] = BaselineProcess(process).ask
    return programs


def _kenal(
    stack: ExitStack, bench: Bench, embedder: str, enrolled: TimedPhoto, watch: Watch
) -> Ask:
    """A service of its own with a full gallery, in which the person of `enrolled` is too."""
    services = services_with(bench.settings(embedder, embedder))
    stack.callback(services.close)
    engine = services.start()
    engine.enrollment.enroll("known", enrolled.path.read_bytes())
    return lambda photo: ask_kenal(engine.recognizer, photo, watch)
