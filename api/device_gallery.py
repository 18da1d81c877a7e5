"""The gallery of a device: what it asks for, and how a page is shown."""

import base64

from api.contract.device_gallery import DEFAULT_CHANGES, MAX_CHANGES
from api.options import Options
from api.schemas import Json
from core.errors import InvalidParameter
from pipeline.spaces.device_gallery import GalleryPage, HeldFace

OPTIONS = frozenset(["network", "after", "limit"])


def asked_of(options: Options) -> tuple[str, str | None, int]:
    """The network, the place and the limit that are asked for; raises InvalidParameter."""
    network = options.text("network")
    if not network:
        raise InvalidParameter("network is missing", {"parameter": "network"})
    limit = options.integer("limit", DEFAULT_CHANGES, 1, MAX_CHANGES)
    return network, options.text("after"), limit


def shown(page: GalleryPage) -> Json:
    """The page as its contract has it."""
    spec = page.network.spec
    return {
        "network": {
            "name": spec.embedder,
            "sha256": spec.weights_sha256,
            "dimensions": spec.dimensions,
            "threshold": page.network.threshold,
        },
        "complete": page.complete,
        "faces": [_face(face) for face in page.faces],
        "deleted": page.deleted,
        "next_after": page.next_after,
        "reset": page.reset,
        "pending": page.pending,
    }


def _face(face: HeldFace) -> Json:
    stored = face.embedding
    return {
        "seq": face.seq,
        "face_id": face.face_id,
        "user_id": face.user_id,
        "name": face.name,
        "embedding": None if stored is None else base64.b64encode(stored).decode(),
    }
