"""The history of a memory: every change, who made it, when and why, and how to go back; it never changes an edit."""

import getpass
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from memory_editor.edits import Edit, EditId, Status
from memory_editor.errors import StoreError


class Action(StrEnum):
    """What a change did."""

    ADD = "add"
    UPDATE = "update"
    REMOVE = "remove"
    UNDO = "undo"
    PURGE = "purge"


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a process without a user's entry, as in some containers
        return "unknown"


@dataclass(frozen=True)
class Note:
    """Who makes a change, and why."""

    actor: str = field(default_factory=_login_name)
    reason: str = ""


@dataclass(frozen=True)
class Transition:
    """What a change did to one edit; `old` is none where the edit was new."""

    edit: Edit
    old: Status | None
    new: Status


@dataclass(frozen=True)
class Change:
    """One entry of the history; its number is the generation of the memory after it."""

    number: int
    at: datetime
    action: Action
    note: Note
    transitions: tuple[Transition, ...]


GONE: Final = "removed"
"""The status of an edit at a time before it was added."""


def begin_change(connection: sqlite3.Connection, action: Action, note: Note) -> int:
    """Append a change to the history and return its number."""
    cursor = connection.execute(
        "INSERT INTO changes (at, actor, action, reason, state) VALUES (?, ?, ?, ?, 0)",
        (datetime.now(UTC).isoformat(), note.actor, action, note.reason),
    )
    number = cursor.lastrowid or 0
    connection.execute("UPDATE changes SET state = number WHERE number = ?", (number,))
    return number


def set_status(connection: sqlite3.Connection, change: int, edit: int, new: Status) -> None:
    """Record in `change` that the edit with this row number is now `new`."""
    (old,) = connection.execute("SELECT status FROM edits WHERE number = ?", (edit,)).fetchone()
    connection.execute("UPDATE edits SET status = ? WHERE number = ?", (new, edit))
    # Within one change only the first old and the last new status count.
    connection.execute(
        "INSERT INTO transitions VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET new = excluded.new",
        (change, edit, old, new),
    )


def state_before_last(connection: sqlite3.Connection) -> int:
    """Return the number of the change to go back to when the last one that still holds is undone."""
    row = connection.execute("SELECT state FROM changes ORDER BY number DESC LIMIT 1").fetchone()
    if row is None or row[0] == 0:
        raise StoreError("there is nothing to undo; `memedit history` lists the changes")
    (action,) = connection.execute("SELECT action FROM changes WHERE number = ?", row).fetchone()
    if action == Action.PURGE:
        raise StoreError(f"change {row[0]} is a purge, which cannot be undone; name an earlier change to go back to")
    before = connection.execute(
        "SELECT state FROM changes WHERE number < ? ORDER BY number DESC LIMIT 1", row
    ).fetchone()
    return int(before[0]) if before else 0


def state_of(connection: sqlite3.Connection, to: int | EditId) -> int:
    """Return the number of the change named by itself, or by an edit that it added."""
    if isinstance(to, str):
        row = connection.execute(
            "SELECT min(change) FROM transitions JOIN edits ON edit = edits.number WHERE id = ?", (to,)
        ).fetchone()
    else:
        row = connection.execute("SELECT number FROM changes WHERE number = ?", (to,)).fetchone() if to else (0,)
    if row is None or row[0] is None:
        raise StoreError(f"there is no change {to!r}; `memedit history` lists the changes")
    return int(row[0])


def restore_state(connection: sqlite3.Connection, change: int, to: int) -> None:
    """Give every edit the status that it had after change `to` (0: none was there), and record that in `change`."""
    moved = connection.execute(
        """SELECT touched.edit, coalesce((
                SELECT new FROM transitions WHERE edit = touched.edit AND change <= ?1 ORDER BY change DESC LIMIT 1
            ), ?2) AS then_status
        FROM (SELECT DISTINCT edit FROM transitions WHERE change > ?1) AS touched
        JOIN edits ON edits.number = touched.edit
        WHERE edits.status != then_status""",
        (to, GONE),
    ).fetchall()
    for edit, status in moved:
        set_status(connection, change, edit, Status(status))
    (state,) = connection.execute("SELECT coalesce((SELECT state FROM changes WHERE number = ?), 0)", (to,)).fetchone()
    connection.execute("UPDATE changes SET state = ? WHERE number = ?", (state, change))
