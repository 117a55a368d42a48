"""Memories of the first so many edits, made once, and how fast they change; knows no routes."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from memory_editor.edits import Edit
from memory_editor.encoder import Encoder
from memory_editor.evaluation.scale.vectors import KeptVectors
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.progress import Progress
from memory_editor.store import Action, Store

_SINGLE: Final = 100
"""How many edits are added and removed one by one."""


def fill(
    path: Path, edits: Sequence[dict[str, Any]], vectors: KeptVectors, encoder: Encoder, progress: Progress
) -> float:
    """Make the memory of these edits, or what is missing of it; return how many it took in a second.

    They go straight to the store: their vectors are there, and they are known to be distinct.
    """
    with (
        EditMemory(Store(path), lambda: encoder) as memory,
        progress(f"memory of {len(edits):,} edits", len(edits)) as report,
    ):
        there, done, began = memory.count(), 0, time.perf_counter()
        for texts, rows in vectors.chunks(len(edits)):
            behind = done + len(texts)
            if behind > there:
                with memory.changing(Action.ADD) as change:
                    for edit, row in zip(edits[done:behind], rows, strict=True):
                        change.add(Edit(**edit), row[np.newaxis])
            done = behind
            report(done)
        return (done - there) / (time.perf_counter() - began)


def change_singly(memory: EditMemory) -> dict[str, float]:
    """Return how many edits a second can be added, encoded and made durable one by one, and removed again."""
    asked = [
        Edit(f"The patron of Scale Example {number} is", "Ada", subject=f"Scale Example {number}")
        for number in range(_SINGLE)
    ]
    began = time.perf_counter()
    added = [memory.add(edit, on_conflict=OnConflict.KEEP_BOTH).edits[0] for edit in asked]
    between = time.perf_counter()
    for edit in added:
        memory.store.remove([edit.id])
    return {
        "added one by one, edits/s": _SINGLE / (between - began),
        "removed one by one, edits/s": _SINGLE / (time.perf_counter() - between),
    }
