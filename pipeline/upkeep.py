"""The regular care of one process for its gallery: compare, mend, seal."""

import logging
import time

from core.errors import KenalError
from core.logs import describe
from pipeline.gallery import LiveGallery

_log = logging.getLogger(__name__)
_COMPARE_SECONDS = 600.0


class Upkeep:
    """`run` it again and again; only one process needs to seal."""

    def __init__(self, gallery: LiveGallery, seals: bool) -> None:
        self._gallery = gallery
        self._seals = seals
        self._next_compare = time.monotonic() + _COMPARE_SECONDS

    def run(self) -> None:
        """Do what is due; a failure is logged, and tried again the next time."""
        try:
            self._run()
        except (KenalError, OSError) as error:
            _log.warning("the index could not be kept up [%s]", describe(error))
        except Exception as error:  # noqa: BLE001 - a thread's own traceback would name paths
            _log.error("the index could not be kept up [%s]", describe(error))

    def _run(self) -> None:
        if time.monotonic() >= self._next_compare:
            self._next_compare = time.monotonic() + _COMPARE_SECONDS
            self._gallery.compare()
        self._gallery.mend()
        if self._seals and self._gallery.maintain():
            report = self._gallery.index.status()
            _log.info(
                "the index was sealed: %d faces in %d segments",
                report.live_faces,
                len(report.segments),
            )
