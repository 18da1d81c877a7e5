"""One pass over the drop folder in this process, with progress."""

from collections import Counter

from api.cli.show import counting
from db.photos import Status
from pipeline.bulk import Bulk
from pipeline.reconcile import Reconciler
from pipeline.services import Engine, Services
from pipeline.side_files import SideFiles


def scan_once(services: Services, engine: Engine) -> Counter[Status]:
    """Convert everything that needs it; returns how many photos ended in which status."""
    drop = services.settings.photo_dir
    found = Reconciler(services.database, drop).scan()
    done: Counter[Status] = Counter()
    with counting("Enrolling", len(found.work)) as advance, Bulk(engine.converter) as bulk:
        for _, outcome in bulk.convert_all(found.work):
            # Where nothing could be recorded, it is as pending as it was.
            done[Status.PENDING if outcome is None else outcome.status] += 1
            advance()
    side_files = SideFiles(services.database, drop)
    for entry in found.profiles:
        side_files.apply(entry)
    return done
