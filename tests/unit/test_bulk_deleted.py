"""A person is deleted while a photo of theirs is on its way: nothing of it comes back."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from db import users
from db.photos import Status
from pipeline import deletion
from pipeline.converter import Content
from pipeline.deletion import delete_user
from pipeline.ledger import Outcome, Start
from tests.fakes import nobody, portrait
from tests.gallery_kit import GalleryKit, gallery_in


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit
        kit.check()


def converted(kit: GalleryKit, when: str, delete: Callable[[], object]) -> Outcome:
    """Convert a photo step by step, and delete after one of the steps."""
    converter = kit.engine.converter
    content = converter.read(PurePosixPath("anna/2.png"))
    assert isinstance(content, Content)
    if when == "read":
        delete()
    [start] = converter.begin([content])
    if when == "begun":
        delete()
    if isinstance(start, Outcome):
        return start
    assert start is Start.NOW
    result = converter.examine(content)
    if when == "examined":
        delete()
    return converter.finish([result])[0]


@pytest.mark.parametrize("when", ["read", "begun", "examined"])
@pytest.mark.parametrize("data", [portrait(5, shade=3), nobody()], ids=["good", "bad"])
def test_a_deleted_persons_photo_leaves_nothing(kit: GalleryKit, when: str, data: bytes) -> None:
    kit.enroll("anna/1.png", 5)
    kit.put("anna/2.png", data)
    kit.reconciler.scan()
    delete = lambda: delete_user(kit.services.database, kit.drop, "anna")  # noqa: E731
    outcome = converted(kit, when, delete)
    assert outcome.status == Status.REJECTED
    assert kit.statuses() == {}
    with kit.services.database.read() as session:
        assert users.find(session, "anna") is None


@pytest.mark.parametrize("when", ["read", "begun", "examined"])
def test_nor_does_it_while_its_file_is_still_to_be_deleted(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    kit.put("anna/2.png", nobody())
    kit.reconciler.scan()
    monkeypatch.setattr(deletion, "sweep", lambda *ignored: None)
    delete = lambda: delete_user(kit.services.database, kit.drop, "anna")  # noqa: E731
    converted(kit, when, delete)
    assert kit.statuses() == {}
