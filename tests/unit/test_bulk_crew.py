"""The threads of many photos: all of them, or none."""

import threading

import pytest

from pipeline.bulk_crew import Crew


def crew_threads() -> int:
    return sum(thread.name.startswith("analysis-") for thread in threading.enumerate())


def test_none_is_left_where_not_all_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    start, before = threading.Thread.start, crew_threads()

    def limited(own: threading.Thread) -> None:
        if own.name == "analysis-2":
            raise RuntimeError("can't start new thread")
        start(own)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(RuntimeError, match="new thread"):
        Crew[int, int](4)
    assert crew_threads() == before
