"""Photos of requests, looked at when it is their turn."""

from api import auth
from api.context import engine, services
from api.contract.compreface_options import FacesQuery
from pipeline.scanner import Scan, Scanner, Wanted


def scan(photo: bytes, asked: FacesQuery, *, embeddings: bool = True) -> Scan:
    """The faces that were asked for; raises as `Scanner.scan`, NotReady."""
    return scan_for(photo, Wanted(asked.det_prob_threshold, asked.limit, embeddings))


def scan_for(photo: bytes, wanted: Wanted) -> Scan:
    ready, settings = engine(), services().settings
    scanner = Scanner(
        ready.analyzer,
        ready.recognizer.turns,
        max_bytes=settings.max_upload_bytes,
        max_pixels=settings.max_image_pixels,
    )
    return scanner.scan(photo, wanted, auth.caller().id)
