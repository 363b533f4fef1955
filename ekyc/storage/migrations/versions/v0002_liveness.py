"""Sessions of the active challenge, their chunks, the ledger of attempts, and hashes of earlier frames."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "liveness_sessions",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("capture_digest", sa.LargeBinary(), nullable=False),
        sa.Column("result_digest", sa.LargeBinary(), nullable=False),
        sa.Column("binding", sa.LargeBinary(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("stopped_by", sa.Text(), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("best_frame", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_liveness_sessions"),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'finished', 'used')",
            name="ck_liveness_sessions_state",
        ),
    )
    op.create_index("ix_liveness_sessions_expires_at", "liveness_sessions", ["expires_at"])
    op.create_table(
        "liveness_chunks",
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "sequence", name="pk_liveness_chunks"),
    )
    op.create_table(
        "liveness_attempts",
        sa.Column("pseudonym", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym", "session_id", name="pk_liveness_attempts"),
    )
    op.create_index("ix_liveness_attempts_made_at", "liveness_attempts", ["made_at"])
    op.create_table(
        "liveness_frames",
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_liveness_frames"),
    )
    op.create_index("ix_liveness_frames_expires_at", "liveness_frames", ["expires_at"])
    op.create_table(
        "liveness_frame_marks",
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("mark", "session_id", name="pk_liveness_frame_marks"),
    )
    op.create_index("ix_liveness_frame_marks_session_id", "liveness_frame_marks", ["session_id"])


def downgrade() -> None:
    for table in ("frame_marks", "frames", "attempts", "chunks", "sessions"):
        op.drop_table(f"liveness_{table}")
