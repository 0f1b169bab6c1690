"""Keep why a paragraph was assigned, and why it was shown when it was labelled; of older rows nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns, empty in the rows that are there."""
    for table in ("events", "assignments"):
        op.add_column(table, sa.Column("reason", sa.String(16), nullable=False, server_default=""))
