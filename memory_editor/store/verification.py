"""Re-derives everything in the database that follows from something else, and reports what disagrees."""

import sqlite3
from collections.abc import Iterator

from memory_editor.edits import Edit
from memory_editor.errors import MemoryEditorError
from memory_editor.store.rows import digest, key_texts, read_edit
from memory_editor.text import fingerprint

_LAST_STATUS = """SELECT id, status, (
    SELECT new FROM transitions WHERE edit = edits.number ORDER BY change DESC LIMIT 1
) AS last FROM edits WHERE status IS NOT last"""


def problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield each problem found, in words."""
    damage = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    yield from (f"the file is damaged: {line}" for line in damage)
    if damage:
        return
    for table, *_ in connection.execute("PRAGMA foreign_key_check"):
        yield f"a row of {table} belongs to nothing"
    for id_, status, last in connection.execute(_LAST_STATUS):
        yield f"edit {id_} is {status}, its history says {last}"
    probe = connection.execute("SELECT length(value) FROM meta WHERE name = 'probe'").fetchone()
    for number, id_, content in connection.execute("SELECT number, id, content FROM edits"):
        try:
            edit = read_edit(content)
        except (MemoryEditorError, ValueError, AttributeError, TypeError) as error:
            yield f"edit {id_} cannot be read: {error}"
            continue
        yield from _edit_problems(connection, number, edit, probe[0] if probe else 0)


def _edit_problems(connection: sqlite3.Connection, number: int, edit: Edit, bytes_a_vector: int) -> Iterator[str]:
    id_ = edit.id
    content, stored, *columns = connection.execute(
        "SELECT content, digest, id, namespace, subject_key, relation FROM edits WHERE number = ?", (number,)
    ).fetchone()
    if digest(content.encode()) != stored:
        yield f"edit {id_}: its content was changed behind the memory's back"
    if columns != [edit.id, edit.namespace, edit.subject_key, edit.relation]:
        yield f"edit {id_}: its columns disagree with its content"
    keys = connection.execute(
        "SELECT fingerprint, is_exclusion, vector, digest FROM keys WHERE edit = ? ORDER BY number", (number,)
    ).fetchall()
    expected = [(fingerprint(text), place >= len(edit.keys)) for place, text in enumerate(key_texts(edit))]
    if [(stored, bool(is_exclusion)) for stored, is_exclusion, *_ in keys] != expected:
        yield f"edit {id_}: its keys disagree with its texts"
    if {len(vector) for *_, vector, _ in keys} - {bytes_a_vector}:
        yield f"edit {id_}: its vectors have another dimension than the encoder's"
    elif any(digest(vector) != stored for *_, vector, stored in keys):
        yield f"edit {id_}: a vector was changed behind the memory's back"
