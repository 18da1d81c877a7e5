"""The chapters of the contract, in the order in which a newcomer reads them."""

from collections.abc import Mapping
from types import MappingProxyType

CHAPTERS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "recognition": ("Who is in a photo", ("upload_photo", "streams", "compare", "embeddings")),
        "people": ("Who can be recognized", ("users", "user_photos", "photos", "reports")),
        "check-ins": ("Who came and went", ("checkins", "attendance", "devices")),
        "access": ("Who may ask, and what they did", ("keys", "audit")),
        "webhooks": ("Who is told", ("webhooks",)),
        "service": ("How the service is", ("root", "health", "metrics", "openapi")),
        "compreface": ("For clients of CompreFace", ("compreface",)),
    }
)
"""A chapter's name, its words, and the blueprints in it."""


def chapter_of(endpoint: str) -> str:
    """The chapter of a view; raises KeyError for a blueprint that is in none."""
    blueprint = endpoint.split(".", maxsplit=1)[0]
    for name, (_, blueprints) in CHAPTERS.items():
        if blueprint in blueprints:
            return name
    raise KeyError(blueprint)


def place_of(endpoint: str) -> tuple[int, int]:
    """Where a view stands in the contract: its chapter's place, and its blueprint's there."""
    chapter = chapter_of(endpoint)
    blueprint = endpoint.split(".", maxsplit=1)[0]
    return list(CHAPTERS).index(chapter), CHAPTERS[chapter][1].index(blueprint)
