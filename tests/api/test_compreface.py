"""/api/v1: faces and names in the shapes that clients of CompreFace know."""

import base64
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.api.compreface_kit import (
    DETECT,
    FACES,
    RECOGNIZE,
    ROOT,
    SUBJECTS,
    VERIFY,
    add,
    app_of,
    names,
    post,
    refused,
    result,
    two_photos,
)
from tests.api.kit import body, post_form
from tests.fakes import (
    DIMENSIONS,
    color_of,
    fake_settings,
    group,
    make_services,
    nobody,
    portrait,
    vector_of,
)


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
    bodies: list[object] = [
        [],
        [[]],
        [[1.0]],
        [[0.0] * DIMENSIONS],
        [["x"] * DIMENSIONS],
        "x",
        [[None]],
    ]
    for wrong in bodies:
        refused(client.post(f"{ROOT}/embeddings/recognize", json={"embeddings": wrong}), 400, 26)
    refused(client.post(url, json={"source": given[0]}), 400, 33)
