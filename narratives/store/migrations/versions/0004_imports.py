"""Create the tables that say which texts and events came with which import, and which imports were withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "imports",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("layout", sa.String(32), nullable=False),
        sa.Column("uploader", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_table(
        "imported_texts",
        sa.Column("paragraph_id", sa.String(16), sa.ForeignKey("paragraphs.paragraph_id"), primary_key=True),
        sa.Column("import", _NUMBER, sa.ForeignKey("imports.number"), primary_key=True),
    )
    op.create_table(
        "imported_events",
        sa.Column("event", _NUMBER, sa.ForeignKey("events.event"), primary_key=True),
        sa.Column("import", _NUMBER, sa.ForeignKey("imports.number"), nullable=False),
    )
    op.create_index("events_of_import", "imported_events", ["import"])
    op.create_index("texts_of_import", "imported_texts", ["import"])
    op.create_table(
        "withdrawals",
        sa.Column("import", _NUMBER, sa.ForeignKey("imports.number"), primary_key=True),
        sa.Column("event", _NUMBER, sa.ForeignKey("events.event"), nullable=False),
    )
