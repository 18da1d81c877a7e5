"""`kill -9` at every statement of every operation: the old state or the new, never a part."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gallery_kit import GalleryKit, gallery_in

Check = Callable[[GalleryKit, bool], None]


def carl_is_enrolled_by_the_next_scan(kit: GalleryKit, finished: bool) -> None:
    before = kit.who(3)
    assert before in ((None, "carl") if not finished else ("carl",))
    kit.scan_and_convert()
    assert kit.who(3) == "carl"
    assert kit.row("carl.png").status == "enrolled"  # type: ignore[union-attr]


def anna_is_always_found(kit: GalleryKit, finished: bool) -> None:
    assert kit.who(1) == "anna"
    kit.scan_and_convert()
    assert kit.who(1) == "anna"
    assert kit.engine.gallery.count == 4


def a_posted_photo_is_there_whole_or_not_at_all(kit: GalleryKit, finished: bool) -> None:
    stored = list(kit.drop.glob("dora/*.png"))
    assert kit.who(4) in ((None, "dora") if not finished else ("dora",))
    kit.scan_and_convert()
    assert kit.who(4) == ("dora" if stored else None)


def bob_is_gone_or_whole(kit: GalleryKit, finished: bool) -> None:
    gone = kit.who(2) is None
    assert gone or not finished
    kit.scan_and_convert()
    assert (kit.who(2) is None) == gone, "a scan must not bring a deleted person back"
    assert (kit.drop / "bob").exists() != gone
    assert len([path for path in kit.statuses() if path.startswith("bob/")]) == (0 if gone else 2)


def bobs_other_photo_stays(kit: GalleryKit, finished: bool) -> None:
    assert kit.who(2) == "bob"
    kit.scan_and_convert()
    assert kit.who(2) == "bob"
    deleted = kit.row("bob/1.png") is None
    assert deleted or not finished
    assert (kit.drop / "bob/1.png").exists() != deleted
    assert (kit.drop / "bob/2.png").exists()


@pytest.mark.parametrize(
    ("operation", "check"),
    [
        ("enroll", carl_is_enrolled_by_the_next_scan),
        ("replace", anna_is_always_found),
        ("scan", carl_is_enrolled_by_the_next_scan),
        ("post", a_posted_photo_is_there_whole_or_not_at_all),
        ("delete_user", bob_is_gone_or_whole),
        ("delete_photo", bobs_other_photo_stays),
    ],
)
def test_kill_at_every_statement(tmp_path: Path, operation: str, check: Check) -> None:
    driver = [sys.executable, "-m", "tests.faults.crash_driver", operation, str(tmp_path)]
    done = subprocess.run(driver, check=True, capture_output=True, timeout=240)
    count = int(done.stdout)
    assert count > 5
    for number in range(1, count + 1):
        with gallery_in(tmp_path / str(number)) as kit:
            check(kit, number == count)
            kit.check()
            assert kit.scan_and_convert() == []
