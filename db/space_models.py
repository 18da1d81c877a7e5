"""Further embedding spaces of the faces, and the histories in which a reader has its place."""

from datetime import datetime

from sqlalchemy import Double, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AUTOINCREMENT, Base, UtcDateTime


class EmbeddingRow(Base):
    """An enrolled face in a further space; without `embedding`, `code` says why there is none.

    `seq` is of the gallery's own counter. A face that is removed takes its rows along; readers
    learn of it by the face's Deletion.
    """

    __tablename__ = "embeddings"
    __table_args__ = (
        UniqueConstraint("face_id", "spec_id"),
        Index(None, "spec_id", "seq"),
        AUTOINCREMENT,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    face_id: Mapped[int] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"))
    spec_id: Mapped[int] = mapped_column(ForeignKey("specs.id"))
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    code: Mapped[str | None] = mapped_column(String(32))
    seq: Mapped[int] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Era(Base):
    """From `seq` on, changes are of this history, until the next era.

    Every start begins one: the same seq of a database that was restored from a backup is another
    change, and of another era.
    """

    __tablename__ = "eras"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(32))


class SpaceRow(Base):
    """What `flask models use` made of a space; which one is in force stands in the gallery's row.

    `role`: `next` while it is filled, `loading` while every process loads its network; null for
    others. `left_at` is when it was in force last. `threshold_of`: `settings` for KENAL_THRESHOLD,
    `network` for the network's own, `given` for `threshold`.
    """

    __tablename__ = "spaces"

    spec_id: Mapped[int] = mapped_column(
        ForeignKey("specs.id"), primary_key=True, autoincrement=False
    )
    role: Mapped[str | None] = mapped_column(String(16))
    threshold_of: Mapped[str] = mapped_column(String(16))
    threshold: Mapped[float | None] = mapped_column(Double)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
