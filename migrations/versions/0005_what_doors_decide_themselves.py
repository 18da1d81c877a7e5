"""what a door decided by itself, and what somebody should look at

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # As plain additions, never by copying the table: others refer to it.
    op.add_column("checkins", sa.Column("device_decision", sa.String(length=16), nullable=True))
    op.add_column("checkins", sa.Column("device_user_id", sa.String(length=64), nullable=True))
    op.add_column("checkins", sa.Column("device_similarity", sa.Double(), nullable=True))
    op.add_column("checkins", sa.Column("device_opened", sa.Boolean(), nullable=True))
    op.add_column("checkins", sa.Column("device_review", sa.Boolean(), nullable=True))
    op.add_column(
        "checkins",
        sa.Column("review", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_index(op.f("ix_checkins_device_user_id"), "checkins", ["device_user_id"])
    op.create_index(op.f("ix_checkins_review"), "checkins", ["review"])


def downgrade() -> None:
    op.drop_index(op.f("ix_checkins_review"), "checkins")
    op.drop_index(op.f("ix_checkins_device_user_id"), "checkins")
    for name in ("review", "device_review", "device_opened"):
        op.drop_column("checkins", name)
    for name in ("device_similarity", "device_user_id", "device_decision"):
        op.drop_column("checkins", name)
