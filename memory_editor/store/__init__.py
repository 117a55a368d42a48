"""The durable store of edits: what is on the disk, and its history."""

from memory_editor.store.changing import Changing
from memory_editor.store.journal import Action, Change, Note, Transition
from memory_editor.store.reader import KeyChanges
from memory_editor.store.rows import EncoderStamp, Filter, Record, Vectors, key_texts
from memory_editor.store.store import Store

__all__ = [
    "Action",
    "Change",
    "Changing",
    "EncoderStamp",
    "Filter",
    "KeyChanges",
    "Note",
    "Record",
    "Store",
    "Transition",
    "Vectors",
    "key_texts",
]
