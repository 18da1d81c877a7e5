"""Quality in answers, and the terms on which photos are enrolled."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from core.access import Caller, Scope
from core.errors import Busy
from core.settings import EnrollMode
from db import audit
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.kit import body, enroll, post_form, recognize, refused
from tests.fakes import BLURRED, HOPELESS, fake_settings, make_services, portrait

MEASURES = ["width_px", "sharpness", "brightness", "contrast", "yaw", "pitch", "roll", "cut_off"]
ENROLLER = Caller("k-enroll", "the importer", frozenset([Scope.ENROLL]))
ADMIN = Caller("k-admin", "Ms Admin", frozenset([Scope.ADMIN]))


def post(client: FlaskClient, user_id: str, photo: bytes, query: str = "") -> Mapping[str, object]:
    made = post_form(client, f"/users/{user_id}/photos{query}", photo)
    assert made.status_code == 201, made.text
    return body(made)


def message_of(client: FlaskClient, user_id: str) -> object:
    return body(client.get(f"/users/{user_id}/photos"))["photos"][-1]["message"]


def codes(said: Mapping[str, object]) -> list[str]:
    warnings = said["warnings"]
    assert isinstance(warnings, list)
    return [warning["code"] for warning in warnings]


def test_quality_is_said_of_a_probe(client: FlaskClient) -> None:
    good = body(recognize(client, portrait(5)))["face"]["quality"]
    assert list(good) == [*MEASURES, "issues"]
    assert (good["width_px"], good["issues"]) == (120, [])
    bad = body(recognize(client, portrait(BLURRED)))["face"]["quality"]
    assert [issue["code"] for issue in bad["issues"]] == ["blurred"]
    assert "hold still" in bad["issues"][0]["message"]


def test_standard_enrolls_a_doubtful_photo_and_says_so(client: FlaskClient) -> None:
    assert post(client, "good", portrait(5))["warnings"] == []
    said = post(client, "doubtful", portrait(BLURRED))
    assert codes(said) == ["blurred"]
    assert said["message"] == message_of(client, "doubtful")
    assert "not sharp" in str(said["message"])
    stored = body(client.get("/users/doubtful/faces"))["faces"][0]["quality"]
    assert [issue["code"] for issue in stored["issues"]] == ["blurred"]


def test_standard_refuses_the_hopeless_and_keeps_nothing(client: FlaskClient) -> None:
    error = refused(post_form(client, "/users/x/photos", portrait(HOPELESS)), 422, "low_quality")
    assert [issue["code"] for issue in error["details"]["issues"]] == ["blurred"]
    refused(client.get("/users/x"), 404, "not_found")
    assert body(client.get("/photos"))["counts"]["seen"] == 0


def test_strict_refuses_any_issue(client: FlaskClient) -> None:
    url = "/users/x/photos?mode=strict"
    error = refused(post_form(client, url, portrait(BLURRED)), 422, "low_quality")
    assert [issue["code"] for issue in error["details"]["issues"]] == ["blurred"]
    refused(post_form(client, f"{url}&accept=true", portrait(BLURRED)), 422, "low_quality")
    assert post(client, "x", portrait(5), "?mode=strict")["warnings"] == []


@pytest.mark.parametrize("query", ["mode=lax", "mode=", "accept=1", "accept=", "accept=maybe"])
def test_terms_are_strictly_read(reader: FlaskClient, query: str) -> None:
    url = f"/users/x/photos?{query}"
    refused(post_form(reader, url, portrait(5)), 400, "invalid_parameter")


def test_a_look_alike_is_enrolled_and_told_of(client: FlaskClient) -> None:
    enroll(client, "anna", portrait(5))
    said = post(client, "bert", portrait(5, shade=6))
    warnings = said["warnings"]
    assert isinstance(warnings, list)
    [warning] = warnings
    assert list(warning) == ["code", "message", "user_id", "similarity_score"]
    assert (warning["code"], warning["user_id"]) == ("face_conflict", "anna")
    assert warning["similarity_score"] > 0.9
    assert said["message"] == warning["message"]


def test_strict_refuses_a_look_alike(client: FlaskClient) -> None:
    enroll(client, "anna", portrait(5))
    url = "/users/bert/photos?mode=strict"
    error = refused(post_form(client, url, portrait(5, shade=6)), 409, "face_conflict")
    assert list(error["details"]) == ["user_id", "similarity_score"]
    assert error["details"]["user_id"] == "anna"
    assert body(recognize(client, portrait(5, shade=6)))["user_id"] == "anna"


@pytest.mark.parametrize("busy", ["LookAlikes.of", "Commits.commit"])
def test_what_strict_did_not_take_is_not_taken_by_the_folder(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch, busy: str
) -> None:
    def fail(*_: object) -> None:
        raise Busy("try again")

    enroll(client, "anna", portrait(5))
    with monkeypatch.context() as patch:
        patch.setattr(f"pipeline.converter.{busy}", fail)
        sent = post_form(client, "/users/bert/photos?mode=strict", portrait(5, shade=6))
        assert sent.status_code in (409, 503)
    client.application.test_cli_runner().invoke(args=["photos", "scan"])
    refused(client.get("/users/bert"), 404, "not_found")
    assert not (services.settings.photo_dir / "bert").exists()


def test_the_same_bytes_again_are_no_look_alike_of_their_own(client: FlaskClient) -> None:
    enroll(client, "anna", portrait(5))
    post(client, "bert", portrait(5, shade=6))
    again = post_form(client, "/users/bert/photos?mode=strict", portrait(5, shade=6))
    assert again.status_code == 200
    assert (body(again)["duplicate"], body(again)["warnings"]) == (True, [])


@pytest.mark.parametrize(
    ("user_id", "photo", "query"),
    [
        ("bert", portrait(5, shade=6), "mode=strict&accept=true"),
        ("anna", portrait(77), "accept=true"),
    ],
)
def test_an_admin_may_accept(
    app: Flask,
    client: FlaskClient,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    user_id: str,
    photo: bytes,
    query: str,
) -> None:
    enroll(client, "anna", portrait(5))
    monkeypatch.setattr("api.auth.caller", lambda: ENROLLER)
    url = f"/users/{user_id}/photos?{query}"
    refused(post_form(client, url, photo), 403, "forbidden")
    monkeypatch.setattr("api.auth.caller", lambda: ADMIN)
    made = post_form(client, url, photo)
    assert made.status_code == 201
    assert body(made)["message"].startswith("accepted by Ms Admin although the ")
    with services.database.read() as session:
        [row] = [row for row in audit.page(session, None, 10) if row.outcome != "forbidden"]
        assert (row.caller, row.caller_name, row.action) == ("k-admin", "Ms Admin", "face.accept")
        assert (row.target, row.details["face_id"]) == (user_id, body(made)["face_id"])
        assert row.request_id == made.headers["X-Request-ID"]


def test_nothing_is_noted_where_nothing_was_overridden(
    client: FlaskClient, services: Services
) -> None:
    assert post(client, "anna", portrait(5), "?accept=true")["message"] is None
    with services.database.read() as session:
        assert not audit.page(session, None, 10)


def test_very_same_bytes_of_somebody_else_are_never_accepted(client: FlaskClient) -> None:
    enroll(client, "anna", portrait(5))
    url = "/users/bert/photos?accept=true"
    refused(post_form(client, url, portrait(5)), 409, "face_conflict")


def test_options_beside_a_photo_in_json(client: FlaskClient) -> None:
    import base64

    photo = base64.b64encode(portrait(BLURRED)).decode()
    sent = {"photo": photo, "mode": "standard", "accept": False}
    made = client.post("/users/x/photos", json=sent)
    assert (made.status_code, codes(body(made))) == (201, ["blurred"])
    refused(client.post("/users/x/photos", json={**sent, "accept": "no"}), 400, "invalid_parameter")


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[tuple[FlaskClient, Services]]:
    """A service with KENAL_ENROLL_MODE=strict."""
    settings = fake_settings(tmp_path).model_copy(update={"enroll_mode": EnrollMode.STRICT})
    services = make_services(settings)
    services.start()
    app = create_app(services=services)
    contract = Contract(app)
    yield app.test_client(), services
    services.close()
    contract.check()


def test_the_settings_mode_is_the_default(strict: tuple[FlaskClient, Services]) -> None:
    client, services = strict
    refused(post_form(client, "/users/x/photos", portrait(BLURRED)), 422, "low_quality")
    assert codes(post(client, "x", portrait(BLURRED), "?mode=standard")) == ["blurred"]
    drop = services.settings.photo_dir
    (drop / "y.png").write_bytes(portrait(BLURRED, shade=4))
    (drop / "x2.png").write_bytes(portrait(5))
    (drop / "z.png").write_bytes(portrait(5, shade=5))
    client.application.test_cli_runner().invoke(args=["photos", "scan"])
    rows = {row["path"]: row for row in body(client.get("/photos"))["photos"]}
    assert (rows["y.png"]["status"], rows["y.png"]["code"]) == ("rejected", "low_quality")
    told = {rows[name]["status"] for name in ("x2.png", "z.png")}
    assert told == {"enrolled", "conflict"}, "the second one looks like the first"


def test_who_accepts_at_the_command_line_is_noted(strict: tuple[FlaskClient, Services]) -> None:
    client, services = strict
    (services.settings.photo_dir / "y.png").write_bytes(portrait(BLURRED))
    run = client.application.test_cli_runner()
    run.invoke(args=["photos", "scan"])
    enroll(client, "z", portrait(5))
    (services.settings.photo_dir / "x.png").write_bytes(portrait(5, shade=4))
    for path in ("y.png", "x.png"):
        assert run.invoke(args=["photos", "accept", path]).exit_code == 0
    rows = {row["path"]: row for row in body(client.get("/photos"))["photos"]}
    assert {rows["y.png"]["status"], rows["x.png"]["status"]} == {"enrolled"}
    with services.database.read() as session:
        [row] = audit.page(session, None, 10)
    assert (row.caller, row.action, row.target) == ("local", "face.accept", "x")


def test_the_drop_folder_refuses_what_is_hopeless(client: FlaskClient, services: Services) -> None:
    (services.settings.photo_dir / "y.png").write_bytes(portrait(HOPELESS))
    client.application.test_cli_runner().invoke(args=["photos", "scan"])
    [row] = body(client.get("/photos"))["photos"]
    assert (row["status"], row["code"]) == ("rejected", "low_quality")
