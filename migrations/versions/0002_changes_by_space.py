"""changes of a space in order, and its ids, without reading embeddings

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("faces", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_faces_spec_id_seq"), ["spec_id", "seq"], unique=False)

    with op.batch_alter_table("deletions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_deletions_spec_id_seq"), ["spec_id", "seq"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("deletions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deletions_spec_id_seq"))

    with op.batch_alter_table("faces", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_faces_spec_id_seq"))
