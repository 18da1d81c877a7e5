"""Reports over the whole roster."""

from pydantic import Field

from api.contract.base import Body
from api.contract.paging import Page


class DuplicateOptions(Body):
    threshold: float | None = Field(
        None, ge=-1, le=1, description="Least similarity of a pair; absent: the gallery's own."
    )
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")


class PairFace(Body):
    user_id: str
    face_id: int


class Pair(Body):
    """Two people whose faces look the same."""

    similarity_score: float
    people: tuple[PairFace, PairFace]


class DuplicatePage(Page):
    """A step of the comparison; pairs are the most similar first within it."""

    threshold: float
    pairs: list[Pair]
    omitted: int = Field(description="Further pairs of this step, less similar than all shown.")
    scanned: int = Field(description="Faces that are compared with all others.")
    total: int
