"""Index files: one file a folder, whole or not at all; knows no store, which rebuilds whatever is refused here.

A file is the SHA-256 of the rest, then the manifest and the arrays of the index as NumPy's `.npz`. FAISS reads a
flipped byte without complaint, hence the checksum. Manifest and arrays share one file, so that no crash leaves the one
without the other.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from io import BufferedReader
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np

from memory_editor.errors import IndexFileError
from memory_editor.indexes import index_class
from memory_editor.indexes.base import Arrays, VectorIndex

FILE_NAME: Final = "vectors.index"
FORMAT: Final = 2
"""Counted up whenever an older file could be misread."""

_DIGEST_BYTES: Final = 32
_TEMPORARY: Final = ".tmp"
_ABANDONED_AFTER: Final = 3600.0
"""Seconds after which a temporary file is taken for that of a writer that crashed."""


@dataclass(frozen=True)
class Manifest:
    """What an index file says of itself."""

    kind: str
    generation: int
    """The store's counter of changes when the index was saved; behind the store's own, the index is stale."""
    origin: str
    """Which store, and with whose vectors, in that store's words."""
    count: int
    dimension: int
    format: int = FORMAT


def save(index: VectorIndex, folder: Path, *, generation: int, origin: str) -> None:
    """Replace the index file in `folder` by one of `index`; readers find the old or the new one, never a part."""
    path = folder / FILE_NAME
    manifest = Manifest(index.kind, generation, origin, len(index), index.dimension)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        _replace(path, {"manifest": np.array(json.dumps(asdict(manifest))), **index.arrays()})
    except OSError as error:
        raise IndexFileError(
            f"index file {path} cannot be written ({error}); make room for it or set its rights"
        ) from error


def load(folder: Path) -> tuple[VectorIndex, Manifest]:
    """Return the index saved in `folder` and its manifest; whatever cannot be trusted raises `IndexFileError`."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            return _parsed(file)
    except OSError as error:
        raise IndexFileError(f"index file {path} cannot be read ({error}); rebuild it from the store") from error
    except Exception as error:  # whatever a file of another version does to the readers of three formats
        raise IndexFileError(f"index file {path} cannot be used: {error}; rebuild it from the store") from error


def _parsed(file: BufferedReader) -> tuple[VectorIndex, Manifest]:
    if file.read(_DIGEST_BYTES) != file_digest(file, sha256).digest():
        raise ValueError("it is damaged, its checksum does not match")
    file.seek(_DIGEST_BYTES)
    with np.load(file, allow_pickle=False) as arrays:  # which reads each array when asked for it
        raw = json.loads(str(arrays["manifest"]))
        if raw["format"] != FORMAT:
            raise ValueError(f"its format is {raw['format']}, not {FORMAT}")
        manifest = Manifest(**raw)
        index = index_class(manifest.kind).from_arrays(arrays)
    held, said = (len(index), index.dimension), (manifest.count, manifest.dimension)
    if held != said:
        raise ValueError(f"it holds {held[0]} vectors of {held[1]} numbers, not {said[0]} of {said[1]}")
    return index, manifest


def _replace(path: Path, arrays: Arrays) -> None:
    """Write a file so that after a crash at any moment `path` is the old one or the new one, complete and on disk."""
    temporary = path.with_name(f"{path.name}-{uuid4().hex}{_TEMPORARY}")
    try:
        with temporary.open("x+b") as file:
            file.write(bytes(_DIGEST_BYTES))
            np.savez(file, allow_pickle=False, **arrays)
            file.seek(_DIGEST_BYTES)
            digest = file_digest(file, sha256).digest()
            file.seek(0)
            file.write(digest)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove_abandoned(folder: Path) -> None:
    for leftover in folder.glob(f"{FILE_NAME}-*{_TEMPORARY}"):
        with suppress(FileNotFoundError):  # another writer cleans up too
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER:
                leftover.unlink()
