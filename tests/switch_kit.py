"""Going over from one fake network to the other, in process, and what must hold at any moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from core.settings import Settings
from core.types import EmbeddingSpec
from db import switching
from db.switching import Spaces
from pipeline.recognizer import Question
from pipeline.services import Services
from pipeline.spaces.overview import spaces_of
from pipeline.spaces.switch import Switch
from tests.fakes import EMBEDDER, fake_settings, make_services, portrait, spec
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import FURTHER, FURTHER_SPEC, TwoNetworks

SPECS = {EMBEDDER: spec(), FURTHER: FURTHER_SPEC}


def unheard(_stage: str, _done: int, _total: int) -> None:
    """Nobody looks."""


@contextmanager
def two_networks_in(folder: Path, settings: Settings | None = None) -> Iterator[GalleryKit]:
    """A fresh or existing gallery that may go over to the second network."""
    services = make_services(settings or fake_settings(folder), TwoNetworks())
    try:
        yield GalleryKit(services, services.start())
    finally:
        services.close()


def go_over(services: Services, name: str = FURTHER, threshold: float | None = None) -> None:
    """All of a switch, with nobody to ask."""
    going = Switch(services, name)
    going.announce(threshold)
    going.fill(unheard)
    going.build_index(unheard)
    with following(services):
        going.load_everywhere(30)
    going.flip()


@contextmanager
def following(services: Services) -> Iterator[None]:
    """What a serving process does meanwhile."""
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(0.02):
            services.follow()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def now(kit: GalleryKit) -> GalleryKit:
    """The same gallery with what is in force in it, loaded as a serving process would."""
    kit.services.follow()
    return GalleryKit(kit.services, kit.services.engine())


def in_force(kit: GalleryKit) -> EmbeddingSpec:
    return kit.services.engine().chosen.spec


def kept(kit: GalleryKit) -> Spaces:
    return spaces_of(kit.services)


def who(kit: GalleryKit, person: int) -> tuple[str, str | None]:
    """In which space a new photo of a person is answered, and with whom."""
    engine = kit.services.engine()
    answer = engine.recognizer.recognize(portrait(person, 3), Question()).answers[0]
    return engine.chosen.embedder, answer.profile.user_id if answer.profile else None


def check_counts(kit: GalleryKit) -> None:
    """Straight from the tables: every face is in a space once, or it is said why not."""
    with kit.services.database.read() as session:
        twice = session.execute(
            text(
                "SELECT count(*) FROM faces JOIN embeddings ON embeddings.face_id = faces.id"
                " AND embeddings.spec_id = faces.spec_id"
            )
        ).scalar_one()
        assert twice == 0
        seqs = session.execute(
            text(
                "SELECT seq FROM faces UNION ALL SELECT seq FROM embeddings"
                " UNION ALL SELECT seq FROM deletions"
            )
        ).scalars()
        found = list(seqs)
        assert len(found) == len(set(found)), "a seq is of one change"
        assert switching.in_force(session) in {one.digest for one in SPECS.values()}
