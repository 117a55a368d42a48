"""The database file of an edit memory: opening it, its tables and their migrations; knows no edits."""

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from memory_editor.errors import StoreError

APPLICATION_ID: Final = 0x4D45_4D45
"""Marks a database file as an edit memory ("MEME")."""

BUSY_TIMEOUT_MS: Final = 30_000


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open the memory at `path`, in a new file if `create`, with its schema brought up to date.

    A file that cannot be written opens for reading. Raises `StoreError` for a file that is missing, no database,
    another program's, or from a newer version.
    """
    if not path.exists():
        if not create:
            raise StoreError(f"there is no memory at {str(path)!r}; `memedit add-fact` makes one")
        with reachable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    with translated(path):
        connection = sqlite3.connect(
            _uri(path), uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000
        )
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite raises in the block into a `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{str(path)!r}: {error}; {_next_step(error)}") from error


@contextmanager
def reachable(path: Path) -> Iterator[None]:
    """Turn what the file system raises in the block into a `StoreError` that says what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{str(path)!r}: {error.strerror or error}; choose a place that can be written") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one write transaction: all of it is durable afterwards, or, on any exception, none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A failed COMMIT or a full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _uri(path: Path) -> str:
    file = path.resolve()
    if not file.exists() or (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        return file.as_uri()
    # WAL needs a writable folder, unless SQLite may take it that nobody writes; it then reads no log, so none must be.
    has_log = file.with_name(f"{file.name}-wal").exists()
    return f"{file.as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # In this order: a memory that another process is just making may be empty at first and have an owner then.
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if owner != APPLICATION_ID and not is_empty:
        raise StoreError(f"{str(path)!r} is a database of another program; give --memory another path")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{str(path)!r} has schema {version}, this version knows {len(MIGRATIONS)} and older; upgrade memory-editor"
        )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    if version < len(MIGRATIONS):
        _use_wal(connection)
        _migrate(connection)
    connection.execute("PRAGMA synchronous = FULL")


def _use_wal(connection: sqlite3.Connection) -> None:
    # SQLite waits for locks, but not for the moment in which the file must be its own to change the mode.
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _migrate(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        # Another process may have migrated while this one waited for the lock.
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
            migration(connection)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _next_step(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return {
        sqlite3.SQLITE_NOTADB: "the file is no edit memory; give --memory another path",
        sqlite3.SQLITE_CORRUPT: "restore a backup; `memedit verify` lists the damage",
        sqlite3.SQLITE_FULL: "nothing was changed; free some disk space and try again",
        sqlite3.SQLITE_READONLY: "nothing was changed; make the file and its folder writable",
        sqlite3.SQLITE_BUSY: "nothing was changed; another process is writing, try again",
        sqlite3.SQLITE_CANTOPEN: "check the path and its permissions",
        sqlite3.SQLITE_IOERR: "check the disk; what was acknowledged before is kept",
    }.get(code, "nothing was changed")


def _m001_create_tables(connection: sqlite3.Connection) -> None:
    for statement in (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
        """CREATE TABLE edits (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            namespace TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('live', 'superseded', 'removed')),
            subject_key TEXT NOT NULL,
            relation TEXT NOT NULL,
            content TEXT NOT NULL,
            digest BLOB NOT NULL
        )""",
        # The digests are of the content and of the vector: SQLite itself does not notice a changed byte.
        "CREATE INDEX edits_by_namespace ON edits (namespace, status, id)",
        "CREATE INDEX edits_by_subject ON edits (namespace, subject_key, relation) WHERE status = 'live'",
        """CREATE TABLE keys (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            edit INTEGER NOT NULL REFERENCES edits ON DELETE CASCADE,
            is_exclusion INTEGER NOT NULL CHECK (is_exclusion IN (0, 1)),
            fingerprint BLOB NOT NULL,
            vector BLOB NOT NULL,
            digest BLOB NOT NULL
        )""",
        "CREATE INDEX keys_by_edit ON keys (edit)",
        "CREATE INDEX keys_by_fingerprint ON keys (fingerprint)",
        # `state` is the change whose outcome holds after this one: its own number, or what an undo went back to.
        """CREATE TABLE changes (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            reason TEXT NOT NULL,
            state INTEGER NOT NULL
        )""",
        """CREATE TABLE transitions (
            change INTEGER NOT NULL REFERENCES changes,
            edit INTEGER NOT NULL REFERENCES edits ON DELETE CASCADE,
            old TEXT,
            new TEXT NOT NULL,
            PRIMARY KEY (change, edit)
        ) WITHOUT ROWID""",
        "CREATE INDEX transitions_by_edit ON transitions (edit, change)",
    ):
        connection.execute(statement)
    new_epoch(connection)


def new_epoch(connection: sqlite3.Connection) -> None:
    """Tell every index that it cannot follow the changes and must be built anew."""
    connection.execute("REPLACE INTO meta VALUES ('epoch', ?)", (secrets.token_hex(8),))


MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_m001_create_tables,)
"""Each brings the schema from the version that is its position to the next; never change one that was released."""
