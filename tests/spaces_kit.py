"""A second fake network beside the gallery's, and a door that keeps a copy of what it is given."""

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import select

from core.errors import NotFound
from core.settings import Settings
from core.types import EmbeddingSpec, Face, Matrix, Similarity, Vector
from db.models import FaceRow, User
from db.session import Database
from db.space_models import EmbeddingRow
from pipeline.analyzer import Analyzer, LeastFace
from pipeline.converter import Limits
from pipeline.embedders.embedder import checked_matrix
from pipeline.images.decode import Pixels
from pipeline.spaces.fill import AGAIN_AFTER, Filler
from pipeline.spaces.look import Looker
from tests.fakes import (
    EMBEDDER,
    THRESHOLD,
    FakeDetector,
    FakeEmbedder,
    FakeNetworks,
    fake_look,
    fake_settings,
    make_services,
)
from tests.gallery_kit import GalleryKit

FURTHER = "hues"
FURTHER_DIMENSIONS = 16
FURTHER_SPEC = EmbeddingSpec(
    FURTHER, "1" * 64, "stripes", "none", "unit", FURTHER_DIMENSIONS, Similarity.COSINE
)


class FurtherEmbedder:
    """Another view of the same colors: the first numbers of theirs, in another order."""

    default_threshold = 0.4
    spec = FURTHER_SPEC

    def load(self) -> None:
        """Nothing to load."""

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        rows = FakeEmbedder().embed(rgb, faces)
        return checked_matrix(list(further_of(rows)), FURTHER_DIMENSIONS)


def further_of(rows: Matrix) -> Matrix:
    """What the second network makes of faces of whom the first makes `rows`."""
    turned = rows[:, :FURTHER_DIMENSIONS][:, ::-1]
    return np.ascontiguousarray(turned / np.linalg.norm(turned, axis=1, keepdims=True))


@dataclass(frozen=True)
class TwoNetworks(FakeNetworks):
    """Stands in for pipeline.analyzer.build_analyzer; knows two networks."""

    def __call__(self, embedder_id: str, settings: Settings) -> Analyzer:
        if embedder_id == EMBEDDER:
            return super().__call__(embedder_id, settings)
        if embedder_id != FURTHER:
            raise NotFound("there is no network of that name")
        least = LeastFace(settings.min_face_px)
        return Analyzer(FakeDetector(), FurtherEmbedder(), least, fake_look)


def two_spaces(folder: Path) -> Settings:
    """Settings of a service whose doors recognize with the second network."""
    return fake_settings(folder).model_copy(update={"device_networks": FURTHER})


@contextmanager
def spaces_in(folder: Path) -> Iterator[GalleryKit]:
    """A gallery in `folder` that has the second network too."""
    services = make_services(two_spaces(folder), TwoNetworks())
    try:
        yield GalleryKit(services, services.start())
    finally:
        services.close()


def filler(
    kit: GalleryKit,
    own: Analyzer | None = None,
    further: Analyzer | None = None,
    again_after: timedelta = AGAIN_AFTER,
    threads: int = 1,
) -> Filler:
    """Fills the second network's space of a gallery."""
    settings = kit.services.settings
    own = own or kit.engine.analyzer
    further = further or kit.services.analyzer(FURTHER)
    limits = Limits(settings.max_upload_bytes, settings.max_image_pixels, settings.dominant_face)
    looker = Looker(kit.drop, own, further, limits, THRESHOLD)
    return Filler(
        kit.services.database, looker, own.spec, FURTHER_SPEC, again_after, threads=threads
    )


def codes_of(database: Database) -> dict[str, str | None]:
    """Why a person's newest face has no embedding in the second space; None: it has one."""
    with database.read() as session:
        rows = session.execute(
            select(User.user_id, EmbeddingRow.code, EmbeddingRow.embedding)
            .join(FaceRow, FaceRow.person_id == User.id)
            .join(EmbeddingRow, EmbeddingRow.face_id == FaceRow.id)
            .order_by(EmbeddingRow.face_id)
        ).all()
    assert all((code is None) == (stored is not None) for _, code, stored in rows)
    return {user_id: code for user_id, code, _ in rows}


Json = dict[str, object]
Copy = dict[int, tuple[str, str | None, bytes | None]]
"""By face: whose it is, the name, the embedding as it is stored."""


@dataclass
class Door:
    """Applies pages as the contract says; `ask` is one request with `after`."""

    ask: Callable[[str | None], Json]
    faces: Copy = field(default_factory=dict)
    after: str | None = None
    resets: int = 0

    def page(self) -> bool:
        """Ask for one page; whether that was the last one by now."""
        told = self.ask(self.after)
        if told["reset"]:
            self.faces, self.after = {}, None
            self.resets += 1
            return False
        faces, deleted = told["faces"], told["deleted"]
        assert isinstance(faces, list)
        assert isinstance(deleted, list)
        seqs = [face["seq"] for face in faces]
        assert seqs == sorted(seqs)
        for face in faces:
            text = face["embedding"]
            stored = None if text is None else base64.b64decode(text)
            self.faces[face["face_id"]] = (face["user_id"], face["name"], stored)
        for face_id in deleted:
            self.faces.pop(face_id, None)
        self.after = str(told["next_after"])
        return told["complete"] is True

    def sync(self) -> None:
        """Everything by now."""
        while not self.page():
            pass


def truth(database: Database, further: bool) -> Copy:
    """What a door should hold, straight from the tables."""
    stored = EmbeddingRow.embedding if further else FaceRow.embedding
    statement = select(FaceRow.id, User.user_id, User.name, stored).join(
        User, User.id == FaceRow.person_id
    )
    if further:
        statement = statement.join(EmbeddingRow, EmbeddingRow.face_id == FaceRow.id)
    with database.read() as session:
        return {face: (user, name, data) for face, user, name, data in session.execute(statement)}


def vector(data: bytes | None) -> Vector:
    """A stored embedding that is there, as numbers."""
    assert data is not None
    return np.frombuffer(data, "<f4")
