"""The edit memory's one truth: edits, their vectors and their history in SQLite; knows no encoder and no index."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from memory_editor.edits import EditId
from memory_editor.errors import StoreError
from memory_editor.store import journal, schema
from memory_editor.store.changing import Changing
from memory_editor.store.derived import Derived, beside
from memory_editor.store.journal import Action, Change, Note
from memory_editor.store.reader import Reader
from memory_editor.store.rows import EncoderStamp, Vectors, digest, key_texts, read_edit, write_stamp


class Store(Reader):
    """A durable memory of edits at `path`, shared safely by any number of threads and processes.

    What a method has returned from is on the disk, in one transaction with its history. Edits never change: an update
    is a new edit that supersedes the old one, and only statuses move, so every change can be undone.
    """

    @contextmanager
    def changing(self, action: Action, note: Note | None = None) -> Iterator[Changing]:
        """Run the block as one change: what it does is durable when it ends, and undone if it raises.

        A block that does nothing leaves no trace in the history.
        """
        with self._writing():
            yield Changing(self._connection, action, note or Note())

    def remove(self, ids: Sequence[EditId], note: Note | None = None) -> None:
        """Take live edits out of the memory, all or none of them; they stay in the history."""
        with self.changing(Action.REMOVE, note) as change:
            for id_ in ids:
                change.remove(id_)

    def undo(self, to: int | EditId | None = None, note: Note | None = None) -> Change:
        """Undo the last change that still holds, or every change after `to`; an undo is itself a change.

        `to` is the number of a change, an edit (the change that added it), or 0 for the empty memory.
        """
        with self._writing():
            connection = self._connection
            target = journal.state_before_last(connection) if to is None else journal.state_of(connection, to)
            change = journal.begin_change(connection, Action.UNDO, note or Note())
            journal.restore_state(connection, change, target)
            return self.history(limit=1)[0]

    def purge(self, ids: Sequence[EditId], note: Note | None = None) -> None:
        """Forget edits that are not live for good: their text, vectors and history; copies made by `backup` stay.

        What is made from edits lies beside the memory and may hold their traces: it is deleted, to be made anew.
        """
        with self.changing(Action.PURGE, note) as change:
            for id_ in ids:
                change.purge(id_)
            schema.new_epoch(self._connection)
        for folder in (beside(self.path, kind) for kind in Derived):
            with self._lock, schema.reachable(folder):
                if folder.exists():
                    shutil.rmtree(folder)
        with self._lock:
            try:
                self._connection.execute("VACUUM")
                (is_busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if is_busy:
                    raise sqlite3.OperationalError("another connection is reading")
            except sqlite3.Error as error:
                raise StoreError(
                    f"{str(self.path)!r}: the edits are forgotten, but their traces may stay in the file: {error}; "
                    f"they go once every process has closed the memory, at the latest with the next purge"
                ) from error

    def reindex(self, encode: Callable[[Sequence[str]], Vectors], encoder: EncoderStamp, *, batch: int = 512) -> int:
        """Replace every vector by what `encode` gives, and the stamp by `encoder`; return how many texts there were."""
        with self._writing():
            rows = self._all("SELECT content FROM edits ORDER BY number")
            numbers = [row[0] for row in self._all("SELECT number FROM keys ORDER BY edit, number")]
            texts = [text for (content,) in rows for text in key_texts(read_edit(content))]
            for start in range(0, len(texts), batch):
                vectors = encode(texts[start : start + batch])
                pairs = zip(vectors, numbers[start : start + batch], strict=True)
                self._connection.executemany(
                    "UPDATE keys SET vector = ?, digest = ? WHERE number = ?",
                    ((vector := row.tobytes(), digest(vector), number) for row, number in pairs),
                )
            write_stamp(self._connection, encoder)
            schema.new_epoch(self._connection)
        return len(texts)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, schema.translated(self.path), schema.transaction(self._connection):
            yield
