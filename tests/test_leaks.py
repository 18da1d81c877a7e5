"""Open and close many times: descriptors and threads come back to where they were."""

import gc
import os
import threading
from pathlib import Path

from pipeline.recognizer import Question
from tests.fakes import make_engine, portrait
from tests.gallery_kit import GalleryKit


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def use(folder: Path) -> None:
    services, engine = make_engine(folder)
    kit = GalleryKit(services, engine)
    kit.enroll("anna.png", 5)
    assert kit.who(5) == "anna"
    services.close()


def test_services_give_back_what_they_opened(tmp_path: Path) -> None:
    use(tmp_path / "first")
    gc.collect()
    files, threads = open_files(), threading.active_count()
    for number in range(20):
        use(tmp_path / str(number))
    gc.collect()
    assert open_files() <= files + 1
    assert threading.active_count() == threads


def test_many_answers_leave_nothing_open(tmp_path: Path) -> None:
    services, engine = make_engine(tmp_path)
    photo = portrait(5)
    engine.recognizer.recognize(photo, Question())
    files, threads = open_files(), threading.active_count()
    for _ in range(200):
        engine.recognizer.recognize(photo, Question())
    assert open_files() <= files + 1
    assert threading.active_count() == threads
    services.close()
