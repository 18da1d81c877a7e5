"""Another network comes into force while a photo is enrolled: it is enrolled for whoever asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from pipeline.commit import Analyzed
from pipeline.spaces.overview import standing
from pipeline.terms import Terms
from tests.api import compreface_kit
from tests.api.kit import enroll, refused
from tests.fakes import EMBEDDER, portrait
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import FURTHER, FURTHER_SPEC
from tests.switch_kit import go_over, now, two_networks_in, who


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GalleryKit]:
    """The switch comes when the next photo is analyzed."""
    with two_networks_in(tmp_path) as kit:
        kit.enroll("anna.png", 1)
        kit.services.follow()
        analyze = kit.engine.converter.analyze

        def switched_then(data: bytes, terms: Terms | None = None) -> Analyzed:
            analyzed = analyze(data, terms)
            go_over(kit.services)
            return analyzed

        monkeypatch.setattr(kit.engine.converter, "analyze", switched_then)
        yield kit


@pytest.fixture
def client(kit: GalleryKit) -> FlaskClient:
    return create_app(services=kit.services).test_client()


def test_a_photo_that_is_posted_meanwhile_is_enrolled_in_the_new_space(
    kit: GalleryKit, client: FlaskClient
) -> None:
    assert enroll(client, "dora", portrait(4))["status"] == "enrolled"
    assert who(kit, 4) == (FURTHER, "dora")
    told = standing(kit.services, FURTHER_SPEC)
    assert (told.faces, told.embedded, told.waiting) == (2, 2, 0)
    now(kit).check()


def test_so_is_a_photo_that_a_compreface_client_posts(kit: GalleryKit, client: FlaskClient) -> None:
    compreface_kit.add(client, "dora", portrait(4))
    assert who(kit, 4) == (FURTHER, "dora")


def test_a_process_that_has_not_loaded_it_enrolls_later_and_nobody_into_the_old_one(
    kit: GalleryKit, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = kit.services
    monkeypatch.setattr(type(own), "engine", lambda _: kit.engine)
    answer = client.post("/users/dora/photos", data=portrait(4), content_type="image/png")
    refused(answer, 503, "not_ready")
    monkeypatch.undo()
    told = standing(own, FURTHER_SPEC)
    assert (told.faces, told.embedded, told.waiting) == (1, 1, 0), "nobody finds what is not in it"
    (path,) = (path for path, status in kit.statuses().items() if status == "pending")
    assert now(kit).convert(path).status == "enrolled"
    assert who(kit, 4) == (FURTHER, "dora")
    go_over(own, EMBEDDER)
    assert who(now(kit), 4) == (EMBEDDER, "dora")
