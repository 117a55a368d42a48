"""The live edits come with the vectors of their own prompts."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from memory_editor.consolidation import live_edits
from memory_editor.edits import Edit
from memory_editor.store import Store
from tests.fakes import put, vectors_of


def test_expired_removed_and_foreign_edits_are_left_out(tmp_path: Path) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    live = [Edit("Who runs Twitter?", "Ada", paraphrases=("The CEO is",)), Edit("Two plus two is", "five")]
    expired, removed = Edit("The sky is", "green", valid_until=past), Edit("Grass is", "blue")
    with Store(tmp_path / "facts.db") as store:
        put(store, *live, expired, removed, Edit("Snow is", "black", namespace="other"))
        store.remove([removed.id])
        edits, vectors = live_edits(store, "default")
    assert edits == live
    assert np.array_equal(vectors, [vectors_of(edit)[0] for edit in live])


def test_a_memory_without_edits_has_none(tmp_path: Path) -> None:
    with Store(tmp_path / "facts.db") as store:
        edits, vectors = live_edits(store, "default")
    assert (edits, len(vectors)) == ([], 0)
