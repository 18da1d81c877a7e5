"""What every layout becomes: photos with or without a person, and the pairs to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Picture:
    """One photo's file; `person` is None where only pairs are labelled."""

    path: Path
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures by name, and whether they show one person; `fold` is the protocol's part."""

    first: str
    second: str
    genuine: bool
    fold: int = 0


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures by name. Without `pairs`, everybody is compared with everybody.

    `people` by picture's name, where a list of pairs tells whom its pictures show.
    """

    pictures: Mapping[str, Picture]
    pairs: Sequence[Pair] | None = None
    people: Mapping[str, str] | None = None
