"""Where the embeddings of a space stand: with the faces enrolled in it, or beside those of others.

A space's faces are those of both tables, whichever space is in force: a switch moves no row, and
what a space's readers have read stays as it was. Written as two statements, so that each is
answered by its own index.
"""

from typing import TypeVarTuple

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, select, type_coerce, union_all
from sqlalchemy import LargeBinary as Bytes
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.models import FaceRow
from db.space_models import EmbeddingRow

Table = type[FaceRow] | type[EmbeddingRow]
TABLES: tuple[Table, Table] = (FaceRow, EmbeddingRow)
Space = int | ColumnElement[int] | None
_Columns = TypeVarTuple("_Columns")


def face_id_in(table: Table) -> InstrumentedAttribute[int]:
    """The column that says whose embedding a row of this table holds."""
    return FaceRow.id if table is FaceRow else EmbeddingRow.face_id


def embedding_in(table: Table) -> ColumnElement[bytes]:
    return type_coerce(table.embedding, Bytes)


def is_in(table: Table, space: Space) -> ColumnElement[bool]:
    """Whether a row of this table holds an embedding of a space, by its row's id."""
    in_space = table.spec_id == space
    return in_space if table is FaceRow else in_space & EmbeddingRow.embedding.is_not(None)


def both(*selects: Select[*_Columns]) -> CompoundSelect[*_Columns]:
    """What is found in either table."""
    return union_all(*selects)


def ids(space: Space) -> CompoundSelect[int]:
    """The ids of a space's faces, in no order."""
    return both(*(select(face_id_in(table)).where(is_in(table, space)) for table in TABLES))


def numbers(session: Session, space: Space, upto: int | None = None) -> int:
    """How many faces a space has, or had got at a seq."""
    found = 0
    for table in TABLES:
        statement = select(func.count()).select_from(table).where(is_in(table, space))
        if upto is not None:
            statement = statement.where(table.seq <= upto)
        found += session.execute(statement).scalar_one()
    return found
