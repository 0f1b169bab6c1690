"""Owns the connection: opening a database, its schema, transactions, and what to say when they fail."""

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

NEWEST = "0002"
_BUSY = 30_000  # milliseconds that a writer of SQLite waits for another
_MIGRATING = 7_262_117  # the advisory lock of PostgreSQL under which one process migrates


def open_engine(address: str) -> Engine:
    """Connect to ``address``, an SQLAlchemy URL, and bring its schema to the newest version.

    An SQLite file of an older version is copied to ``NAME.before-NEWEST`` first. Raises UserError for an address that
    cannot be used and for a database that a newer version wrote.
    """
    url = _url(address)
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    with explained(url):
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
        said = "NARRATIVES_DATABASE is not a database address"
        raise UserError(f"{said}: give sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
    return url


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, pool_pre_ping=True)
        engine = create_engine(url, connect_args={"timeout": _BUSY / 1000})
    except (ImportError, NoSuchModuleError):
        raise UserError("PostgreSQL needs the extra 'postgres': pip install 'narratives[postgres]'") from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver thinks
    for pragma in (f"busy_timeout={_BUSY}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run one short transaction that writes: all of it is stored or, with an exception, nothing."""
    with explained(engine.url), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run one transaction that reads."""
    with explained(engine.url), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn what a database says of its surroundings into a UserError with the way out; programming errors stay."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        sentence = _sentence(str(getattr(error, "orig", error)).lower(), url)
        if sentence is None:
            raise
        raise UserError(sentence) from error


def _sentence(said: str, url: URL) -> str | None:
    where = url.database if url.get_backend_name() == "sqlite" else f"{url.host or 'localhost'}/{url.database}"
    if "disk is full" in said or "no space left" in said or "disk i/o error" in said:
        return (
            f"{where}: the disk is full or failing; this step was not stored, all before it was: make room, try again"
        )
    if "locked" in said:
        return f"{where}: another program holds the database for {_BUSY // 1000} s; nothing was stored: try again"
    if "not a database" in said or "malformed" in said:
        return f"{where}: not a label database, or a damaged one; put a backup in its place, or move it away"
    if "readonly" in said or "read-only" in said or "unable to open" in said or "permission denied" in said:
        return f"{where}: cannot be written; check the rights of the file and its folder, or set NARRATIVES_DATABASE"
    if url.get_backend_name() == "postgresql" and ("connect" in said or "password" in said or "does not exist" in said):
        return f"{where}: PostgreSQL does not let us in ({said.splitlines()[0]}); check NARRATIVES_DATABASE"
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
    """Bring the schema forward in one transaction, by one process; all others wait and find it done."""
    from alembic import command
    from alembic.config import Config

    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
        found = version_of(connection)
        if found == NEWEST:
            return
        if found > NEWEST:
            raise UserError(f"the database has schema {found}, newer than this version's {NEWEST}: update narratives")
        if found and engine.dialect.name == "sqlite":
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
        old.backup(new)
