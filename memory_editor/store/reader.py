"""What can be asked of the database of an edit memory; changes nothing, and knows no encoder and no index."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from memory_editor.edits import Edit, EditId, Status
from memory_editor.errors import StoreError, UnknownEdit
from memory_editor.store import schema
from memory_editor.store.derived import Derived, beside
from memory_editor.store.journal import Action, Change, Note, Transition
from memory_editor.store.rows import (
    LIVE,
    EncoderStamp,
    Filter,
    Record,
    Vectors,
    read_edit,
    read_record,
    read_vectors,
)
from memory_editor.store.verification import problems
from memory_editor.text import fingerprint

_CHUNK: Final = 500
"""How many values one SQL statement is given at most."""

_LOOKED_AT: Final = 512
"""How many vectors of edits about a subject are compared at most, so that no lookup grows with their number."""


@dataclass(frozen=True)
class KeyChanges:
    """What an index must do to follow the store: key numbers whose vectors it holds, and others that it drops."""

    generation: int
    ids: NDArray[np.int64]
    dropped: NDArray[np.int64]


class Reader:
    """The reading half of a store; no lookup that a route makes takes longer the more edits there are."""

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = Path(path)
        # One connection and one lock: a queue of writers is fair, SQLite's busy handler is not.
        self._lock = threading.RLock()
        self._connection = schema.connect(self.path, create=create)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def generation(self) -> int:
        """The number of the last change by any process; 0 for a memory that never changed."""
        return int(self._one("SELECT coalesce(max(number), 0) FROM changes"))

    @property
    def epoch(self) -> str:
        """Changes when an index cannot follow the key changes and must be built anew: by a purge or a reindex."""
        return str(self._one("SELECT value FROM meta WHERE name = 'epoch'"))

    def origin(self, generation: int) -> str:
        """Return a text that tells this memory, at one of its generations, from any other or a restored copy."""
        row = self._all("SELECT at FROM changes WHERE number = ?", generation)
        name = self._one("SELECT (SELECT value FROM meta WHERE name = 'encoder')")
        return f"{self.epoch}/{generation}/{row[0][0] if row else 'missing'}/{name}"

    @property
    def index_folder(self) -> Path:
        """Where indexes over the vectors are kept, in a folder for each namespace: a cache, safe to delete."""
        return beside(self.path, Derived.INDEX)

    @property
    def encoder(self) -> EncoderStamp | None:
        """The stamp of the encoder that made the vectors; none before the first edit."""
        row = self._all(
            "SELECT (SELECT value FROM meta WHERE name = 'encoder'), (SELECT value FROM meta WHERE name = 'probe')"
        )
        name, probe = row[0]
        return EncoderStamp(name, np.frombuffer(probe, np.float32)) if name is not None else None

    def get(self, id_or_part: str) -> Record:
        """Return the edit with this id, or whose id alone begins or ends so; raises `UnknownEdit`."""
        part = id_or_part.upper()
        rows = self._all("SELECT content, status FROM edits WHERE id = ?", part)
        if not rows and len(part) >= 4 and part.isalnum():
            rows = self._all(
                "SELECT content, status FROM edits WHERE id GLOB ? OR id GLOB ? LIMIT 2", f"{part}*", f"*{part}"
            )
        if len(rows) != 1:
            problem = "more than one edit has" if rows else "no edit has"
            raise UnknownEdit(
                f"{problem} the id {id_or_part!r}; `memedit list` shows ids, any unique beginning or end will do"
            )
        return read_record(rows[0])

    def used_ids(self, ids: Iterable[EditId]) -> set[EditId]:
        """Return which of `ids` belong to an edit of this memory, live or not."""
        return {EditId(id_) for (id_,) in self._in_chunks("SELECT id FROM edits WHERE id IN ({})", list(ids))}

    def select(self, where: Filter = LIVE, *, limit: int = -1, offset: int = 0) -> list[Record]:
        """Return the edits that pass a filter, in order of creation."""
        clause, values = where.sql()
        rows = self._all(
            f"SELECT content, status FROM edits{clause} ORDER BY id LIMIT ? OFFSET ?", *values, limit, offset
        )
        return [read_record(row) for row in rows]

    def count(self, where: Filter = LIVE) -> int:
        """Return how many edits pass a filter."""
        clause, values = where.sql()
        return int(self._one(f"SELECT count(*) FROM edits{clause}", *values))

    def namespaces(self) -> dict[str, int]:
        """Return the number of live edits of every namespace that has any."""
        return dict(self._all("SELECT namespace, count(*) FROM edits WHERE status = 'live' GROUP BY namespace"))

    def history(self, *, edit: EditId | None = None, limit: int = -1) -> list[Change]:
        """Return the changes, the latest first; with `edit`, only those that touched it."""
        touched = "WHERE number IN (SELECT change FROM transitions JOIN edits ON edit = edits.number WHERE id = ?)"
        rows = self._all(
            f"SELECT number, at, action, actor, reason FROM changes {touched if edit else ''}"
            " ORDER BY number DESC LIMIT ?",
            *([edit] if edit else []),
            limit,
        )
        return [
            Change(
                row[0], datetime.fromisoformat(row[1]), Action(row[2]), Note(row[3], row[4]), self._transitions(row[0])
            )
            for row in rows
        ]

    def live_at(self, prompts: Iterable[str], namespace: str) -> list[tuple[int, Edit]]:
        """Return the live edits that have one of `prompts` among their keys, with their row numbers."""
        rows = self._in_chunks(
            """SELECT DISTINCT edits.number, content FROM keys JOIN edits ON edits.number = keys.edit
            WHERE namespace = ? AND status = 'live' AND is_exclusion = 0 AND fingerprint IN ({})""",
            list({fingerprint(prompt) for prompt in prompts}),
            before=(namespace,),
        )
        return [(number, read_edit(content)) for number, content in dict(rows).items()]

    def live_about(self, subject_keys: Iterable[str], namespace: str) -> list[tuple[int, Edit]]:
        """Return the live edits about any of these subjects (see `text.subject_key`), with their row numbers."""
        rows = self._in_chunks(
            """SELECT number, content FROM edits INDEXED BY edits_by_subject
            WHERE namespace = ? AND status = 'live' AND subject_key IN ({})""",
            sorted(set(subject_keys) - {""}),
            before=(namespace,),
        )
        return [(number, read_edit(content)) for number, content in rows]

    def nearest_about(
        self, subject_keys: Iterable[str], namespace: str, vectors: Vectors, limit: int
    ) -> list[tuple[int, Edit]]:
        """Return of the live edits about any of these subjects the `limit` with keys most similar to any of `vectors`.

        They come with their row numbers, the most similar first. Of too many, some of every subject are not looked at.
        """
        with self.snapshot():
            subjects = self._all(
                """SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM edits INDEXED BY edits_by_subject
                WHERE namespace = ? AND status = 'live' AND subject_key = value)""",
                json.dumps(sorted(set(subject_keys) - {""})),
                namespace,
            )
            rows = [
                row
                for (subject,) in subjects
                for row in self._all(
                    """SELECT edits.number, vector
                    FROM edits INDEXED BY edits_by_subject JOIN keys ON keys.edit = edits.number
                    WHERE namespace = ? AND status = 'live' AND is_exclusion = 0 AND subject_key = ? LIMIT ?""",
                    namespace,
                    subject,
                    max(1, _LOOKED_AT // len(subjects)),
                )
            ]
            if not rows:
                return []
            similarities = (read_vectors([vector for _, vector in rows]) @ vectors.T).max(axis=1)
            order = np.argsort(-similarities, kind="stable")
            numbers = list(dict.fromkeys(rows[place][0] for place in order))[:limit]
            contents = dict(self._in_chunks("SELECT number, content FROM edits WHERE number IN ({})", numbers))
        return [(number, read_edit(contents[number])) for number in numbers]

    def live_with_keys(self, keys: Iterable[int]) -> list[tuple[int, Edit]]:
        """Return the live edits to which these key numbers belong, with their row numbers."""
        rows = self._in_chunks(
            """SELECT DISTINCT edits.number, content FROM keys JOIN edits ON edits.number = keys.edit
            WHERE status = 'live' AND keys.number IN ({})""",
            list(keys),
        )
        return [(number, read_edit(content)) for number, content in dict(rows).items()]

    def vectors_of(self, edits: Iterable[int]) -> dict[int, tuple[Vectors, Vectors]]:
        """Return, by row number of an edit, the vectors of its keys and those of its exclusions."""
        rows = self._in_chunks(
            "SELECT edit, is_exclusion, vector FROM keys WHERE edit IN ({}) ORDER BY number", list(edits)
        )
        grouped: dict[int, tuple[list[bytes], list[bytes]]] = {}
        for edit, is_exclusion, vector in rows:
            grouped.setdefault(edit, ([], []))[is_exclusion].append(vector)
        return {edit: (read_vectors(keys), read_vectors(exclusions)) for edit, (keys, exclusions) in grouped.items()}

    def key_changes(self, namespace: str, since: int = 0) -> KeyChanges:
        """Return what became live or ceased to be since a generation; since 0, everything live."""
        with self.snapshot():
            generation = self.generation
            chosen = (
                # The + keeps SQLite from looking through the whole namespace.
                "+namespace = ? AND edits.number IN (SELECT edit FROM transitions WHERE change > ?)"
                if since
                else "namespace = ? AND ? = 0 AND status = 'live'"
            )
            rows = self._all(
                f"""SELECT keys.number, status = 'live' FROM keys JOIN edits ON edits.number = keys.edit
                WHERE is_exclusion = 0 AND {chosen} ORDER BY keys.number""",
                namespace,
                since,
            )
        numbers, is_live = np.array(rows, np.int64).reshape(-1, 2).T
        return KeyChanges(generation, numbers[is_live == 1], numbers[is_live == 0])

    def vectors_at(self, keys: NDArray[np.int64]) -> Vectors:
        """Return the vectors with these key numbers, which ascend."""
        rows = self._in_chunks("SELECT vector FROM keys WHERE number IN ({}) ORDER BY number", keys.tolist())
        return read_vectors([vector for (vector,) in rows])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Run the block on the memory as it is at one moment, whatever other processes write meanwhile."""
        with self._lock, schema.translated(self.path):
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def backup(self, path: Path) -> None:
        """Copy the memory, as it is at this moment, to a new file; it can be opened like the original."""
        if path.exists():
            raise StoreError(f"{str(path)!r} exists already; give a new path for the backup")
        with self._lock, schema.translated(path), schema.reachable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with closing(sqlite3.connect(path)) as copy:
                    self._connection.backup(copy)
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def verify(self) -> list[str]:
        """Return what is wrong with the file, in words, after re-deriving all that can be; empty when it is sound."""
        with self.snapshot():
            return list(problems(self._connection))

    # SQL

    def _all(self, sql: str, *values: object) -> list[Any]:
        with self._lock, schema.translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: object) -> Any:
        return self._all(sql, *values)[0][0]

    def _in_chunks(self, sql: str, values: Sequence[object], *, before: Sequence[object] = ()) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(values), _CHUNK):
            chunk = values[start : start + _CHUNK]
            rows += self._all(sql.format(",".join("?" * len(chunk))), *before, *chunk)
        return rows

    def _transitions(self, change: int) -> tuple[Transition, ...]:
        rows = self._all(
            "SELECT content, old, new FROM transitions JOIN edits ON number = edit WHERE change = ? ORDER BY edit",
            change,
        )
        return tuple(
            Transition(read_edit(content), Status(old) if old else None, Status(new)) for content, old, new in rows
        )
