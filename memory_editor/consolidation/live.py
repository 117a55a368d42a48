"""The edits of a memory with what they are grouped by; knows no language model."""

from typing import Any

import numpy as np

from memory_editor.edits import Edit
from memory_editor.store import Filter, Store, Vectors


def live_edits(store: Store, namespace: str) -> tuple[list[Edit], Vectors]:
    """Return the live edits that have not expired, and the vectors of their own prompts; shape (edits, dimension)."""
    with store.snapshot():
        edits = [record.edit for record in store.select(Filter(namespace=namespace)) if record.edit.is_valid()]
        numbers = {edit.id: number for number, edit in store.live_at((edit.prompt for edit in edits), namespace)}
        vectors = store.vectors_of(numbers.values())
    rows: list[Any] = [vectors[numbers[edit.id]][0][0] for edit in edits]
    return edits, np.stack(rows) if rows else np.empty((0, 0), np.float32)
