"""What can be done to edits within one change, that is, within one transaction."""

import sqlite3
from functools import cached_property

from memory_editor.edits import Edit, EditId, Status
from memory_editor.errors import StoreError, UnknownEdit
from memory_editor.store import journal
from memory_editor.store.journal import Action, Note
from memory_editor.store.rows import EncoderStamp, Vectors, digest, key_texts, write_stamp
from memory_editor.text import fingerprint


class Changing:
    """An open change of a store; valid only inside the block that `Store.changing` gives it to."""

    def __init__(self, connection: sqlite3.Connection, action: Action, note: Note) -> None:
        self._connection = connection
        self._action = action
        self._note = note

    @cached_property
    def number(self) -> int:
        """The number of the change, which is in the history from when it does something."""
        return journal.begin_change(self._connection, self._action, self._note)

    def stamp(self, encoder: EncoderStamp) -> None:
        """Record which encoder made the vectors of this memory."""
        write_stamp(self._connection, encoder)

    def add(self, edit: Edit, vectors: Vectors) -> None:
        """Add a live edit with one vector for each of its `key_texts`."""
        texts = key_texts(edit)
        if len(vectors) != len(texts):
            raise ValueError(f"{len(texts)} texts of edit {edit.id} need as many vectors, got {len(vectors)}")
        content = edit.to_json()
        try:
            cursor = self._connection.execute(
                """INSERT INTO edits (id, namespace, status, subject_key, relation, content, digest)
                VALUES (?, ?, ?, ?, ?, ?, ?)""",
                (
                    edit.id,
                    edit.namespace,
                    Status.LIVE,
                    edit.subject_key,
                    edit.relation,
                    content,
                    digest(content.encode()),
                ),
            )
        except sqlite3.IntegrityError as error:
            raise StoreError(f"the memory has an edit {edit.id} already; leave the id out for a new one") from error
        number = cursor.lastrowid or 0
        keys = len(edit.keys)
        self._connection.executemany(
            "INSERT INTO keys (edit, is_exclusion, fingerprint, vector, digest) VALUES (?, ?, ?, ?, ?)",
            (
                (number, i >= keys, fingerprint(text), vector := vectors[i].tobytes(), digest(vector))
                for i, text in enumerate(texts)
            ),
        )
        self._connection.execute("INSERT INTO transitions VALUES (?, ?, NULL, ?)", (self.number, number, Status.LIVE))

    def remove(self, id_: EditId) -> None:
        """Take a live edit out of the memory."""
        self._end(id_, Status.REMOVED)

    def supersede(self, id_: EditId) -> None:
        """Mark a live edit as replaced by a later one."""
        self._end(id_, Status.SUPERSEDED)

    def purge(self, id_: EditId) -> None:
        """Delete an edit that is not live, with its vectors, its history, and the reasons given for that history."""
        number, status = self._find(id_)
        if status is Status.LIVE:
            raise StoreError(f"edit {id_} is live; `memedit remove` it first, then purge it")
        self._connection.execute(
            """UPDATE changes SET reason = ''
            WHERE number != ? AND number IN (SELECT change FROM transitions WHERE edit = ?)""",
            (self.number, number),
        )
        self._connection.execute("DELETE FROM edits WHERE number = ?", (number,))

    def _end(self, id_: EditId, status: Status) -> None:
        number, current = self._find(id_)
        if current is not Status.LIVE:
            raise StoreError(f"edit {id_} is {current} already; `memedit history` says since when")
        journal.set_status(self._connection, self.number, number, status)

    def _find(self, id_: EditId) -> tuple[int, Status]:
        row = self._connection.execute("SELECT number, status FROM edits WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise UnknownEdit(f"no edit has the id {id_!r}; `memedit list` shows ids")
        return row[0], Status(row[1])
