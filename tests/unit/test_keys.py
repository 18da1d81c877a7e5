"""Keys: who gets in, in what words others are refused, and what is stored of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from core.access import LOCAL, Scope
from core.errors import ConflictError, InvalidParameter, NotFound, Unauthorized
from db import audit, keys, migrate
from db.access_models import Device
from db.session import Database
from pipeline import key_check
from pipeline.key_admin import FIRST_NAME, KeyAdmin, first_admin_key, has_live_admin
from pipeline.key_check import KeyCheck
from pipeline.keys import MAX_NAME, MAX_NETWORKS, Issued, NewKey, create, digest, rotate
from pipeline.notes import Notes

IDENTIFY = frozenset([Scope.IDENTIFY])
ADMIN = frozenset([Scope.ADMIN])
HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kenal.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def check(database: Database) -> KeyCheck:
    return KeyCheck(database, Notes(database))


def made(database: Database, wanted: NewKey) -> Issued:
    with database.write() as session:
        return create(session, wanted, LOCAL.id)


def ended(database: Database, text: str, **when: datetime) -> None:
    with database.write() as session:
        row = keys.get(session, text.split("_")[1])
        for name, at in when.items():
            setattr(row, name, at)


def test_a_key_is_its_callers_name_and_rights(database: Database, check: KeyCheck) -> None:
    issued = made(database, NewKey("door system", frozenset([Scope.IDENTIFY, Scope.READ])))
    caller = check.caller(issued.text, "192.168.1.5")
    assert (caller.id, caller.name) == (issued.row.key_id, "door system")
    assert caller.scopes == {Scope.IDENTIFY, Scope.READ}
    assert caller.device_id is None


def test_a_devices_key_says_whose_it_is(database: Database, check: KeyCheck) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        door = Device(device_id="door-1", name="Door", active=True, created_at=now, updated_at=now)
        session.add(door)
        session.flush()
        wanted = NewKey("door", frozenset([Scope.DEVICE]), device=door)
        issued = create(session, wanted, LOCAL.id)
    assert check.caller(issued.text, None).device_id == "door-1"
    with database.write() as session:
        successor = rotate(session, issued.row.key_id, HOUR, LOCAL.id)
    assert check.caller(successor.text, None).device_id == "door-1"


def refused_texts(database: Database) -> dict[str, str]:
    """Texts that are nobody's key, each for another reason."""
    good = made(database, NewKey("good", IDENTIFY)).text
    found = {"wrong secret": good[:-43] + "A" * 43, "unknown id": f"knl_{'a' * 12}_{good[-43:]}"}
    for name in ("expires_at", "retires_at", "revoked_at"):
        found[name] = made(database, NewKey(name, IDENTIFY)).text
        ended(database, found[name], **{name: datetime.now(UTC) - timedelta(seconds=1)})
    found["network"] = made(database, NewKey("far", IDENTIFY, ("10.0.0.0/8",))).text
    return found


def test_whatever_is_wrong_is_the_same_answer_for_the_same_work(
    database: Database, check: KeyCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = refused_texts(database)
    work: list[str] = []

    def counted(salt: bytes, secret: str) -> bytes:
        work.append(f"digest of {len(salt)} and {len(secret)}")
        return digest(salt, secret)

    def asked(connection: object, cursor: object, statement: str, *rest: object) -> None:
        work.append(statement)

    monkeypatch.setattr(key_check, "digest", counted)
    event.listen(Engine, "before_cursor_execute", asked)
    answers = {}
    try:
        for name, text in texts.items():
            work.clear()
            with pytest.raises(Unauthorized) as refusal:
                check.caller(text, "192.168.1.5")
            answers[name] = (refusal.value.message, tuple(refusal.value.details), tuple(work))
    finally:
        event.remove(Engine, "before_cursor_execute", asked)
    assert len(texts) == 6
    assert len(set(answers.values())) == 1, answers
    assert sum("SELECT" in line for line in answers["unknown id"][2]) == 1
    assert sum(line.startswith("digest") for line in answers["unknown id"][2]) == 1


@pytest.mark.parametrize(
    "text",
    ["", "x", "knl_", "knl__", "knl_a_b", "KNL_{}", " {}", "{} ", "{}\n", "{}A", "{},{}", "é{}"],
)
def test_what_has_not_the_form_is_no_key(database: Database, check: KeyCheck, text: str) -> None:
    good = made(database, NewKey("good", IDENTIFY)).text
    with pytest.raises(Unauthorized, match="this key is not valid"):
        check.caller(text.replace("{}", good), None)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.168.1.0/24", "192.168.1.5", "192.168.2.5"),
        ("192.168.1.0/24", "::ffff:192.168.1.5", "::ffff:192.168.2.5"),
        ("192.168.1.5", "192.168.1.5", "192.168.1.6"),
        ("2001:db8::/32", "2001:db8::1", "192.168.1.5"),
        ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
        ("10.0.0.0/8", "10.1.2.3", ""),
        ("10.0.0.0/8", "10.1.2.3", None),
        ("10.0.0.0/8", "10.1.2.3", "unknown"),
    ],
)
def test_networks(
    database: Database, check: KeyCheck, network: str, inside: str, outside: str | None
) -> None:
    text = made(database, NewKey("near", IDENTIFY, (network, "203.0.113.0/24"))).text
    assert check.caller(text, inside).name == "near"
    assert check.caller(text, "203.0.113.9").name == "near"
    with pytest.raises(Unauthorized):
        check.caller(text, outside)


@pytest.mark.parametrize(
    ("wanted", "parameter"),
    [
        (NewKey("", IDENTIFY), "name"),
        (NewKey("  ", IDENTIFY), "name"),
        (NewKey("a\nb", IDENTIFY), "name"),
        (NewKey("x" * (MAX_NAME + 1), IDENTIFY), "name"),
        (NewKey(f"knl_{'a' * 12}_{'A' * 43}", IDENTIFY), "name"),
        (NewKey("x", frozenset()), "scopes"),
        (NewKey("x", frozenset([Scope.DEVICE])), "scopes"),
        (NewKey("x", IDENTIFY, ("10.0.0.1/8",)), "networks"),
        (NewKey("x", IDENTIFY, ("example.org",)), "networks"),
        (NewKey("x", IDENTIFY, ("::ffff:10.0.0.0/104",)), "networks"),
        (NewKey("x", IDENTIFY, ("10.0.0.0/8",) * (MAX_NETWORKS + 1)), "networks"),
        (NewKey("x", IDENTIFY, (), datetime.now(UTC)), "expires_at"),
    ],
)
def test_a_key_without_use_is_refused(database: Database, wanted: NewKey, parameter: str) -> None:
    with database.write() as session, pytest.raises(InvalidParameter) as refusal:
        create(session, wanted, LOCAL.id)
    assert refusal.value.details == {"parameter": parameter}


def test_a_successor_takes_over(database: Database, check: KeyCheck) -> None:
    end = datetime.now(UTC) + 48 * HOUR
    old = made(database, NewKey("door", IDENTIFY, ("10.0.0.0/8",), end))
    admin = KeyAdmin(database, LOCAL)
    new = admin.rotate(old.row.key_id, 24 * HOUR)
    assert {check.caller(each.text, "10.0.0.1").name for each in (old, new)} == {"door"}
    with pytest.raises(Unauthorized):
        check.caller(new.text, "192.168.1.5")
    assert new.row.ends_at == end
    admin.rotate(new.row.key_id, timedelta())
    with pytest.raises(Unauthorized):
        check.caller(new.text, "10.0.0.1")
    with pytest.raises(ConflictError):
        admin.rotate(new.row.key_id, HOUR)
    with pytest.raises(NotFound):
        admin.rotate("nothing", HOUR)


def test_a_lost_answer_can_be_asked_for_again(database: Database, check: KeyCheck) -> None:
    old = made(database, NewKey("door", IDENTIFY))
    admin = KeyAdmin(database, LOCAL)
    admin.rotate(old.row.key_id, HOUR)
    again = admin.rotate(old.row.key_id, 24 * HOUR)
    # The overlap is not what the successor lives for, and does not grow.
    assert again.row.ends_at is None
    with database.read() as session:
        end = keys.get(session, old.row.key_id).ends_at
    assert end is not None
    assert end < datetime.now(UTC) + 2 * HOUR


def test_nothing_of_a_key_is_stored_or_shown(database: Database, path: Path) -> None:
    issued = KeyAdmin(database, LOCAL).create(NewKey("door", ADMIN))
    secret = issued.text[-43:]
    assert secret not in repr(issued)
    with database.read() as session:
        assert secret not in repr(keys.record(session, issued.row.key_id))
        assert secret not in repr([row.details for row in audit.page(session, None, 10)])
    database.close()
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()


def test_only_the_first_start_makes_a_key(database: Database) -> None:
    first = first_admin_key(database)
    assert first is not None
    assert (first.row.name, first.row.scopes) == (FIRST_NAME, [Scope.ADMIN])
    assert has_live_admin(database)
    KeyAdmin(database, LOCAL).revoke(first.row.key_id)
    # Whoever ended the last one is not given another by a restart.
    assert not has_live_admin(database)
    assert first_admin_key(database) is None


@pytest.mark.parametrize("name", ["expires_at", "retires_at", "revoked_at"])
def test_an_ended_admin_is_none(database: Database, name: str) -> None:
    made(database, NewKey("reader", frozenset([Scope.READ])))
    text = made(database, NewKey("admin", ADMIN)).text
    assert has_live_admin(database)
    ended(database, text, **{name: datetime.now(UTC)})
    assert not has_live_admin(database)


def test_revoking_twice_is_once(database: Database) -> None:
    issued = made(database, NewKey("door", IDENTIFY))
    admin = KeyAdmin(database, LOCAL)
    first, second = (admin.revoke(issued.row.key_id).revoked_at for _ in range(2))
    assert first == second
    with database.read() as session:
        assert [row.action for row in audit.page(session, None, 10)] == ["key.revoke"]
