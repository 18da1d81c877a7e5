"""What a record says, as one hash in it: a record that was edited is not the one that was written.

No secret is in it. It holds off a label that was moved and a `true` that was typed, not a forger.
"""

import hashlib

from pydantic import BaseModel


def seal_of(given: BaseModel) -> str:
    """A SHA-256 of every field but `seal`."""
    return hashlib.sha256(given.model_dump_json(exclude={"seal"}).encode()).hexdigest()
