"""People, as frozen values."""

# No `from __future__ import annotations`: the types are read when answers are parsed.
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional


@dataclass(frozen=True)
class Person:
    """A person with the profile."""

    user_id: str
    name: Optional[str]
    email: Optional[str]
    attributes: dict[str, Any]
    face_id: Optional[int]
    created_at: datetime
    updated_at: datetime
