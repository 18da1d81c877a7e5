"""thresholds calibrated on labelled faces

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDEX = "ix_calibrations_spec_id_withdrawn_at_id"
_RATES = ("fmr_low", "fmr_high", "fmr_bound")
_COUNTS = ("impostors", "false_matches", "genuine", "false_non_matches", "people")


def upgrade() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("spec_id", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("target_kind", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Double(), nullable=False),
        sa.Column("gallery_size", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Double(), nullable=False) for name in _RATES),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("data_kind", sa.String(length=16), nullable=False),
        sa.Column("data_sha256", sa.String(length=64), nullable=False),
        sa.Column("tool", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["spec_id"], ["specs.id"], name=op.f("fk_calibrations_spec_id_specs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
        sqlite_autoincrement=True,
    )
    op.create_index(_INDEX, "calibrations", ["spec_id", "withdrawn_at", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "calibrations")
    op.drop_table("calibrations")
