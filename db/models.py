"""The gallery's tables. A deleted face's or person's id is never used again."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AUTOINCREMENT, Base, UtcDateTime


class User(Base):
    """A person. `face_id` is the current primary face; null until a photo is enrolled.

    `name_seq` is when the name last changed, for readers who hold it beside the faces.
    `profile_sha256` is the side file last applied: a restart must not undo a later PATCH.
    """

    __tablename__ = "users"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), unique=True)
    folded_user_id: Mapped[str] = mapped_column(String(256), unique=True)
    name: Mapped[str | None] = mapped_column(String(256))
    name_seq: Mapped[int | None] = mapped_column(index=True)
    email: Mapped[str | None] = mapped_column(String(256))
    attributes: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    profile_sha256: Mapped[str | None] = mapped_column(String(64))
    face_id: Mapped[int | None] = mapped_column(
        ForeignKey("faces.id", ondelete="SET NULL", use_alter=True)
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Spec(Base):
    """An embedding space; see core.types.EmbeddingSpec."""

    __tablename__ = "specs"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(16), unique=True)
    fields: Mapped[dict[str, object]] = mapped_column(JSON)


class FaceRow(Base):
    """An enrolled face. Searches find it from `seq` on, until a Deletion with a higher one."""

    __tablename__ = "faces"
    __table_args__ = (Index(None, "spec_id", "seq"), AUTOINCREMENT)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    spec_id: Mapped[int] = mapped_column(ForeignKey("specs.id"))
    embedding: Mapped[bytes] = mapped_column(LargeBinary)
    quality: Mapped[dict[str, object]] = mapped_column(JSON)
    seq: Mapped[int] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Deletion(Base):
    """A face that was removed. Nothing of the face or the person is kept but the number."""

    __tablename__ = "deletions"
    __table_args__ = (Index(None, "spec_id", "seq"), AUTOINCREMENT)

    id: Mapped[int] = mapped_column(primary_key=True)
    face_id: Mapped[int] = mapped_column(unique=True)
    spec_id: Mapped[int] = mapped_column(ForeignKey("specs.id"))
    seq: Mapped[int] = mapped_column(unique=True)


class PhotoRow(Base):
    """The ledger: every file seen in the drop folder and what became of its present content.

    `path` is printable (core.names). `face_id` is the face this path last gave; it stays when a
    later content is refused. `begun` counts conversions since the last recorded outcome: more
    than one means that one ended its process.
    """

    __tablename__ = "photos"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(1024), unique=True)
    user_id: Mapped[str | None] = mapped_column(String(64), index=True)
    face_id: Mapped[int | None] = mapped_column(
        ForeignKey("faces.id", ondelete="SET NULL"), index=True
    )
    status: Mapped[str] = mapped_column(String(16), index=True)
    code: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str | None] = mapped_column(String(512))
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    identity: Mapped[str | None] = mapped_column(String(128))
    present: Mapped[bool]
    attempts: Mapped[int]
    begun: Mapped[int]
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Removal(Base):
    """A file whose deletion was asked for: until it is gone, it is never enrolled again.

    A file of another content, or one put there after `asked_at_ns`, is a new photo and stays.
    """

    __tablename__ = "removals"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(1024), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    asked_at_ns: Mapped[int] = mapped_column(BigInteger)


class Gallery(Base):
    """The one row about the gallery: its recorded embedder and the last `seq` given out."""

    __tablename__ = "gallery"

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int]
    embedder: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(512))
    spec_id: Mapped[int | None] = mapped_column(ForeignKey("specs.id"))
    chosen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
