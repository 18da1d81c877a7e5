"""What the database promises: durable settings, ids never re-used, clear refusals."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from core.errors import Busy, ConflictError, NotReady, StorageFull
from core.types import EmbeddingSpec, FaceAdded, FaceRemoved, Similarity
from db import changes, faces, gallery, migrate, photos, users
from db.changes import Replay
from db.photos import Status
from db.session import Database
from db.tables import METADATA
from tests.gallery_kit import gallery_in

SPEC = EmbeddingSpec("net", "hash", "mtcnn", "crop", "unit", 4, Similarity.COSINE)
OTHER = EmbeddingSpec("net", "other", "mtcnn", "crop", "unit", 4, Similarity.COSINE)
VECTOR = np.ones(4, dtype=np.float32)
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kenal.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    yield database
    database.close()


def enroll(database: Database, user_id: str, spec: EmbeddingSpec = SPEC) -> int:
    with database.write() as session:
        return faces.add(session, users.find_or_create(session, user_id), spec, VECTOR, {}).id


def delete(database: Database, user_id: str) -> None:
    with database.write() as session:
        users.delete(session, users.get(session, user_id))


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)],
)
def test_every_connection_is_durable_and_strict(
    database: Database, pragma: str, value: object
) -> None:
    with database.read() as session:
        assert session.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_ids_are_never_used_again(database: Database) -> None:
    first = enroll(database, "anna")
    delete(database, "anna")
    second = enroll(database, "bert")
    assert second > first
    with database.read() as session:
        assert [user.id for user in users.page(session, 0, 10)] == [2]


def test_changes_are_a_replayable_log(database: Database) -> None:
    kept, gone = enroll(database, "anna"), enroll(database, "bert")
    enroll(database, "carl", OTHER)
    delete(database, "bert")
    with database.read() as session:
        replayed = list(changes.changes_since(session, SPEC, 0, 100).changes)
        last = gallery.last_seq(session)
        assert [(type(c), c.seq, c.face_id) for c in replayed] == [
            (FaceAdded, 1, kept),
            (FaceRemoved, 4, gone),
        ]
        assert last == 4
        assert changes.changes_since(session, SPEC, last, 100) == Replay([], last)
        assert changes.live_ids(session, SPEC).tolist() == [kept]


def test_changes_come_in_batches_that_say_how_far_they_go(database: Database) -> None:
    ids = [enroll(database, name) for name in ("anna", "bert", "carl")]
    enroll(database, "dora", OTHER)
    delete(database, "bert")
    enroll(database, "emil", OTHER)
    seen, positions, position = [], [], 0
    with database.read() as session:
        for _ in range(3):
            replay = changes.changes_since(session, SPEC, position, 2)
            seen += [change.face_id for change in replay.changes]
            positions.append(position := replay.position)
    assert seen == [ids[0], ids[2], ids[1]]
    assert positions == [3, 6, 6], "the last batch is known to be the last"


def test_stored_faces_are_read_in_order_without_the_damaged(database: Database) -> None:
    ids = [enroll(database, name) for name in ("anna", "bert", "carl", "dora")]
    with database.write() as session:
        session.execute(text("UPDATE faces SET embedding = 'no' WHERE id = 1"))
        session.execute(text("UPDATE faces SET embedding = zeroblob(16) WHERE id = 2"))
    with database.read() as session:
        first = changes.stored_after(session, SPEC, 0, 3, 2)
        assert first is not None
        assert (len(first), first.position, first.damaged.tolist()) == (0, 2, ids[:2])
        second = changes.stored_after(session, SPEC, first.position, 3, 2)
        assert second is not None
        assert (second.faces.tolist(), second.position) == ([ids[2]], 3)
        assert second.vectors.tolist() == [[1.0] * 4]
        assert changes.stored_after(session, SPEC, second.position, 3, 2) is None
        assert changes.newest_ids(session, SPEC, 3, 2).tolist() == [ids[2], ids[1]]
        assert changes.stored_of(session, SPEC, ids).faces.tolist() == ids[2:]
        assert changes.stored_of(session, OTHER, ids).faces.tolist() == []


def test_as_many_faces_can_be_asked_for_as_there_are(database: Database) -> None:
    face_id = enroll(database, "anna")
    asked = list(range(40_000))
    with database.read() as session:
        assert [face.face_id for face in faces.by_ids(session, asked, SPEC)] == [face_id]
        assert changes.stored_of(session, SPEC, asked).faces.tolist() == [face_id]


def test_ids_and_counts_are_read_without_the_embeddings(database: Database) -> None:
    with database.read() as session:
        for wanted in ("id", "count(*)"):
            statement = f"EXPLAIN QUERY PLAN SELECT {wanted} FROM faces WHERE spec_id = 1"
            (plan,) = session.execute(text(statement)).all()
            assert "USING COVERING INDEX ix_faces_spec_id_seq" in plan.detail


def test_the_migrations_make_the_schema_of_the_models(database: Database) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_primary_face_is_the_first_then_the_newest_left(database: Database) -> None:
    one, two, three = (enroll(database, "anna") for _ in range(3))
    with database.write() as session:
        assert users.get(session, "anna").face_id == one
        faces.remove(session, one)
        assert users.get(session, "anna").face_id == three
        faces.remove(session, two)
        faces.remove(session, three)
        assert users.get(session, "anna").face_id is None


def test_user_ids_must_differ_by_more_than_case(database: Database) -> None:
    enroll(database, "Anna")
    with pytest.raises(ConflictError), database.write() as session:
        users.create(session, "ANNA")


def test_counts_add_up(database: Database) -> None:
    with database.write() as session:
        photos.add_pending(session, [(f"{n}.jpg", str(n)) for n in range(1200)])
        photos.add_pending(session, [("5.jpg", "5"), ("x.jpg", "x")])
        assert photos.counts(session) == {
            Status.PENDING: 1201,
            Status.ENROLLED: 0,
            Status.REJECTED: 0,
            Status.CONFLICT: 0,
        }
        page = photos.page(session, 1190, 5, Status.PENDING)
        assert [row.id for row in page] == [1191, 1192, 1193, 1194, 1195]


def test_a_failed_write_changes_nothing(database: Database) -> None:
    def work() -> None:
        with database.write() as session:
            users.create(session, "anna")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    with database.read() as session:
        assert users.count(session) == 0


def test_another_long_writer_makes_it_busy(database: Database, path: Path) -> None:
    enroll(database, "anna")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy) as busy, database.write():
        pass
    assert busy.value.retryable
    with database.read() as session:
        assert users.count(session) == 1
    other.execute("ROLLBACK")
    other.close()
    assert enroll(database, "bert")


def fill_in_a_savepoint(database: Database) -> None:
    with database.write() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar()
        session.execute(text(f"PRAGMA max_page_count={pages}"))
        with session.begin_nested():
            for number in range(5000):
                users.create(session, f"{number}-" + "x" * 60)


def test_a_disk_that_is_full_within_a_savepoint_is_named(database: Database) -> None:
    """It ends the whole transaction, and the savepoint cannot even be left."""
    with pytest.raises(StorageFull):
        fill_in_a_savepoint(database)


def test_an_error_is_not_named_after_one_that_was_handled_before(database: Database) -> None:
    try:
        fill_in_a_savepoint(database)
    except StorageFull:
        with pytest.raises(OperationalError, match="no such column"), database.write() as session:
            session.execute(text("SELECT age FROM users"))


def test_every_thread_gets_its_connection(database: Database) -> None:
    """As many as the greatest number of threads, each with a second one, none waits."""
    with ExitStack() as stack:
        for _ in range(128):
            session = stack.enter_context(database.read())
            assert session.execute(text("SELECT 1")).scalar() == 1


def test_the_schema_is_looked_at_anew_every_time(database: Database) -> None:
    migrate.check_current(database)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'other'"))
    with pytest.raises(NotReady, match="flask db upgrade"):
        migrate.check_current(database)


def test_the_newest_schema_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parents[1] / "migrations"))
    assert migrate.head() == ScriptDirectory.from_config(config).get_current_head()


def test_alembic_is_imported_only_by_upgrades() -> None:
    code = "import sys, db.migrate; sys.exit('alembic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_an_empty_database_says_what_to_do(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    with pytest.raises(NotReady, match="flask db upgrade"):
        migrate.check_current(database)
    database.close()


@pytest.mark.parametrize("damage", [b"garbage" * 1000, b"\0" * 8192])
def test_a_damaged_database_is_refused_and_kept(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(NotReady):
        migrate.check_current(database)
    database.close()
    assert path.read_bytes()[:4] == damage[:4]


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    enroll(database, "anna")
    migrate.upgrade(database)
    migrate.check_current(database)
    with database.read() as session:
        assert users.count(session) == 1


def test_two_processes_enroll_side_by_side(tmp_path: Path) -> None:
    """500 people each; nobody sees a locked database, and all of them are there."""
    with gallery_in(tmp_path) as kit:
        program = (
            "import sys; from pathlib import Path; from core.types import *; import numpy as np\n"
            "from db import faces, users; from db.session import Database\n"
            "from tests.fakes import spec\n"
            "database = Database('sqlite:///' + sys.argv[1])\n"
            "for n in range(500):\n"
            "    with database.write() as session:\n"
            "        person = users.find_or_create(session, f'{sys.argv[2]}-{n}')\n"
            "        faces.add(session, person, spec(), np.ones(64, np.float32), {})\n"
        )
        database = str(kit.services.settings.data_dir / "kenal.sqlite3")
        children = [
            subprocess.Popen([sys.executable, "-c", program, database, name], cwd=ROOT)
            for name in ("left", "right")
        ]
        assert [child.wait(timeout=200) for child in children] == [0, 0]
        assert kit.engine.gallery.count == 1000
        with kit.services.database.read() as session:
            assert users.count(session) == 1000
            assert gallery.last_seq(session) == 1000
