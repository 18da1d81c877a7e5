"""`kill -9` at every statement of the gallery: whole pages, and nobody comes back.

`python -m tests.edge.test_recognition_kills FOLDER` leaves FOLDER/1, FOLDER/2, … as the kills left
them, each with a file `acknowledged` of what had returned before, and prints how many there are.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from edge.recognition.gallery import Gallery
from edge.recognition.network import Network
from edge.recognition.page import Page, SyncedFace
from edge.recognition.policy import Confirmed, Moment
from tests.edge.killing import arm, run

NETWORK = Network("tiny", "a" * 64, "1", 4, 0.5)
CONFIRMED = Confirmed(Moment(1.0, "boot", 2.0))
MOST_STATEMENTS = 500


def face(number: int) -> SyncedFace:
    vector = np.random.default_rng(number).normal(size=4)
    return SyncedFace(number, f"p{number}", None, (vector / np.linalg.norm(vector)).astype("f4"))


PAGES = [
    Page((face(1), face(2)), frozenset(), "c1", False),
    Page((face(3), face(1)), frozenset([2]), "c2", True),
    Page((), frozenset(), "c3", True, reset=True),
    Page((face(4),), frozenset(), "c4", True, reset=True),
]
AFTER = [None, "c1", "c2", None]
KNOWN: dict[str | None, set[str]] = {"c1": {"p1", "p2"}, "c2": {"p1", "p3"}, "c4": {"p4"}}


def work(folder: Path, kill_at: int) -> None:
    """Some of everything; each thing that returned is acknowledged on the disk."""
    gallery = Gallery(folder)
    arm(gallery._database, kill_at)
    with (folder / "acknowledged").open("a") as acknowledged:

        def done(word: str) -> None:
            acknowledged.write(f"{word}\n")
            acknowledged.flush()

        gallery.register("local", None, [np.ones(4, np.float32)], NETWORK, 0.0)
        done("registered")
        for number, (page, after) in enumerate(zip(PAGES, AFTER, strict=True)):
            gallery.apply(page, NETWORK, after, 0.0)
            done(f"page {number}")
            if page.complete and not (page.reset and after):
                gallery.confirm(NETWORK, CONFIRMED)
        gallery.delete("local")
        done("deleted")


def check(folder: Path, is_last: bool) -> None:
    said = (folder / "acknowledged").read_text().split("\n")[:-1]
    gallery = Gallery(folder)
    cursor = gallery.cursor(NETWORK)
    people = {one.user_id for one in gallery.roster(NETWORK).people}
    assert people - {"local"} == KNOWN.get(cursor, set()), "a whole page, and its cursor with it"
    pages = sum(word.startswith("page") for word in said)
    cursors = [None, "c1", "c2", None, "c4"]
    assert cursor in cursors[pages : pages + 2], "at most one more than was acknowledged"
    if gallery.confirmed(NETWORK) is not None:
        assert cursor in ("c2", "c4"), "only what is complete is confirmed"
    if "registered" in said and pages < len(PAGES):
        assert "local" in people
    if "deleted" in said:
        assert "local" not in people
    if is_last:
        assert (people, gallery.confirmed(NETWORK)) == ({"p4"}, CONFIRMED)
    assert gallery._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    gallery.close()


def test_kill_at_every_statement(tmp_path: Path) -> None:
    driver = [sys.executable, "-m", "tests.edge.test_recognition_kills", str(tmp_path)]
    done = subprocess.run(driver, check=True, capture_output=True, timeout=240)
    count = int(done.stdout)
    assert count > 40
    for number in range(1, count + 1):
        check(tmp_path / str(number), number == count)


if __name__ == "__main__":
    kills = 1
    while run(work, Path(sys.argv[1]) / str(kills), kills):
        kills += 1
        assert kills < MOST_STATEMENTS
    sys.stdout.write(str(kills))
