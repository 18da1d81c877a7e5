"""/api/v1/recognition/faces and /subjects: what people are recognized by, and who they are."""

import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.settings import EnrollMode
from tests.api.compreface_kit import (
    FACES,
    RECOGNIZE,
    ROOT,
    SUBJECTS,
    add,
    app_of,
    names,
    post,
    refused,
)
from tests.api.kit import body, enroll, post_form
from tests.fakes import (
    BLURRED,
    DIMENSIONS,
    HOPELESS,
    color_of,
    fake_settings,
    group,
    make_services,
    portrait,
    vector_of,
)


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
        *("x", "1", "0f8fad5b-d9cb-469f-a165-70867728950e", "4b656e61-6c00-8000-8000-000000000063"),
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
    bodies: list[object] = [{"ids": []}, [1], "x"]
    for wrong in bodies:
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


@pytest.mark.parametrize(
    "asked",
    [
        {"query_string": {"Subject": "ada"}},
        {"data": "subject=ada", "content_type": "application/x-www-form-urlencoded"},
        {"json": {"subject": "ada"}},
    ],
)
def test_somebody_named_where_it_is_not_read_is_not_everybody(
    client: FlaskClient, asked: dict[str, Any]
) -> None:
    add(client, "bob", portrait(77))
    refused(client.delete(FACES, **asked), 400, 26)
    assert len(client.get(FACES).get_json()["faces"]) == 1


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


def test_enrolled_elsewhere(client: FlaskClient) -> None:
    """What came by our own API is an example too."""
    photo = enroll(client, "1042", portrait(5))
    [one] = client.get(FACES).get_json()["faces"]
    assert (int(one["image_id"][-12:], 16), one["subject"]) == (photo["id"], "1042")


def test_a_name_that_was_cut(client: FlaskClient) -> None:
    """The client sends `R&D` as it is, which would enroll a face as `R`."""
    for answer in (
        post(client, f"{FACES}?subject=R&D", portrait(5)),
        client.delete(f"{FACES}?subject=R&D"),
        client.get(f"{FACES}?subject=R&D"),
    ):
        assert "%26" in refused(answer, 400, 26)
    assert client.get(SUBJECTS).get_json() == {"subjects": []}
