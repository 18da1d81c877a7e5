"""One pass over the drop folder in this process, with progress."""

from collections import Counter

from api.cli.show import counting
from db.photos import Status
from pipeline.converter import Converter
from pipeline.drop import Entry
from pipeline.reconcile import Reconciler
from pipeline.services import Engine, Services
from pipeline.side_files import SideFiles
from pipeline.worker import convert_safely


def scan_once(services: Services, engine: Engine) -> Counter[Status]:
    """Convert everything that needs it; returns how many photos ended in which status."""
    drop = services.settings.photo_dir
    found = Reconciler(services.database, drop).scan()
    done: Counter[Status] = Counter()
    with counting("Enrolling", len(found.work)) as advance:
        for entry in found.work:
            done[_converted(engine.converter, entry)] += 1
            advance()
    side_files = SideFiles(services.database, drop)
    for entry in found.profiles:
        side_files.apply(entry)
    return done


def _converted(converter: Converter, entry: Entry) -> Status:
    outcome = convert_safely(converter, entry)
    # Where nothing could be recorded, it is as pending as it was.
    return Status.PENDING if outcome is None else outcome.status
