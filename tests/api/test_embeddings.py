"""Embeddings: made, searched, enrolled, listed and removed."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from db import audit
from pipeline.services import Services
from tests.api.kit import body, enroll, recognize, refused
from tests.fakes import BLURRED, color_of, group, nobody, portrait, spec, vector_of
from tests.gallery_kit import GalleryKit

URL = "/users/bert/embeddings"


def numbers(person: int, shade: int = 0) -> list[float]:
    return [float(value) for value in vector_of(color_of(person, shade))]


def sent(values: object, digest: object = spec().digest, **more: object) -> dict[str, object]:
    return {"embedding": values, "spec": digest} | more


def faces_of(client: FlaskClient, user_id: str) -> Sequence[Mapping[str, Any]]:
    faces: Sequence[Mapping[str, Any]] = body(client.get(f"/users/{user_id}/faces"))["faces"]
    return faces


def post_photo(client: FlaskClient, photo: bytes, query: str = "") -> TestResponse:
    return client.post(f"/embeddings{query}", data=photo, content_type="image/png")


def test_embeddings_of_a_photo(reader: FlaskClient) -> None:
    found = body(post_photo(reader, portrait(5)))
    assert found["spec"]["digest"] == spec().digest
    assert (found["spec"]["dimensions"], found["spec"]["similarity"]) == (64, "cosine")
    [face] = found["faces"]
    assert face["embedding"] == pytest.approx(numbers(5))
    assert face["face"]["quality"]["issues"] == []
    every = body(post_photo(reader, group([5, 9, 6], [60, 50, 30]), "?faces=all"))
    assert len(every["faces"]) == 2
    assert [face["reason"] for face in every["unused_faces"]] == ["face_too_small"]
    refused(post_photo(reader, nobody()), 422, "no_face")


def test_what_was_made_of_a_photo_is_found(reader: FlaskClient) -> None:
    made = body(post_photo(reader, portrait(5, shade=4)))
    given = sent(made["faces"][0]["embedding"], made["spec"]["digest"])
    found = body(reader.post("/search", json=given))
    by_photo = body(recognize(reader, portrait(5, shade=4)))
    same = ["decision", "user_id", "face_id", "similarity_score", "profile", "candidates", "model"]
    assert [found[name] for name in same] == [by_photo[name] for name in same]
    assert "face" not in found


def test_a_stranger_is_nobody(reader: FlaskClient) -> None:
    found = body(reader.post("/search", json=sent(numbers(77), limit=10)))
    assert (found["decision"], found["user_id"], found["candidates"]) == ("no_match", None, [])


def test_another_space_is_a_conflict_that_says_which(reader: FlaskClient) -> None:
    for url in ("/search", URL):
        response = reader.post(url, json=sent(numbers(5), "0123456789abcdef"))
        error = refused(response, 409, "conflict")
        assert error["details"]["spec"]["digest"] == spec().digest
    refused(reader.get("/users/bert"), 404, "not_found")


@pytest.mark.parametrize(
    "values",
    [
        None,
        "AAAA",
        {},
        [],
        [1.0],
        numbers(5)[:-1],
        [*numbers(5), 0.0],
        [0.0] * 64,
        [1e-30] * 64,
        [1e30] * 64,
        [10**400] * 64,
        [10**38] * 64,
        [1e308] * 64,
        [True] * 64,
        ["0.1"] * 64,
        [None] * 64,
        [[0.1]] * 64,
    ],
)
@pytest.mark.parametrize("url", ["/search", URL])
def test_what_is_no_embedding(reader: FlaskClient, values: object, url: str) -> None:
    error = refused(reader.post(url, json=sent(values)), 400, "invalid_parameter")
    assert error["details"] == {"parameter": "embedding"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_has_not(reader: FlaskClient, number: str) -> None:
    text = f'{{"spec": "{spec().digest}", "embedding": [{", ".join([number] * 64)}]}}'
    response = reader.post("/search", data=text, content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["error"]["code"] in ("bad_json", "invalid_parameter")


@pytest.mark.parametrize(
    "more", [{"spec": None}, {"spec": 5}, {"limit": 0}, {"limit": 11}, {"user_id": "1042"}]
)
def test_search_options_are_strict(reader: FlaskClient, more: dict[str, object]) -> None:
    refused(reader.post("/search", json=sent(numbers(5)) | more), 400, "invalid_parameter")


def test_enroll(client: FlaskClient, services: Services) -> None:
    made = client.post(URL, json=sent(numbers(5)))
    said = body(made)
    assert (made.status_code, said["duplicate"], said["warnings"]) == (201, False, [])
    assert made.headers["Location"] == "/users/bert/faces"
    found = body(recognize(client, portrait(5, shade=3)))
    assert (found["user_id"], found["face_id"]) == ("bert", said["face_id"])
    again = client.post(URL, json=sent(numbers(5)))
    assert (again.status_code, body(again)["face_id"]) == (200, said["face_id"])
    [face] = faces_of(client, "bert")
    assert (face["source"], face["quality"], face["photo_ids"]) == ("embedding", None, [])
    assert (face["primary"], face["spec"]) == (True, spec().digest)
    GalleryKit(services, services.engine()).check()


def test_the_rules_of_photos_hold(client: FlaskClient, services: Services) -> None:
    enroll(client, "anna", portrait(5))
    client.post(URL, json=sent(numbers(9)))
    error = refused(client.post(URL, json=sent(numbers(77))), 409, "face_conflict")
    assert error["details"]["threshold"] == 0.6
    alike = body(client.post("/users/carl/embeddings", json=sent(numbers(5, 4))))
    assert [(w["code"], w["user_id"]) for w in alike["warnings"]] == [("face_conflict", "anna")]
    strict = sent(numbers(5, 7), mode="strict")
    error = refused(client.post("/users/dora/embeddings", json=strict), 409, "face_conflict")
    refused(client.get("/users/dora"), 404, "not_found")
    accepted = client.post("/users/dora/embeddings", json=strict | {"accept": True})
    assert accepted.status_code == 201
    with services.database.read() as session:
        [row] = audit.page(session, None, 10)
    assert (row.action, row.target) == ("face.accept", "dora")
    refused(client.post("/users/ANNA/embeddings", json=sent(numbers(5))), 409, "conflict")
    GalleryKit(services, services.engine()).check()


def test_faces_of_photos_and_embeddings(client: FlaskClient, services: Services) -> None:
    photo = enroll(client, "anna", portrait(5))
    body(client.post("/users/anna/embeddings", json=sent(numbers(5, 4))))
    of_photo, bare = faces_of(client, "anna")
    assert (of_photo["source"], of_photo["photo_ids"]) == ("photo", [photo["id"]])
    assert of_photo["quality"]["box"] == {"x": 0, "y": 0, "width": 120, "height": 160}
    assert of_photo["primary"]
    assert not bare["primary"]
    first = body(client.get("/users/anna/faces?limit=1"))
    rest = body(client.get(f"/users/anna/faces?cursor={first['next_cursor']}"))
    assert [face["face_id"] for face in (*first["faces"], *rest["faces"])] == [
        of_photo["face_id"],
        bare["face_id"],
    ]
    url = "/users/anna/faces"
    error = refused(client.delete(f"{url}/{of_photo['face_id']}"), 409, "conflict")
    assert error["details"] == {"photo_ids": [photo["id"]]}
    assert client.delete(f"{url}/{bare['face_id']}").status_code == 204
    refused(client.delete(f"{url}/{bare['face_id']}"), 404, "not_found")
    assert [face["source"] for face in faces_of(client, "anna")] == ["photo"]
    GalleryKit(services, services.engine()).check()


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "9" * 19, "1.0"])
def test_no_such_face(reader: FlaskClient, number: str) -> None:
    refused(reader.delete(f"/users/1042/faces/{number}"), 404, "not_found")
    refused(reader.get("/users/nobody/faces"), 404, "not_found")


def test_a_face_is_only_its_owners(client: FlaskClient) -> None:
    face = body(client.post(URL, json=sent(numbers(5))))["face_id"]
    enroll(client, "anna", portrait(77))
    refused(client.delete(f"/users/anna/faces/{face}"), 404, "not_found")
    assert body(recognize(client, portrait(5)))["user_id"] == "bert"


def test_a_deleted_person_takes_their_embeddings_along(
    client: FlaskClient, services: Services
) -> None:
    client.post(URL, json=sent(numbers(5)))
    assert client.delete("/users/bert").status_code == 204
    assert body(recognize(client, portrait(5)))["decision"] == "no_match"
    GalleryKit(services, services.engine()).check()


def test_strict_holds_for_two_who_come_at_once(client: FlaskClient, services: Services) -> None:
    """Each is searched before the other is committed; one of them sees it all the same."""
    app, answers = client.application, []
    start = threading.Barrier(4)

    def post(user_id: str, shade: int) -> None:
        start.wait()
        given = sent(numbers(5, shade), mode="strict")
        answers.append(app.test_client().post(f"/users/{user_id}/embeddings", json=given))

    threads = [threading.Thread(target=post, args=(f"p{n}", n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert services.engine().gallery.count == 1


def test_a_blurred_photos_embedding_is_given_with_its_quality(reader: FlaskClient) -> None:
    [face] = body(post_photo(reader, portrait(BLURRED)))["faces"]
    assert [issue["code"] for issue in face["face"]["quality"]["issues"]] == ["blurred"]
