"""Vector indexes: ids and unit vectors in, nearest neighbours out; knows no edits and no models."""

from importlib import import_module
from typing import Final

from memory_editor.errors import ConfigError
from memory_editor.indexes.base import Ids, Neighbour, VectorIndex, Vectors

__all__ = ["DEFAULT_KIND", "KINDS", "Ids", "Neighbour", "VectorIndex", "Vectors", "index_class"]

KINDS: Final = {
    "flat": "memory_editor.indexes.flat:FlatIndex",
    "pq": "memory_editor.indexes.pq:PqIndex",
    "growing": "memory_editor.indexes.growing:GrowingIndex",
}
"""Every kind of index, imported when asked for, since all need FAISS."""

DEFAULT_KIND: Final = "growing"
"""Exact while few vectors are stored, approximate and fast from `growing.CODES_FROM` vectors on."""


def index_class(kind: str) -> type[VectorIndex]:
    """Import the class of one kind of index."""
    if kind not in KINDS:
        raise ConfigError(f"unknown kind of index {kind!r}; known are {', '.join(KINDS)}")
    module, _, name = KINDS[kind].partition(":")
    found: type[VectorIndex] = getattr(import_module(module), name)
    return found
