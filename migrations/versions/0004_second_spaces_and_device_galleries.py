"""faces in further spaces, and what devices need to keep a gallery of their own

Revision ID: 0004
Revises: 0003
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "embeddings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("face_id", sa.Integer(), nullable=False),
        sa.Column("spec_id", sa.Integer(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.Column("code", sa.String(length=32), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["face_id"],
            ["faces.id"],
            name=op.f("fk_embeddings_face_id_faces"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["spec_id"], ["specs.id"], name=op.f("fk_embeddings_spec_id_specs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embeddings")),
        sa.UniqueConstraint("face_id", "spec_id", name=op.f("uq_embeddings_face_id_spec_id")),
        sa.UniqueConstraint("seq", name=op.f("uq_embeddings_seq")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_embeddings_spec_id_seq"), "embeddings", ["spec_id", "seq"])
    eras = op.create_table(
        "eras",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_eras")),
    )
    op.bulk_insert(eras, [{"seq": 0, "name": secrets.token_hex(8)}])

    # As plain additions, never by copying the table: others refer to it.
    op.add_column("users", sa.Column("name_seq", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_users_name_seq"), "users", ["name_seq"])
    op.add_column(
        "devices",
        sa.Column("holds_gallery", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("devices", "holds_gallery")
    op.drop_index(op.f("ix_users_name_seq"), "users")
    op.drop_column("users", "name_seq")
    op.drop_table("eras")
    op.drop_index(op.f("ix_embeddings_spec_id_seq"), "embeddings")
    op.drop_table("embeddings")
