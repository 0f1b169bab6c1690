"""Create the tables of paragraphs, of events, and of the labels that an event holds."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "paragraphs",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("paragraph_id", sa.String(16), nullable=False, unique=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("register", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("added_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("event", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("paragraph_id", sa.String(16), sa.ForeignKey("paragraphs.paragraph_id")),
        sa.Column("undoes", _NUMBER, sa.ForeignKey("events.event"), unique=True),
        sa.Column("codebook_version", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("suggested", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("events_of_paragraph", "events", ["paragraph_id", "annotator"])
    op.create_index("events_of_annotator", "events", ["annotator", "event"])
    op.create_table(
        "claims",
        sa.Column("event", _NUMBER, sa.ForeignKey("events.event"), primary_key=True),
        sa.Column("frame", sa.Text, primary_key=True),
        sa.Column("voice", sa.String(16), nullable=False),
        sa.Column("value", sa.String(8), nullable=False),
        sa.Column("sure", sa.String(4), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
