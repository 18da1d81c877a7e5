"""/api/v1 in the shapes that clients of CompreFace know."""

import base64
import io
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from core.access import Scope
from core.settings import EnrollMode
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.keys_kit import audited, make_key, sent, with_keys
from tests.api.kit import body, enroll, post_form
from tests.fakes import (
    BLURRED,
    BUG,
    DIMENSIONS,
    HOPELESS,
    NOT_A_NUMBER,
    color_of,
    fake_settings,
    group,
    make_services,
    nobody,
    portrait,
    vector_of,
)

ROOT = "/api/v1/recognition"
FACES, SUBJECTS, RECOGNIZE = f"{ROOT}/faces", f"{ROOT}/subjects", f"{ROOT}/recognize"
DETECT, VERIFY = "/api/v1/detection/detect", "/api/v1/verification/verify"


def post(client: FlaskClient, url: str, photo: bytes) -> TestResponse:
    return post_form(client, url, photo, "file")


def add(client: FlaskClient, subject: str, photo: bytes) -> str:
    """The image_id of a new example."""
    answer = post(client, f"{FACES}?subject={subject}", photo)
    assert answer.status_code == 201, answer.text
    shown = answer.get_json()
    assert list(shown) == ["image_id", "subject"]
    image_id: str = shown["image_id"]
    return image_id


def result(answer: TestResponse) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.get_json()["result"]


def names(answer: TestResponse) -> list[list[str]]:
    """Who is named for each face."""
    return [[one["subject"] for one in face["subjects"]] for face in result(answer)]


def refused(answer: TestResponse, status: int, code: int) -> str:
    """The words of a refusal in CompreFace's shape."""
    shown = answer.get_json()
    assert (answer.status_code, shown.get("code")) == (status, code), answer.text
    assert list(shown) == ["message", "code"]
    message: str = shown["message"]
    assert message
    return message


def two_photos(client: FlaskClient, source: bytes, target: bytes, query: str = "") -> TestResponse:
    given = {"source_image": source, "target_image": target}
    texts = {name: base64.b64encode(photo).decode() for name, photo in given.items()}
    return client.post(VERIFY + query, json=texts)


def test_recognize(client: FlaskClient) -> None:
    add(client, "Ada Lovelace", portrait(5))
    add(client, "bob", portrait(77))
    answer = post(client, RECOGNIZE, group([5, 9, 77], [60, 80, 50]))
    assert names(answer) == [[], ["Ada Lovelace"], ["bob"]]
    face = result(answer)[1]
    assert set(face) == {"box", "subjects"}
    assert face["box"] == {"probability": 0.999, "x_max": 80, "y_max": 160, "x_min": 20, "y_min": 0}
    assert 0.9 < face["subjects"][0]["similarity"] <= 1
    assert list(answer.get_json()) == ["result"]


def test_recognize_with_everything(client: FlaskClient) -> None:
    add(client, "ada", portrait(5))
    query = (
        "?&limit=0&det_prob_threshold=0.8&prediction_count=3"
        "&face_plugins=calculator,age,gender,landmarks,mask&status=True&new_option=1"
    )
    answer = post(client, RECOGNIZE + query, portrait(5))
    [face] = result(answer)
    assert set(face) == {"box", "embedding", "landmarks", "subjects", "execution_time"}
    assert len(face["embedding"]) == DIMENSIONS
    assert face["embedding"] == pytest.approx(vector_of(color_of(5)).tolist())
    assert face["landmarks"][2] == [60, 80]
    assert set(face["execution_time"]) == {"detector", "calculator"}
    versions = {"detector": "stripes", "calculator": "colors"}
    assert answer.get_json()["plugins_versions"] == versions


def test_the_three_forms_of_a_photo(client: FlaskClient) -> None:
    add(client, "ada", portrait(5))
    text = base64.b64encode(portrait(5)).decode()
    for answer in (
        client.post(RECOGNIZE, json={"file": text}),
        client.post(RECOGNIZE, json={"file": f"data:image/png;base64,{text}"}),
        client.post(RECOGNIZE, data=portrait(5), content_type="image/png"),
    ):
        assert names(answer) == [["ada"]]


def test_nobody_is_named_below_the_threshold(client: FlaskClient) -> None:
    assert names(post(client, RECOGNIZE, portrait(5))) == [[]]
    add(client, "ada", portrait(5))
    assert names(post(client, f"{RECOGNIZE}?prediction_count=-1", portrait(77))) == [[]]


def test_two_who_look_the_same_are_not_named(client: FlaskClient) -> None:
    add(client, "ada", portrait(5))
    add(client, "ida", portrait(5, shade=1))
    assert names(post(client, f"{RECOGNIZE}?prediction_count=2", portrait(5, shade=2))) == [[]]


def test_several_predictions_begin_with_the_person(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path, threshold=-1, margin=0.02))
    services.start()
    client = app_of(services).test_client()
    for person in (1, 2, 3):
        # One after another: each of the others counts as alike at such a threshold.
        add(client, f"p{person}", portrait(person * 60))
    found = names(post(client, f"{RECOGNIZE}?prediction_count=2", portrait(60)))
    assert [len(found[0]), found[0][0]] == [2, "p1"]
    assert len(names(post(client, f"{RECOGNIZE}?prediction_count=99", portrait(60)))[0]) == 3
    services.close()


def test_limit_and_confidence(client: FlaskClient) -> None:
    photo = group([5, 9, 77], [60, 80, 50])
    assert len(result(post(client, f"{RECOGNIZE}?limit=2", photo))) == 2
    widest = result(post(client, f"{RECOGNIZE}?limit=1", photo))
    assert widest[0]["box"]["x_max"] - widest[0]["box"]["x_min"] == 80
    assert len(result(post(client, f"{RECOGNIZE}?limit=0&det_prob_threshold=0.9", photo))) == 3
    refused(post(client, f"{RECOGNIZE}?det_prob_threshold=1", photo), 400, 28)
    refused(post(client, f"{DETECT}?det_prob_threshold=1", photo), 400, 28)
    refused(post(client, f"{FACES}?subject=a&det_prob_threshold=1", portrait(5)), 400, 28)
    assert client.get(SUBJECTS).get_json() == {"subjects": []}


@pytest.mark.parametrize(
    "query",
    [
        *("limit=-1", "limit=x", "limit=1.5", "prediction_count=0", "prediction_count=-2"),
        *("det_prob_threshold=1.1", "det_prob_threshold=nan", "det_prob_threshold=-1"),
        *("face_plugins=mood", "status=maybe", "detect_faces=false"),
    ],
)
def test_wrong_options(client: FlaskClient, query: str) -> None:
    words = refused(post(client, f"{RECOGNIZE}?{query}", portrait(5)), 400, 26)
    assert query.split("=", maxsplit=1)[0] in words


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (nobody(), 400, 28),
        (group([3], [30]), 400, 28),
        (portrait(9)[:-30], 400, 21),
        (b"GIF99a", 400, 21),
        (b"", 400, 5),
        (portrait(NOT_A_NUMBER), 500, 41),
        (portrait(BUG), 500, 0),
    ],
)
def test_unusable_photos(client: FlaskClient, photo: bytes, status: int, code: int) -> None:
    words = refused(post(client, RECOGNIZE, photo), status, code)
    assert "/secret" not in words
    refused(post(client, f"{FACES}?subject=new", photo), status, code)
    assert client.get(SUBJECTS).get_json() == {"subjects": []}


def test_the_words_that_clients_compare_with(client: FlaskClient) -> None:
    words = refused(post(client, DETECT, nobody()), 400, 28)
    assert words == "No face is found in the given image"
    words = refused(post(client, f"{FACES}?subject=a", group([3, 4], [60, 60])), 400, 31)
    assert words == "More than one face in the source image"


def test_wrong_bodies(client: FlaskClient) -> None:
    refused(post_form(client, RECOGNIZE, portrait(5), "photo"), 400, 34)
    refused(client.post(RECOGNIZE, json={"photo": "x"}), 400, 34)
    refused(client.post(RECOGNIZE, json={"file": "no base64!"}), 400, 26)
    refused(client.post(RECOGNIZE, json={"file": 5}), 400, 26)
    refused(client.post(RECOGNIZE, data="{", content_type="application/json"), 400, 0)
    refused(client.post(RECOGNIZE, data="x", content_type="text/plain"), 415, 0)
    broken = {"data": b"--x\r\n", "content_type": "multipart/form-data; boundary=x"}
    assert client.post(RECOGNIZE, **broken).status_code == 400  # type: ignore[arg-type]


def test_too_large(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path, max_upload_mb=1))
    services.start()
    client = app_of(services).test_client()
    for size in (1_000_001, 5_000_000):
        refused(post(client, RECOGNIZE, b"\xff" * size), 413, 0)
        text = base64.b64encode(b"\xff" * size).decode()
        refused(client.post(RECOGNIZE, json={"file": text}), 413, 0)
    services.close()


def test_examples_are_our_photos(client: FlaskClient, tmp_path: Path) -> None:
    image_id = add(client, "ada", portrait(5))
    assert uuid.UUID(image_id).version == 8
    [photo] = body(client.get("/users/ada/photos"))["photos"]
    assert (tmp_path / "photo_storage" / photo["path"]).read_bytes() == portrait(5)
    assert int(image_id[-12:], 16) == photo["id"]
    # The same bytes are the same example.
    assert add(client, "ada", portrait(5)) == image_id
    shown = client.get(f"{FACES}/{image_id.upper()}/img")
    assert (shown.data, shown.mimetype) == (portrait(5), "application/octet-stream")


def test_the_form_may_hold_the_options(client: FlaskClient) -> None:
    form = {"subject": "ada", "file": (io.BytesIO(portrait(5)), "x.png")}
    assert client.post(FACES, data=form).status_code == 201
    assert client.get(SUBJECTS).get_json() == {"subjects": ["ada"]}


def test_list_examples(client: FlaskClient) -> None:
    ids = [add(client, "ada", portrait(5, shade)) for shade in range(3)]
    ids.append(add(client, "bob", portrait(77)))
    # What is refused, or waits, is no example.
    post(client, f"{FACES}?subject=ada", portrait(99))
    found = client.get(f"{FACES}/").get_json()
    assert [one["image_id"] for one in found["faces"]] == ids
    assert found["faces"][3] == {"image_id": ids[3], "subject": "bob"}
    del found["faces"]
    assert found == {"page_number": 0, "page_size": 20, "total_pages": 1, "total_elements": 4}
    second = client.get(f"{FACES}?page=1&size=3").get_json()
    assert [one["image_id"] for one in second["faces"]] == ids[3:]
    assert (second["page_number"], second["page_size"], second["total_pages"]) == (1, 3, 2)
    hers = client.get(f"{FACES}?subject=ada&size=5000").get_json()
    assert (hers["total_elements"], hers["page_size"]) == (3, 2000)
    assert client.get(f"{FACES}?page=9").get_json()["faces"] == []
    assert client.get(f"{FACES}?subject=carl").get_json()["total_elements"] == 0
    for query in ("page=-1", "size=0", "page=x", "subject=", "page=99999999999999999999"):
        refused(client.get(f"{FACES}?{query}"), 400, 26)


def test_what_enrollment_refuses(client: FlaskClient) -> None:
    add(client, "ada", portrait(5))
    refused(post(client, f"{FACES}?subject=ada", portrait(77)), 409, 0)
    refused(post(client, f"{FACES}?subject=bob", portrait(5)), 409, 0)
    refused(post(client, f"{FACES}?subject=ADA", portrait(5)), 400, 43)
    refused(post(client, FACES, portrait(5)), 400, 33)
    refused(post(client, f"{FACES}?subject=", portrait(5)), 400, 26)
    words = refused(post(client, f"{FACES}?subject=a%2Fb", portrait(5)), 400, 26)
    assert words.startswith("this subject's name cannot be kept here: ")
    refused(post(client, f"{FACES}?subject=x", portrait(HOPELESS)), 400, 0)


def test_the_operators_terms_hold(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path).model_copy(update={"enroll_mode": EnrollMode.STRICT})
    services = make_services(settings)
    services.start()
    client = app_of(services).test_client()
    refused(post(client, f"{FACES}?subject=x", portrait(BLURRED)), 400, 0)
    add(client, "ada", portrait(5))
    refused(post(client, f"{FACES}?subject=ida", portrait(5, shade=4)), 409, 0)
    services.close()


def test_delete_one_example(client: FlaskClient, tmp_path: Path) -> None:
    first, second = (add(client, "ada", portrait(5, shade)) for shade in (0, 6))
    gone = client.delete(f"{FACES}/{first}")
    assert gone.get_json() == {"image_id": first, "subject": "ada"}
    assert len(list((tmp_path / "photo_storage" / "ada").iterdir())) == 1
    refused(client.delete(f"{FACES}/{first}"), 404, 44)
    assert names(post(client, RECOGNIZE, portrait(5))) == [["ada"]]
    client.delete(f"{FACES}/{second}")
    assert names(post(client, RECOGNIZE, portrait(5))) == [[]]
    assert client.get(SUBJECTS).get_json() == {"subjects": ["ada"]}


@pytest.mark.parametrize(
    "image_id",
    [
        *("x", "1", str(uuid.uuid4()), "4b656e61-6c00-8000-8000-000000000063"),
        *("4b656e61-6c00-8000-8000-ffffffffffff", "4b656e616c0080008000000000000001"),
    ],
)
def test_no_such_image(client: FlaskClient, image_id: str) -> None:
    add(client, "ada", portrait(5))
    for answer in (
        client.delete(f"{FACES}/{image_id}"),
        client.get(f"{FACES}/{image_id}/img"),
        post(client, f"{FACES}/{image_id}/verify", portrait(5)),
        client.post(
            f"{ROOT}/embeddings/faces/{image_id}/verify", json={"embeddings": [[1] * DIMENSIONS]}
        ),
    ):
        assert image_id not in refused(answer, 404, 44)


def test_a_photo_that_is_not_there_any_more(client: FlaskClient, tmp_path: Path) -> None:
    image_id = add(client, "ada", portrait(5))
    [file] = (tmp_path / "photo_storage" / "ada").iterdir()
    file.write_bytes(b"another")
    refused(client.get(f"{FACES}/{image_id}/img"), 404, 44)
    file.unlink()
    file.symlink_to(tmp_path / "var" / "kenal.sqlite3")
    refused(client.get(f"{FACES}/{image_id}/img"), 404, 44)


def test_delete_several_examples(client: FlaskClient) -> None:
    ids = [add(client, "ada", portrait(5, shade)) for shade in range(3)]
    asked = [ids[0], "x", ids[2], ids[0], str(uuid.uuid4())]
    gone = client.post(f"{FACES}/delete", json=asked)
    assert gone.status_code == 200
    assert [one["image_id"] for one in gone.get_json()] == [ids[0], ids[2]]
    assert client.get(FACES).get_json()["total_elements"] == 1
    for wrong in ({"ids": []}, [1], "x"):
        refused(client.post(f"{FACES}/delete", json=wrong), 400, 0)
    refused(client.post(f"{FACES}/delete", data="[]"), 415, 0)


def test_delete_a_persons_examples(client: FlaskClient, tmp_path: Path) -> None:
    for shade in range(3):
        add(client, "ada", portrait(5, shade))
    post(client, f"{FACES}?subject=ada", portrait(99))
    spec = body(post_form(client, "/embeddings", portrait(5)))["spec"]["digest"]
    embedding = vector_of(color_of(5, 9)).tolist()
    made = client.post("/users/ada/embeddings", json={"embedding": embedding, "spec": spec})
    assert made.status_code == 201
    add(client, "bob", portrait(77))
    assert client.delete(f"{FACES}?subject=ada").get_json() == {"deleted": 4}
    assert client.delete(f"{FACES}?subject=ada").get_json() == {"deleted": 0}
    assert client.delete(f"{FACES}?subject=carl").get_json() == {"deleted": 0}
    assert not list((tmp_path / "photo_storage").glob("ada/*"))
    assert names(post(client, RECOGNIZE, group([5, 77], [60, 60]))) == [[], ["bob"]]
    assert client.get(SUBJECTS).get_json() == {"subjects": ["ada", "bob"]}
    refused(client.delete(f"{FACES}?subject="), 400, 26)


def test_delete_everything(client: FlaskClient, tmp_path: Path) -> None:
    add(client, "ada", portrait(5))
    add(client, "bob", portrait(77))
    assert client.delete(FACES).get_json() == {"deleted": 2}
    assert client.get(SUBJECTS).get_json() == {"subjects": ["ada", "bob"]}
    add(client, "ada", portrait(5))
    # An empty name in the address is nobody's, and never everybody's.
    refused(client.delete(f"{SUBJECTS}/"), 405, 0)
    assert client.delete(SUBJECTS).get_json() == {"deleted": 2}
    assert client.get(SUBJECTS).get_json() == {"subjects": []}
    assert not list((tmp_path / "photo_storage").rglob("*.png"))
    assert names(post(client, RECOGNIZE, portrait(5))) == [[]]
    acts = body(client.get("/audit"))["acts"]
    assert [act["action"] for act in acts] == ["people.delete_all", "examples.delete_all"]


def test_subjects(client: FlaskClient) -> None:
    made = client.post(SUBJECTS, json={"subject": "Jos\u0065\u0301"})
    assert (made.status_code, made.get_json()) == (201, {"subject": "Jos\u00e9"})
    assert client.get(f"{SUBJECTS}/").get_json() == {"subjects": ["Jos\u00e9"]}
    refused(client.post(SUBJECTS, json={"subject": "JOS\u00c9"}), 400, 43)
    refused(client.post(SUBJECTS, json={}), 400, 33)
    refused(client.post(SUBJECTS, json={"subject": " "}), 400, 26)
    refused(client.post(SUBJECTS, json={"subject": "a/b"}), 400, 26)
    refused(client.post(SUBJECTS, json=["a"]), 400, 0)
    assert client.delete(f"{SUBJECTS}/Jos\u00e9").get_json() == {"subject": "Jos\u00e9"}
    refused(client.delete(f"{SUBJECTS}/Jos\u00e9"), 404, 42)
    refused(client.delete(f"{SUBJECTS}/_x"), 400, 26)


def test_a_rename_changes_nothing(client: FlaskClient) -> None:
    add(client, "ada", portrait(5))
    words = refused(client.put(f"{SUBJECTS}/ada", json={"subject": "ida"}), 400, 26)
    assert "cannot be renamed" in words
    refused(client.put(f"{SUBJECTS}/carl", json={"subject": "ida"}), 404, 42)
    same = client.put(f"{SUBJECTS}/ada", json={"subject": "ada", "api_endpoint": "ada"})
    assert same.get_json() == {"updated": False}
    assert client.get(SUBJECTS).get_json() == {"subjects": ["ada"]}


def test_another_name_by_hand(client: FlaskClient) -> None:
    """What the refusal of a rename, and the documents, say to do."""
    image_id = add(client, "ada", portrait(5))
    photo = client.get(f"{FACES}/{image_id}/img").data
    client.delete(f"{SUBJECTS}/ada")
    add(client, "ida", photo)
    assert names(post(client, RECOGNIZE, portrait(5))) == [["ida"]]


def test_verify_an_example(client: FlaskClient) -> None:
    image_id = add(client, "ada", portrait(5))
    url = f"{FACES}/{image_id}/verify"
    answer = post(client, f"{url}?status=true", group([5, 9], [60, 50]))
    same, other = result(answer)
    assert set(same) == {"box", "subject", "similarity", "execution_time"}
    assert same["similarity"] > 0.9
    assert other["similarity"] < 0.6
    assert answer.get_json()["plugins_versions"]["calculator"] == "colors"
    [only] = result(post(client, f"{url}?limit=1", group([5, 9], [60, 50])))
    assert only["subject"] == "ada"


def test_similarity_is_never_below_zero(client: FlaskClient) -> None:
    spec = body(post_form(client, "/embeddings", portrait(5)))["spec"]["digest"]
    opposite = (-vector_of(color_of(5))).tolist()
    client.post("/users/x/embeddings", json={"embedding": opposite, "spec": spec})
    assert names(post(client, RECOGNIZE, portrait(5))) == [[]]
    given = {"source": opposite, "targets": [vector_of(color_of(5)).tolist()]}
    [found] = result(client.post("/api/v1/verification/embeddings/verify", json=given))
    assert found["similarity"] == 0


def test_detect(client: FlaskClient) -> None:
    photo = group([5, 9], [60, 80])
    first, second = result(post(client, DETECT, photo))
    assert set(first) == {"box"}
    assert first["box"]["x_min"] > second["box"]["x_min"]
    [face] = result(post(client, f"{DETECT}?limit=1&face_plugins=calculator", photo))
    assert face["embedding"] == pytest.approx(vector_of(color_of(9)).tolist())
    answer = post(client, f"{DETECT}?status=true", photo)
    assert answer.get_json()["plugins_versions"] == {"detector": "stripes"}
    assert set(result(answer)[0]["execution_time"]) == {"detector"}


def test_verify_two_photos(client: FlaskClient) -> None:
    query = "?status=true&face_plugins=landmarks"
    answer = two_photos(client, portrait(5), group([9, 5], [80, 60]), query)
    [found] = result(answer)
    assert set(found) == {"source_image_face", "face_matches", "plugins_versions"}
    assert set(found["source_image_face"]) == {"box", "landmarks", "execution_time"}
    other, same = found["face_matches"]
    assert same["similarity"] > 0.9 > 0.6 > other["similarity"]
    refused(two_photos(client, group([9, 5], [80, 60]), portrait(5)), 400, 31)
    refused(two_photos(client, nobody(), portrait(5)), 400, 28)
    refused(two_photos(client, portrait(5), nobody()), 400, 28)
    refused(client.post(VERIFY, json={"source_image": "aGk="}), 400, 34)


def test_embeddings(client: FlaskClient) -> None:
    image_id = add(client, "ada", portrait(5))
    given = [vector_of(color_of(person)).tolist() for person in (5, 9)]
    url = f"{ROOT}/embeddings/recognize?prediction_count=2"
    mine, strange = result(client.post(url, json={"embeddings": given}))
    assert mine["embedding"] == given[0]
    assert [one["subject"] for one in mine["similarities"]] == ["ada"]
    assert strange["similarities"] == []
    url = f"{ROOT}/embeddings/faces/{image_id}/verify"
    found = result(client.post(url, json={"embeddings": given}))
    assert found[0]["similarity"] > 0.9 > 0.6 > found[1]["similarity"]
    url = "/api/v1/verification/embeddings/verify"
    found = result(client.post(url, json={"source": given[0], "targets": given}))
    assert found[0]["similarity"] == 1
    for wrong in ([], [[]], [[1.0]], [[0.0] * DIMENSIONS], [["x"] * DIMENSIONS], "x", [[None]]):
        refused(client.post(f"{ROOT}/embeddings/recognize", json={"embeddings": wrong}), 400, 26)
    refused(client.post(url, json={"source": given[0]}), 400, 33)


def test_addresses_that_are_none(client: FlaskClient) -> None:
    refused(client.get("/api/v1/nothing"), 404, 0)
    refused(client.get("/api/v1/static/key/images/x"), 404, 0)
    answer = client.get(RECOGNIZE)
    refused(answer, 405, 0)
    assert "POST" in answer.headers["Allow"]
    # Elsewhere errors keep our shape.
    assert "error" in client.get("/api/v2/x").get_json()
    assert "error" in client.get("/api/v1").get_json()


def test_not_ready(cold_client: FlaskClient) -> None:
    answer = post(cold_client, RECOGNIZE, portrait(5))
    refused(answer, 503, 0)
    assert int(answer.headers["Retry-After"]) >= 1
    assert cold_client.get(FACES).get_json()["total_elements"] == 0


def test_busy(client: FlaskClient, services: Services) -> None:
    turns = services.engine().recognizer.turns
    turns._at_once = 0
    turns._waiting._capacity = 0
    turns._pace_seconds = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "_pause", lambda: 7)
        for url in (RECOGNIZE, DETECT, f"{FACES}?subject=ada"):
            answer = post(client, url, portrait(5))
            refused(answer, 503, 0)
            assert answer.headers["Retry-After"] == "7"
    assert client.get(SUBJECTS).get_json() == {"subjects": []}


def app_of(services: Services) -> Flask:
    """The application on these services, held against its contract."""
    return create_app(services=services)


def test_keys(tmp_path: Path) -> None:
    services = make_services(with_keys(fake_settings(tmp_path)))
    services.start()
    app = app_of(services)
    contract = Contract(app)
    client = app.test_client()
    keys = {
        scope: sent(make_key(services.database, scope)) for scope in Scope if scope != Scope.DEVICE
    }
    refused(client.get(SUBJECTS), 401, 10)
    answer = client.get(SUBJECTS, headers={"x-api-key": "00000000-0000-0000-0000-000000000002"})
    refused(answer, 401, 10)
    assert "WWW-Authenticate" in answer.headers
    open_to = {
        ("GET", SUBJECTS): Scope.READ,
        ("GET", FACES): Scope.READ,
        ("POST", SUBJECTS): Scope.ENROLL,
        ("POST", FACES): Scope.ENROLL,
        ("POST", f"{FACES}/delete"): Scope.ENROLL,
        ("DELETE", f"{FACES}?subject=x"): Scope.ENROLL,
        ("DELETE", f"{FACES}/x"): Scope.ENROLL,
        ("GET", f"{FACES}/x/img"): Scope.ENROLL,
        ("PUT", f"{SUBJECTS}/x"): Scope.ENROLL,
        ("DELETE", f"{SUBJECTS}/x"): Scope.ENROLL,
        ("POST", RECOGNIZE): Scope.IDENTIFY,
        ("POST", f"{FACES}/x/verify"): Scope.IDENTIFY,
        ("POST", DETECT): Scope.IDENTIFY,
        ("POST", VERIFY): Scope.IDENTIFY,
        ("POST", f"{ROOT}/embeddings/recognize"): Scope.IDENTIFY,
        ("DELETE", SUBJECTS): Scope.ADMIN,
        ("DELETE", FACES): Scope.ADMIN,
    }
    for (method, url), needed in open_to.items():
        for scope, headers in keys.items():
            answer = client.open(url, method=method, headers=headers)
            if scope in (needed, Scope.ADMIN):
                assert answer.status_code not in (401, 403), (method, url, scope)
            else:
                refused(answer, 403, 10)
    acts = {act["action"] for act in audited(client, keys[Scope.ADMIN]["X-API-Key"])}
    assert {"people.delete_all", "examples.delete_all"} <= acts
    services.close()
    contract.check()


def test_another_page_may_not(client: FlaskClient) -> None:
    answer = client.delete(SUBJECTS, headers={"Origin": "https://elsewhere.example"})
    refused(answer, 403, 10)


def test_enrolled_elsewhere(client: FlaskClient) -> None:
    """What came by our own API is an example too."""
    photo = enroll(client, "1042", portrait(5))
    [one] = client.get(FACES).get_json()["faces"]
    assert (int(one["image_id"][-12:], 16), one["subject"]) == (photo["id"], "1042")


def test_it_is_in_the_contract(client: FlaskClient) -> None:
    contract = client.get("/openapi.json").get_json(force=True)
    said = contract["paths"][RECOGNIZE]["post"]
    assert "28" in said["responses"]["400"]["x-codes"]
    schema = said["responses"]["400"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/CompreFaceError"}
    options = {parameter["name"] for parameter in said["parameters"]}
    assert {"limit", "det_prob_threshold", "prediction_count", "face_plugins", "status"} <= options
    assert not [path for path in contract["paths"] if re.match("/api/v1/.*<", path)]
