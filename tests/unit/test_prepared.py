"""The note of a preparation: a start is short only where nothing at all has changed."""

import os
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from core.access import LOCAL, Scope
from core.settings import Auth, Settings
from core.types import EmbeddingSpec
from db import gallery, migrate
from db.gallery import Chosen
from db.glance import glance
from db.session import Database
from pipeline.key_admin import KeyAdmin
from pipeline.keys import NewKey
from pipeline.models.registry import DLIB
from scripts import prepared


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a service whose database is set up, with dlib chosen."""
    made = Settings(data_dir=tmp_path)
    database = Database(made.resolved_database_url)
    migrate.upgrade(database)
    record(database, DLIB.spec())
    database.close()
    return made


@pytest.fixture
def files(settings: Settings) -> list[Path]:
    """Two files of networks, and the place of one that is not there."""
    found = [settings.data_dir / name for name in ("network.onnx", "weights", "manifest.json")]
    for path in found[:2]:
        path.write_bytes(b"as it was made")
    return found


def record(database: Database, spec: EmbeddingSpec) -> None:
    with database.write() as session:
        gallery.record(session, Chosen(DLIB.id, "chosen by a test", spec))


def changed(settings: Settings, statement: str) -> None:
    with sqlite3.connect(settings.data_dir / "kenal.sqlite3") as database:
        database.execute(statement)
    database.close()


def test_what_is_as_it_was_left_is_told_with_its_embedder(
    settings: Settings, files: list[Path]
) -> None:
    assert prepared.as_left(settings) is None
    prepared.write_down(settings, files)
    assert prepared.as_left(settings) == "Embedder of this gallery: dlib (chosen by a test)."


def _same_size_and_time(files: list[Path]) -> None:
    before = files[0].stat()
    files[0].write_bytes(b"AS IT WAS MADE")
    os.utime(files[0], ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[list[Path]], object]] = {
    "gone": lambda files: files[1].unlink(),
    "written": lambda files: files[1].write_bytes(b"other"),
    "of the same size and time": _same_size_and_time,
    "replaced": lambda files: files[0].replace(files[1]),
    "new": lambda files: files[2].write_bytes(b"{}"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_file_ends_it(
    settings: Settings, files: list[Path], change: Callable[[list[Path]], object]
) -> None:
    prepared.write_down(settings, files)
    change(files)
    assert prepared.as_left(settings) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '0001'",
        "UPDATE gallery SET embedder = 'mobilefacenet'",
        "UPDATE gallery SET embedder = NULL",
        "DELETE FROM gallery",
        "DROP TABLE alembic_version",
    ],
)
def test_a_changed_database_ends_it(settings: Settings, files: list[Path], statement: str) -> None:
    prepared.write_down(settings, files)
    changed(settings, statement)
    assert prepared.as_left(settings) is None


def test_another_setting_ends_it(settings: Settings, files: list[Path], tmp_path: Path) -> None:
    prepared.write_down(settings, files)
    for other in ({"embedder": "dlib"}, {"model_dir": tmp_path / "other"}, {"device": "cuda"}):
        assert prepared.as_left(settings.model_copy(update=other)) is None
    assert prepared.as_left(settings) is not None


def test_other_code_ends_it(
    settings: Settings, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared.write_down(settings, files)
    monkeypatch.setattr(prepared, "_code", lambda: "of another version")
    assert prepared.as_left(settings) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"files": 3}', '{"files": {}}'])
def test_a_damaged_note_is_none(settings: Settings, files: list[Path], text: str) -> None:
    prepared.write_down(settings, files)
    prepared.note_path(settings).write_text(text)
    assert prepared.as_left(settings) is None


def test_a_start_that_never_got_ready_is_followed_by_a_preparation(
    settings: Settings, files: list[Path]
) -> None:
    assert prepared.take(settings) is None
    prepared.write_down(settings, files)
    taken = prepared.take(settings)
    assert taken is not None
    assert prepared.as_left(settings) is None
    taken[0].replace(taken[1])  # What the announcer does.
    assert prepared.as_left(settings) is not None


def test_where_nothing_can_be_noted_the_old_note_goes(
    settings: Settings, files: list[Path]
) -> None:
    prepared.write_down(settings, files)
    changed(settings, "UPDATE gallery SET embedder = NULL")
    prepared.write_down(settings, files)
    assert not prepared.note_path(settings).exists()


def test_keys_are_looked_after_where_no_admin_is_certain(
    settings: Settings, files: list[Path]
) -> None:
    strict = settings.model_copy(update={"auth": Auth.REQUIRED})
    prepared.write_down(strict, files)
    assert prepared.as_left(strict) is None
    database = Database(settings.resolved_database_url)
    admin = KeyAdmin(database, LOCAL)
    admin.create(NewKey("reader", frozenset([Scope.READ])))
    first = admin.create(NewKey("boss", frozenset([Scope.ADMIN])))
    prepared.write_down(strict, files)
    assert prepared.as_left(strict) is not None
    second = admin.rotate(first.row.key_id, timedelta(hours=1))
    assert prepared.as_left(strict) is not None
    # What is left ends by itself within the hour: somebody has to be told of it in time.
    admin.revoke(second.row.key_id)
    assert prepared.as_left(strict) is None
    assert prepared.as_left(settings) is None  # The note of a service that asked for keys.
    database.close()


@pytest.mark.parametrize(
    "url", ["postgresql://host/kenal", "sqlite://", "sqlite:////nowhere/at/all", "sqlite:///x?y=z"]
)
def test_another_database_or_none_is_not_glanced_at(url: str) -> None:
    assert glance(url) is None


def test_a_file_that_is_no_database_is_not_understood(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database" * 1000)
    assert glance(f"sqlite:///{tmp_path / 'file'}") is None
