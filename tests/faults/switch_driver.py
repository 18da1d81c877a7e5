"""Kills a process at every database statement of a switch, each time in a new folder.

`python -m tests.faults.switch_driver OPERATION FOLDER`; see crash_driver, whose way it takes.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.spaces import removing
from pipeline.spaces.switch import Switch
from tests.fakes import EMBEDDER, portrait, spec
from tests.faults.crash_driver import MOST_STATEMENTS, arm
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import FURTHER, FURTHER_SPEC
from tests.switch_kit import go_over, two_networks_in, unheard

MOST = 2 * MOST_STATEMENTS


def enrolled(kit: GalleryKit) -> None:
    for person, name in enumerate(("anna", "bert", "carl"), 1):
        kit.enroll(f"{name}.png", person)


def filled(kit: GalleryKit) -> None:
    """Everything but the switch is done."""
    enrolled(kit)
    going = Switch(kit.services, FURTHER)
    going.announce(None)
    going.fill(unheard)
    going.build_index(unheard)
    going.load_everywhere(30)
    kit.put("dora.png", portrait(4))
    kit.convert("dora.png")


def switched(kit: GalleryKit) -> None:
    enrolled(kit)
    go_over(kit.services)


def remove(kit: GalleryKit) -> None:
    removing.remove(kit.services, spec())


OPERATIONS: dict[str, tuple[Callable[[GalleryKit], object], Callable[[GalleryKit], object]]] = {
    "use": (enrolled, lambda kit: go_over(kit.services)),
    "flip": (filled, lambda kit: Switch(kit.services, FURTHER).flip()),
    "rollback": (switched, lambda kit: go_over(kit.services, EMBEDDER)),
    "remove": (switched, remove),
}
"""What is there before, and what is killed."""
AFTER = {"use": FURTHER_SPEC, "flip": FURTHER_SPEC, "rollback": spec(), "remove": FURTHER_SPEC}


def run(folder: Path, work: Callable[[GalleryKit], object], kill_at: int | None) -> bool:
    """Do `work` in a forked process, killed at step `kill_at`; returns whether it was."""
    child = os.fork()
    if child == 0:
        with two_networks_in(folder) as kit:
            if kill_at is not None:
                arm(kill_at)
            work(kit)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def main(operation: str, base: Path, stride: int) -> None:
    before, work = OPERATIONS[operation]
    run(base / "prepared", before, None)
    for number in range(1, MOST, stride):
        folder = base / str(number)
        shutil.copytree(base / "prepared", folder)
        if not run(folder, work, number):
            sys.stdout.write(str(number))
            return
    raise AssertionError("the operation never finished")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
