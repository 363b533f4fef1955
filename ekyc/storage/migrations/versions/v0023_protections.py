"""Restrictions of processing and legal holds, and what they are on."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "protections",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("procedure", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("office", sa.String(64), nullable=True),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("request", sa.String(40), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_protections"),
    )
    op.create_index("ix_protections_created_at", "protections", ["tenant_id", "created_at"])
    op.create_index("ix_protections_request", "protections", ["tenant_id", "request"])
    op.create_table(
        "protected_names",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("protection_id", sa.String(40), nullable=False),
        sa.Column("effect", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "kind", "name", "protection_id", name="pk_protected_names"
        ),
    )
    op.create_index(
        "ix_protected_names_protection_id", "protected_names", ["tenant_id", "protection_id"]
    )


def downgrade() -> None:
    op.drop_table("protected_names")
    op.drop_table("protections")
