"""A gallery on fake networks in a temporary folder, with the words tests speak."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.types import Decision
from db import changes, faces, photos, users
from db.models import FaceRow, PhotoRow
from db.photos import Status
from pipeline.embedding_enrollment import is_without_photo
from pipeline.ledger import Outcome
from pipeline.recognizer import Question
from pipeline.reconcile import Reconciler
from pipeline.services import Engine, Services
from tests.fakes import make_engine, portrait


@dataclass(frozen=True)
class GalleryKit:
    """Drop, convert, ask, and check that everything adds up."""

    services: Services
    engine: Engine

    @property
    def drop(self) -> Path:
        return self.services.settings.photo_dir

    @property
    def reconciler(self) -> Reconciler:
        return Reconciler(self.services.database, self.drop)

    def put(self, path: str, data: bytes) -> None:
        (self.drop / path).parent.mkdir(exist_ok=True)
        (self.drop / path).write_bytes(data)

    def convert(self, path: str, force: bool = False, accept: bool = False) -> Outcome:
        return self.engine.converter.convert(PurePosixPath(path), force, accept)

    def enroll(self, path: str, person: int, shade: int = 0) -> Outcome:
        self.put(path, portrait(person, shade))
        return self.convert(path)

    def scan_and_convert(self) -> list[Outcome]:
        """What one full pass of the watcher does, without its waiting."""
        work = self.reconciler.scan().work
        return [self.engine.converter.convert(entry.path) for entry in work]

    def who(self, person: int, shade: int = 3) -> str | None:
        """Whom a new photo of a person is recognized as."""
        answer = self.engine.recognizer.recognize(portrait(person, shade), Question()).answers[0]
        assert (answer.profile is not None) == (answer.decision is Decision.MATCH)
        return answer.profile.user_id if answer.profile else None

    def row(self, path: str) -> PhotoRow | None:
        with self.services.database.read() as session:
            row = photos.find(session, path)
            session.expunge_all()
            return row

    def statuses(self) -> dict[str, str]:
        with self.services.database.read() as session:
            return {row.path: row.status for row in photos.all_by_path(session)}

    def check(self) -> None:
        """The invariants that hold after every case."""
        with self.services.database.read() as session:
            counts = photos.counts(session)
            rows = list(photos.all_by_path(session))
            live = set(changes.live_ids(session, self.engine.chosen.spec).tolist())
            people = users.page(session, 0, 10_000)
            assert sum(counts.values()) == len(rows)
            given = {row.face_id for row in rows if row.face_id is not None}
            bare = self._without_photo(session, live)
            assert given | bare == live, "every face belongs to a photo, or came as an embedding"
            assert not given & bare
            for row in rows:
                assert (row.status != Status.ENROLLED) or row.face_id is not None
            for person in people:
                own = faces.of_person(session, person, self.engine.chosen.spec)
                assert (person.face_id in {face.face_id for face in own}) == bool(own)
        assert self.engine.gallery.catch_up() is None
        assert set(self.engine.gallery.index.face_ids().tolist()) == live
        assert not self.engine.gallery.check()

    def _without_photo(self, session: Session, face_ids: set[int]) -> set[int]:
        """Those that came as embeddings."""
        found = session.execute(select(FaceRow).where(FaceRow.id.in_(face_ids))).scalars()
        return {row.id for row in found if is_without_photo(row)}


@contextmanager
def gallery_in(folder: Path) -> Iterator[GalleryKit]:
    """A fresh or existing gallery in `folder`."""
    services, engine = make_engine(folder)
    try:
        yield GalleryKit(services, engine)
    finally:
        services.close()
