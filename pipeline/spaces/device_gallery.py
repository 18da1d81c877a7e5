"""What a device that recognizes by itself is given: the gallery in its network's space, and after
that what changed.

A device's place is opaque to it, and holds where the place is from: in another space, or in a
database that was restored since, the same numbers mean other faces.
"""

import base64
import binascii
import re
from dataclasses import dataclass, replace

from core.errors import Forbidden, InvalidParameter, ModelError
from core.types import EmbeddingSpec
from core.vectors import from_bytes
from db import eras, gallery, space_feed, spaces
from db.access_models import Device
from db.session import Database, Session
from db.space_feed import START, Held, Place, Span
from pipeline.spaces.networks import ServedNetwork, ServedNetworks

_WRITTEN = re.compile(
    r"g1:([0-9a-f]{16}):([0-9a-f]{1,32}):([0-9]{1,18}):([0-9]{1,18}):([0-9]{1,18})"
)


@dataclass(frozen=True, slots=True)
class Reader:
    """How far a device has read: its place in a space, of an era, and when it began."""

    space: str
    era: str
    place: Place
    born: int

    def __str__(self) -> str:
        place = f"{self.place.seq}:{self.place.face_id}"
        text = f"g1:{self.space}:{self.era}:{place}:{self.born}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parsed(cls, text: str) -> "Reader":
        """The reader that was written so; raises InvalidParameter."""
        try:
            padded = text + "=" * (-len(text) % 4)
            found = _WRITTEN.fullmatch(base64.b64decode(padded, b"-_", validate=True).decode())
        except (ValueError, binascii.Error):
            found = None
        if found is None:
            raise InvalidParameter("after is none of ours", {"parameter": "after"})
        space, era = found[1], found[2]
        return cls(space, era, Place(int(found[3]), int(found[4])), int(found[5]))


@dataclass(frozen=True, slots=True)
class HeldFace:
    """A face as a device keeps it; `embedding` is little-endian float32, None without one."""

    seq: int
    face_id: int
    user_id: str
    name: str | None
    embedding: bytes | None


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """What came, changed and went; `reset`: what the device holds is of another gallery.

    `begins`: it is the first page of everything. `pending` faces are not embedded yet.
    """

    network: ServedNetwork
    faces: list[HeldFace]
    deleted: list[int]
    next_after: str
    complete: bool
    reset: bool
    begins: bool
    pending: int


class DeviceGallery:
    """Pages of the gallery for devices that may hold it."""

    def __init__(self, database: Database, networks: ServedNetworks) -> None:
        self._database, self._networks = database, networks

    def page(self, device: Device, asked: str, after: str | None, limit: int) -> GalleryPage:
        """The next `limit` changes after a place, None for the beginning, in a network's space.

        Raises Forbidden for a device that may not hold the gallery, NetworkNotServed, and
        InvalidParameter for a place that is none of ours.
        """
        check_allowed(device)
        given = None if after is None else Reader.parsed(after)
        with self._database.read() as session:
            network = self._networks.find(session, asked)
            fresh = _fresh(session, network.spec)
            if given is not None and not _is_from_here(session, given, network.spec):
                return _page(session, network, fresh, Span([], START, complete=False), reset=True)
            reader = given or fresh
            span = space_feed.span(
                session,
                network.spec,
                after=reader.place,
                born=reader.born,
                limit=limit,
            )
            # An empty gallery is at its beginning for as long as it is empty.
            begins = given is None or (reader.place == START and bool(span.changes))
            return replace(_page(session, network, reader, span), begins=begins)


def check_allowed(device: Device) -> None:
    """Raises Forbidden unless an admin lets this device hold the gallery, and it is active."""
    if not device.active:
        raise Forbidden(
            "this device is not active: it may hold nobody's face", {"reason": "inactive"}
        )
    if not device.holds_gallery:
        raise Forbidden(
            "no admin allowed this device to hold the gallery: it needs holds_gallery",
            {"reason": "gallery_not_allowed"},
        )


def _fresh(session: Session, spec: EmbeddingSpec) -> Reader:
    return Reader(spec.digest, eras.of(session, 0), START, gallery.last_seq(session))


def _is_from_here(session: Session, reader: Reader, spec: EmbeddingSpec) -> bool:
    """Whether the place is in this space, and in the history that this database is of."""
    if reader.space != spec.digest or reader.place.seq > gallery.last_seq(session):
        return False
    return reader.era == eras.of(session, reader.place.seq)


def _page(
    session: Session, network: ServedNetwork, reader: Reader, span: Span, reset: bool = False
) -> GalleryPage:
    here = replace(reader, place=span.upto, era=eras.of(session, span.upto.seq))
    return GalleryPage(
        network=network,
        faces=[_held(one, network.spec) for one in span.changes if isinstance(one, Held)],
        deleted=[one.place.face_id for one in span.changes if not isinstance(one, Held)],
        next_after=str(here),
        complete=span.complete,
        reset=reset,
        begins=False,
        pending=spaces.pending(session, network.spec),
    )


def _held(held: Held, spec: EmbeddingSpec) -> HeldFace:
    place = held.place
    return HeldFace(place.seq, place.face_id, held.user_id, held.name, _usable(held, spec))


def _usable(held: Held, spec: EmbeddingSpec) -> bytes | None:
    """The stored embedding; None for one that is damaged, or not there."""
    if held.embedding is None:
        return None
    try:
        from_bytes(held.embedding, spec.dimensions)
    except ModelError:
        return None
    return held.embedding
