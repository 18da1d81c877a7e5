"""Fills a further space in a process that is killed at its n-th step.

`python -m tests.faults.space_fill_driver FOLDER STEP`; the gallery in FOLDER is there already.
"""

import sys
from pathlib import Path

from tests.faults.crash_driver import arm
from tests.spaces_kit import filler, spaces_in


def main(folder: Path, kill_at: int) -> None:
    with spaces_in(folder) as kit:
        arm(kill_at)
        filler(kit).fill()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
