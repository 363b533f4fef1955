"""Which office an entry of the evidence log and a consent belong to.

Entries of older versions are given to the office that has their session or request now; consents, and what speaks of
neither, stay the whole tenant's.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TABLES = ("evidence_places", "access_consents")
_FILES = ("verification_sessions", "subject_requests")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("office", sa.String(64), nullable=True))
    places = sa.table("evidence_places", *map(sa.column, ("tenant_id", "file", "office")))
    for name in _FILES:
        files = sa.table(name, *map(sa.column, ("tenant_id", "id", "office")))
        of_it = (files.c.tenant_id == places.c.tenant_id, files.c.id == places.c.file)
        office = sa.select(files.c.office).where(*of_it).scalar_subquery()
        op.execute(
            sa.update(places)
            .where(sa.exists(sa.select(files.c.id).where(*of_it)))
            .values(office=office)
        )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "office")
