"""Texts of strangers come back as they came, and do nothing on the way."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.api.kit import body, enroll, recognize
from tests.fakes import portrait

TEXTS = [
    "'; DROP TABLE users; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} ${7*7} %(x)s {0.__class__}",
    "=cmd|' /C calc'!A0",
    "line\r\nX-Injected: yes",
    "\x00\x1b[31m\u202e\u200b",
    "../../etc/passwd",
    "😀 ﷽ Z̷͓͐",
]


@pytest.mark.parametrize("text", TEXTS)
def test_profiles_are_only_text(client: FlaskClient, text: str) -> None:
    attributes = {text: [text, {"deep": text}]}
    given = {"user_id": "1042", "name": text, "attributes": attributes}
    assert client.post("/users", json=given).status_code == 201
    enroll(client, "1042", portrait(5))
    answer = recognize(client, portrait(5))
    profile = body(answer)["profile"]
    assert (profile["name"], profile["attributes"]) == (text.strip(), attributes)
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Injected" not in answer.headers
    assert len(body(client.get("/users"))["users"]) == 1


@pytest.mark.parametrize("text", TEXTS)
def test_options_are_only_text(reader: FlaskClient, text: str) -> None:
    answer = reader.post(
        "/upload_photo",
        query_string={"user_id": text},
        data=portrait(5),
        content_type="image/png",
    )
    assert answer.status_code == 400
    # What was refused is not repeated: it may end in somebody's page or log.
    assert text not in answer.text
    for url in ("/users", "/photos"):
        assert reader.get(url, query_string={"cursor": text}).status_code == 400


@pytest.mark.parametrize("text", [*TEXTS, "x" * 100_000])
def test_names_of_fields_are_not_repeated(reader: FlaskClient, text: str) -> None:
    for given in ({text: 1}, {"attributes": 5, text: 1}):
        answer = reader.patch("/users/1042", json=given)
        assert answer.status_code == 400
        assert text not in answer.text
        assert len(answer.text) < 1000


def test_the_report_holds_no_formula(client: FlaskClient, tmp_path: Path) -> None:
    drop = tmp_path / "photo_storage"
    (drop / "=1+1.png").write_bytes(portrait(5))
    client.application.test_cli_runner().invoke(args=["photos", "scan"])
    report = (drop / "_report.csv").read_text("utf-8-sig")
    assert "'=1+1.png" in report
    assert "\n=1+1" not in report
