"""Whether a face is one person's: 1:1, by the local gallery."""

from pathlib import Path
from typing import TextIO

from edge.embedding import Vector
from edge.registering.folder import shown
from edge.registering.photos import Examiner
from edge.registering.pictures import PictureError, read_photo
from edge.registering.types import Embedder, Person, RegisterError, Store


def vector_of(examiner: Examiner, photo: Path) -> Vector:
    """The face of a photo; raises RegisterError, which says why there is none."""
    try:
        vector = examiner.examine(photo, read_photo(photo)).sample.vector
    except PictureError as error:
        raise RegisterError(f"the photo will not do: {error}") from None
    if vector is None:
        raise RegisterError("to compare faces here, give recognition.network")
    return vector


def verify(store: Store, embedder: Embedder, person: Person, vector: Vector, out: TextIO) -> int:
    """Writes match or no match, with similarity and threshold; 0 for a match, else 1."""
    similarity = store.similarities([vector])[0].get(person.user_id)
    if similarity is None:
        raise RegisterError(f"{person.user_id} has no sample of this network here")
    is_match = similarity >= embedder.threshold
    out.write(
        f"{'match' if is_match else 'no match'}: {person.user_id} ({shown(person.name or '-')}),"
        f" similarity {similarity:.3f}, threshold {embedder.threshold:.3f}\n"
    )
    return 0 if is_match else 1
