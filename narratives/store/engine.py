"""Opens a database, migrates its schema, runs transactions, and explains in a sentence why one failed."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from narratives.errors import UserError
from narratives.files import atomic_write

NEWEST = "0004"
_VERSION = re.compile(r"\d{4}")
_OWNER_ONLY = 0o600
_BUSY = 30_000  # milliseconds that a writer waits for another on SQLite
_MIGRATING = 7_262_117  # the PostgreSQL advisory lock that a process holds while it migrates; any fixed number
_CAUSES = {
    ("disk is full", "no space left", "disk i/o error"): (
        "the disk is full or failing; this step was not stored, all earlier ones were: make room and try again"
    ),
    ("locked",): f"another program has locked the database for {_BUSY // 1000} s; nothing was stored: try again",
    ("not a database", "malformed"): "not a label database, or damaged; replace it by a backup, or move it elsewhere",
    ("readonly", "read-only", "unable to open", "permission denied"): (
        "cannot be written; check the permissions of the file and its folder, or set NARRATIVES_DATABASE"
    ),
}
_REFUSED = ("connect", "password", "does not exist")  # in a message of PostgreSQL


def open_engine(address: str) -> Engine:
    """Connect to ``address``, an SQLAlchemy URL, and migrate its schema to the newest version.

    An SQLite file with an older schema is copied to ``NAME.before-NEWEST`` first. A new one can be read by its owner
    alone. Raises UserError for an address that cannot be used, and for a database with a newer schema or of another
    program.
    """
    url = _url(address)
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    with explained(url):
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            _prepare_file(Path(url.database))
        engine = _engine(url)
        if _version(engine) != NEWEST:
            _migrate(engine)
        return engine


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UserError(
            "NARRATIVES_DATABASE is not a database address; write sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"
        )
    return url


def _prepare_file(path: Path) -> None:
    """Create an SQLite file for its owner alone, or make sure that an existing one is a label database."""
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))  # SQLite gives its -wal and -shm the same mode
        return
    # Before the engine connects, which would change the journal mode of the file.
    with closing(sqlite3.connect(path, timeout=_BUSY / 1000)) as connection:
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        ours = not found or found >= {"alembic_version", "paragraphs", "events"}
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall() if found and ours else []
    if not ours or not all(_VERSION.fullmatch(str(version)) for (version,) in versions):
        raise UserError(
            f"{path}: an SQLite database of another program, which is left as it is; set NARRATIVES_DATABASE to "
            "another file, or move this one elsewhere"
        )


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, pool_pre_ping=True)
        engine = create_engine(url, connect_args={"timeout": _BUSY / 1000})
    except (ImportError, NoSuchModuleError):
        raise UserError("PostgreSQL needs the extra 'postgres': pip install -e '.[postgres]' in the checkout") from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # Python's driver begins a transaction only at the first write, so that reads before it would see another state.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails at once if another wrote meanwhile, and does not wait.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run one short transaction that writes: all of it is stored or, after an exception, nothing."""
    with explained(engine.url), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run one transaction that only reads."""
    with explained(engine.url), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn a database error that the user can remedy into a UserError; other errors pass unchanged."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        sentence = _sentence(str(getattr(error, "orig", error)).lower(), url)  # orig: the driver's own message
        if sentence is None:
            raise
        raise UserError(sentence) from error


def _sentence(message: str, url: URL) -> str | None:
    where = url.database if url.get_backend_name() == "sqlite" else f"{url.host or 'localhost'}/{url.database}"
    for signs, sentence in _CAUSES.items():
        if any(sign in message for sign in signs):
            return f"{where}: {sentence}"
    if url.get_backend_name() == "postgresql" and any(sign in message for sign in _REFUSED):
        return f"{where}: PostgreSQL refused the connection ({message.splitlines()[0]}); check NARRATIVES_DATABASE"
    return None


def _version(engine: Engine) -> str:
    with engine.connect() as connection:
        return version_of(connection)


def version_of(connection: Connection) -> str:
    """Return the schema version of a database, empty for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _migrate(engine: Engine) -> None:
    """Migrate the schema in one transaction, in one process; others wait for it and have nothing left to do."""
    from alembic import command
    from alembic.config import Config

    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
        version = version_of(connection)  # read again under the lock: another process may have migrated meanwhile
        if version == NEWEST:
            return
        if version > NEWEST:
            raise UserError(f"the database has schema {version}, newer than this version's {NEWEST}; update narratives")
        if version and engine.dialect.name == "sqlite":
            _copy(Path(str(engine.url.database)))
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.attributes["connection"] = connection
        command.upgrade(config, NEWEST)


def _copy(path: Path) -> None:
    backup = path.with_name(f"{path.name}.before-{NEWEST}")
    with (
        atomic_write(backup) as file,
        closing(sqlite3.connect(path)) as old,
        # SQLite opens the file a second time, by its name; what it writes there is synced and renamed all the same.
        closing(sqlite3.connect(file.name)) as new,
    ):
        Path(file.name).chmod(_OWNER_ONLY)
        old.backup(new)
