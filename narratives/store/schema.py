"""Defines the tables of the label database, as the newest migration leaves them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER PRIMARY KEY
HELD, DONE, SKIPPED = range(3)  # values of assignments.done
metadata = MetaData()

paragraphs = Table(
    "paragraphs",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("paragraph_id", String(16), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("register", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("added_at", String(32), nullable=False),
)

# What people did, in order. Rows are only ever added, so that a label can be traced and an undo taken back.
# ``kind`` is a kind of label (reading, single, decision) or undo, skip, comment, release, role, codebook, import,
# suggestion (what a model said in an imported file), withdraw (an import, and each of its events).
# ``undoes`` is unique, so that two undos that arrive at once cannot both take back the same event.
# ``reason`` of a label event is why the paragraph was shown: random, or what it was chosen by; empty if nobody knows.
events = Table(
    "events",
    metadata,
    Column("event", _NUMBER, primary_key=True, autoincrement=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("annotator", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("paragraph_id", String(16), ForeignKey("paragraphs.paragraph_id")),
    Column("undoes", _NUMBER, ForeignKey("events.event"), unique=True),
    Column("codebook_version", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("suggested", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("reason", String(16), nullable=False, server_default=""),
    Index("events_of_paragraph", "paragraph_id", "annotator"),
    Index("events_of_annotator", "annotator", "event"),
)

# The labels of a label event, one row for each frame; a single row with an empty frame if the annotator saw none.
# The table keeps the name that databases in use have for it.
event_labels = Table(
    "claims",
    metadata,
    Column("event", _NUMBER, ForeignKey("events.event"), primary_key=True),
    Column("frame", Text, primary_key=True),
    Column("voice", String(16), nullable=False),
    Column("value", String(8), nullable=False),
    Column("sure", String(4), nullable=False),
    Column("note", Text, nullable=False),
)

# Which paragraph is assigned to whom, and why: a later ranking may have another reason, or leave the paragraph out. The
# primary key allows one annotator for each slot, so that two who ask at the same time cannot get the same slot.
assignments = Table(
    "assignments",
    metadata,
    Column("paragraph_id", String(16), ForeignKey("paragraphs.paragraph_id"), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("annotator", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("done", Integer, nullable=False),
    Column("reason", String(16), nullable=False, server_default=""),
    Index("assignments_of_annotator", "annotator", "paragraph_id"),
    Index("assignments_by_state", "done", "annotator", "at"),
)

# The queue: the order of the paragraphs, why each is in it, and how many more annotators it needs. Each ranking
# replaces it, so it is derived data and not part of the record.
ranks = Table(
    "ranks",
    metadata,
    Column("place", Integer, primary_key=True),
    Column("paragraph_id", String(16), ForeignKey("paragraphs.paragraph_id"), nullable=False, unique=True),
    Column("reason", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Index("open_ranks", "place", sqlite_where=text("slots > 0"), postgresql_where=text("slots > 0")),
)

# The probabilities that a model gave each paragraph, as little-endian float32, so that a ranking need not score the
# text again.
scores = Table(
    "scores",
    metadata,
    Column("paragraph_id", String(16), ForeignKey("paragraphs.paragraph_id"), primary_key=True),
    Column("model", Text, nullable=False),
    Column("probabilities", LargeBinary, nullable=False),
)

# The files that people brought in. Texts and events of an import are listed beside it, so that it can be withdrawn as a
# whole. A text that the database had from elsewhere is in no import; one that several brought in is in each of them.
imports = Table(
    "imports",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("file", Text, nullable=False),
    Column("layout", String(32), nullable=False),
    Column("uploader", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
)
imported_texts = Table(
    "imported_texts",
    metadata,
    Column("paragraph_id", String(16), ForeignKey("paragraphs.paragraph_id"), primary_key=True),
    Column("import", _NUMBER, ForeignKey("imports.number"), primary_key=True),
    Index("texts_of_import", "import"),
)
imported_events = Table(
    "imported_events",
    metadata,
    Column("event", _NUMBER, ForeignKey("events.event"), primary_key=True),
    Column("import", _NUMBER, ForeignKey("imports.number"), nullable=False),
    Index("events_of_import", "import"),
)

# The primary key allows one withdrawal of an import, also when two people withdraw it at once.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("import", _NUMBER, ForeignKey("imports.number"), primary_key=True),
    Column("event", _NUMBER, ForeignKey("events.event"), nullable=False),
)
