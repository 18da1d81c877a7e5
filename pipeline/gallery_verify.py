"""Every face of the index compared with the database: what an operator can ask for."""

from dataclasses import dataclass

from db import changes
from db.session import Database
from index import OnProgress
from pipeline import gallery_rows
from pipeline.gallery import LiveGallery
from pipeline.gallery_check import Difference, compare_ids, compare_vectors
from pipeline.gallery_feed import Fault

_STAGE = "comparing"


@dataclass(frozen=True, slots=True)
class Verified:
    """How many faces were compared, and what differed."""

    compared: int
    difference: Difference

    @property
    def problems(self) -> list[str]:
        """The difference in words."""
        return [f"{Fault.DIFFERENT}: {self.difference}"] if self.difference else []


def verify_all(database: Database, live: LiveGallery, on_progress: OnProgress) -> Verified:
    """Compare every id and embedding of a gallery without a fault; others may go on writing."""
    spec = live.index.spec
    missing, unknown = _compare_all_ids(database, live)
    other: list[int] = []
    compared = 0
    for batch in gallery_rows.batches(database, spec, live.index.position):
        other += compare_vectors(batch, live.index)
        compared += len(batch)
        on_progress(_STAGE, compared, max(compared, live.index.count))
    return Verified(compared, Difference(missing, unknown, tuple(other)))


def _compare_all_ids(
    database: Database, live: LiveGallery
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    while True:
        with database.read() as session:
            # Compared only where both stand at the same change: the service may enroll meanwhile.
            indexed = live.ids_as_of(session)
            if indexed is not None:
                spec = live.index.spec
                return compare_ids(session, spec, changes.live_ids(session, spec), indexed)
