"""How edits, vectors and stamps stand in rows of the database."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memory_editor.edits import Edit, Status
from memory_editor.text import subject_key

Vectors = NDArray[np.float32]
"""Shape (texts, dimension), rows of unit length."""


@dataclass(frozen=True)
class Record:
    """An edit and where it stands."""

    edit: Edit
    status: Status


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which edits are asked for; what is none is not asked."""

    namespace: str | None = None
    status: Status | None = Status.LIVE
    subject: str | None = None
    containing: str | None = None
    """Text to be found anywhere in the edit, whatever the case of its ASCII letters."""

    def sql(self) -> tuple[str, list[str]]:
        """Return a WHERE clause over the table of edits, empty for no filter, and its values."""
        given = {
            "namespace = ?": self.namespace,
            "status = ?": self.status,
            "subject_key = ?": None if self.subject is None else subject_key(self.subject),
            "EXISTS (SELECT 1 FROM json_tree(content) WHERE instr(lower(atom), lower(?)) > 0)": self.containing,
        }
        used = {clause: value for clause, value in given.items() if value is not None}
        return (" WHERE " + " AND ".join(used) if used else ""), list(used.values())


LIVE: Final = Filter()


@dataclass(frozen=True)
class EncoderStamp:
    """Which encoder made the vectors: its name, and the vector that it gives to a fixed sentence."""

    name: str
    probe: NDArray[np.float32]


def digest(data: bytes) -> bytes:
    """Return 16 bytes by which a later change of `data` is noticed."""
    return hashlib.blake2b(data, digest_size=16).digest()


def key_texts(edit: Edit) -> tuple[str, ...]:
    """Return the texts of an edit that have a vector each: its keys, then its exclusions."""
    return (*edit.keys, *edit.exclusions)


def read_edit(content: str) -> Edit:
    """Return the edit that a row holds."""
    return Edit.from_dict(json.loads(content))


def read_record(row: Sequence[Any]) -> Record:
    """Return the edit and status of a row (content, status)."""
    return Record(read_edit(row[0]), Status(row[1]))


def read_vectors(blobs: Sequence[bytes]) -> Vectors:
    """Return stored vectors as a matrix; shape (0, 0) for none."""
    if not blobs:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), -1)


def write_stamp(connection: sqlite3.Connection, stamp: EncoderStamp) -> None:
    """Record which encoder made the vectors."""
    values = (("encoder", stamp.name), ("probe", stamp.probe.astype(np.float32).tobytes()))
    connection.executemany("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", values)
