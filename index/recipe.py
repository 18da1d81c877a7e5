"""What a new segment is to be."""

from dataclasses import dataclass

from core.types import EmbeddingSpec
from index.policy import Policy


@dataclass(frozen=True, slots=True)
class Recipe:
    """A segment of the space `spec`, made by `policy`, whose newest change is seq `covered`.

    `provisional`: to be written anew with Annoy's trees as soon as there is time.
    """

    spec: EmbeddingSpec
    policy: Policy
    covered: int
    provisional: bool = False
