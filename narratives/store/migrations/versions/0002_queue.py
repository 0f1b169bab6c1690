"""Create the tables of assignments, of the queue, and of the scores that it is ranked by."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "assignments",
        sa.Column("paragraph_id", sa.String(16), sa.ForeignKey("paragraphs.paragraph_id"), primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
    )
    op.create_index("assignments_of_annotator", "assignments", ["annotator", "paragraph_id"])
    op.create_index("assignments_by_state", "assignments", ["done", "annotator", "at"])
    op.create_table(
        "ranks",
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("paragraph_id", sa.String(16), sa.ForeignKey("paragraphs.paragraph_id"), nullable=False, unique=True),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
    )
    still_open = sa.text("slots > 0")
    op.create_index("open_ranks", "ranks", ["place"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "scores",
        sa.Column("paragraph_id", sa.String(16), sa.ForeignKey("paragraphs.paragraph_id"), primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("probabilities", sa.LargeBinary, nullable=False),
    )
