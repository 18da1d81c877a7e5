"""The enrolled gallery as rows to compare: its embeddings as they were stored, no photo needed."""

from collections.abc import Sequence

import numpy as np

from core.errors import NotReady
from core.types import EmbeddingSpec
from db import face_blocks, faces
from db.face_blocks import Block
from db.session import Database
from evaluation.evaluate import Rows

_AT_ONCE = 4096


def enrolled(database: Database, spec: EmbeddingSpec) -> Rows:
    """Every enrolled face of a space; raises NotReady where there are none to compare."""
    blocks = list(_blocks(database, spec))
    count = sum(len(block) for block in blocks)
    if count < 2:
        raise NotReady("fewer than two faces are enrolled: there is nothing to compare")
    names: list[str] = []
    for block in blocks:
        names += _names(database, spec, block.faces.tolist())
    return Rows(
        names,
        np.concatenate([block.vectors for block in blocks]),
        np.concatenate([block.people for block in blocks]),
    )


def _blocks(database: Database, spec: EmbeddingSpec) -> list[Block]:
    found: list[Block] = []
    position, upto = 0, None
    while True:
        with database.read() as session:
            block = face_blocks.block(session, spec, position, upto, _AT_ONCE)
        if block is None:
            return found
        found.append(block)
        position = block.last


def _names(database: Database, spec: EmbeddingSpec, face_ids: Sequence[int]) -> list[str]:
    with database.read() as session:
        owners = {row.face_id: row.user_id for row in faces.by_ids(session, face_ids, spec)}
    # Who was deleted while this ran is compared under no name.
    return [f"{owners.get(face_id, '(removed)')}/face {face_id}" for face_id in face_ids]
