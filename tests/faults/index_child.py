"""A maintainer to be killed: `python -m tests.faults.index_child DIRECTORY STEP kill|wait`."""

import os
import signal
import sys
from pathlib import Path

from index import FaceIndex
from tests.faults.index_log import MERGING, catch_up
from tests.index_kit import space


def main(directory: str, fatal: str, how: str) -> None:
    def on_step(step: str) -> None:
        if step != fatal:
            return
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        sys.stdin.readline()

    index = FaceIndex.open(Path(directory), space(), MERGING, on_step)
    catch_up(index)
    index.maintain()


if __name__ == "__main__":
    main(*sys.argv[1:])
