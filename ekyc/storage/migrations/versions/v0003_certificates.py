"""What an authority issued and revoked, and the numbers of its revocation lists."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificates",
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(40), nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("credential", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revocation_reason", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("issuer", "serial", name="pk_certificates"),
    )
    op.create_index("ix_certificates_credential", "certificates", ["credential"])
    op.create_index("ix_certificates_revoked_at", "certificates", ["issuer", "revoked_at"])
    op.create_table(
        "crl_numbers",
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name="pk_crl_numbers"),
    )


def downgrade() -> None:
    op.drop_table("crl_numbers")
    op.drop_table("certificates")
