"""what is to be the space in force, and what was

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spaces",
        sa.Column("spec_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("threshold_of", sa.String(length=16), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("left_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["spec_id"], ["specs.id"], name=op.f("fk_spaces_spec_id_specs")),
        sa.PrimaryKeyConstraint("spec_id", name=op.f("pk_spaces")),
    )


def downgrade() -> None:
    op.drop_table("spaces")
