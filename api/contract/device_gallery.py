"""The gallery as a device is given it."""

from pydantic import Field

from api.contract.base import Answer, Body

DEFAULT_CHANGES, MAX_CHANGES = 500, 2000


class GalleryOptions(Body):
    network: str = Field(
        description="The network that the device recognizes with: the SHA-256 of its weights, or "
        "its name."
    )
    after: str | None = Field(None, description="`next_after` of the page before.")
    limit: int = Field(
        DEFAULT_CHANGES, ge=1, le=MAX_CHANGES, description="How many changes at most."
    )


class GalleryNetwork(Body):
    """The network that the embeddings are of."""

    name: str
    sha256: str = Field(description="Of its weights.")
    dimensions: int
    threshold: float = Field(description="Least similarity of a match.")


class GalleryFace(Body):
    """A face that came, or whose person has another name."""

    seq: int = Field(description="When; faces come in this order.")
    face_id: int
    user_id: str
    name: str | None
    embedding: str | None = Field(
        description="Little-endian float32, in base64; null where there is none."
    )


class GalleryPage(Answer):
    network: GalleryNetwork
    complete: bool = Field(description="Whether this is all by now.")
    faces: list[GalleryFace]
    deleted: list[int] = Field(description="The `face_id`s that are to be forgotten.")
    next_after: str = Field(description="For what comes next; also after the last page.")
    reset: bool = Field(
        description="Whether `after` was of another gallery: forget everything and begin again."
    )
    pending: int = Field(description="Faces that are not embedded with this network yet.")
