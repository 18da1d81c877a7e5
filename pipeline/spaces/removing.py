"""Removing a space that nobody needs any more, with its index."""

import shutil
import time

from core.errors import ConflictError, NotReady
from core.types import EmbeddingSpec
from db import faces, spaces, switching
from pipeline.services import Services
from pipeline.spaces.overview import spaces_of
from pipeline.spaces.presence import present

_POLL_SECONDS = 0.5
_RELEASED_AT_ONCE = 500


def remove(services: Services, spec: EmbeddingSpec, wait_seconds: float = 60) -> int:
    """Remove a space with its index; how many faces keep an embedding of it, having no other.

    Raises as `check_removable`, and NotReady where a process has not let go of it in time. May be
    interrupted and run again.
    """
    check_removable(services, spec)
    settings, kept = services.settings, spaces_of(services)
    _wait_until_left(services, spec, wait_seconds)
    with services.database.write() as session:
        switching.forget(session, spec)
    while True:
        with services.database.write() as session:
            # It may have been switched to since, or begun to be.
            now = switching.spaces(session)
            if now is None or now.in_force != kept.in_force or spec in now.kept:
                raise ConflictError("the networks of this gallery were changed meanwhile")
            if not spaces.release(session, spec, now.in_force, _RELEASED_AT_ONCE):
                break
    shutil.rmtree(settings.data_dir / "index" / spec.digest, ignore_errors=True)
    with services.database.read() as session:
        return faces.count(session, spec)


def check_removable(services: Services, spec: EmbeddingSpec) -> None:
    """Raises ConflictError for one that is in force, is to be, or that doors recognize with."""
    kept = spaces_of(services)
    if spec in (kept.in_force, kept.following):
        raise ConflictError(f"{spec.embedder} is in force, or is to be: it cannot be removed")
    if spec.embedder in services.settings.device_network_names:
        raise ConflictError(f"doors recognize with {spec.embedder}: see KENAL_DEVICE_NETWORKS")


def _wait_until_left(services: Services, spec: EmbeddingSpec, seconds: float) -> None:
    """What was asked in the space just before a switch is answered while everybody is in it."""
    end = time.monotonic() + seconds
    while any(spec.digest in one.loaded for one in present(services.settings.data_dir)):
        if time.monotonic() >= end:
            raise NotReady(f"processes still answer with {spec.embedder}: nothing is removed")
        time.sleep(_POLL_SECONDS)
