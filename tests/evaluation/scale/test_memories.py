"""Memories of the first so many edits."""

from pathlib import Path

import numpy as np

from memory_editor.edits import Status
from memory_editor.evaluation.scale.memories import change_singly, fill
from memory_editor.evaluation.scale.vectors import KeptVectors
from memory_editor.memory import EditMemory
from memory_editor.progress import no_progress
from memory_editor.store import Filter, Store
from tests.fakes import FakeEncoder

EDITS = [
    {"prompt": f"The mayor of Town {number} is", "target_new": "Ada", "subject": f"Town {number}"}
    for number in range(12)
]


def filled(folder: Path, count: int) -> Path:
    vectors = KeptVectors([edit["prompt"] for edit in EDITS], folder)
    vectors.encode(FakeEncoder(), no_progress)
    assert fill(folder / "a.db", EDITS[:count], vectors, FakeEncoder(), no_progress) > 0
    return folder / "a.db"


def test_a_memory_holds_the_first_edits_with_their_vectors(tmp_path: Path) -> None:
    with EditMemory(Store(filled(tmp_path, 9)), FakeEncoder) as memory:
        assert [record.edit.prompt for record in memory.store.select()] == [edit["prompt"] for edit in EDITS[:9]]
        (found,) = memory.nearest(FakeEncoder().encode([EDITS[4]["prompt"]]), 1)
        assert np.isclose(found[0].similarity, 1)


def test_adding_and_removing_one_by_one_leaves_what_was_live(tmp_path: Path) -> None:
    with EditMemory(Store(filled(tmp_path, 3)), FakeEncoder) as memory:
        speeds = change_singly(memory)
        live = [record.edit.prompt for record in memory.store.select(Filter(status=Status.LIVE))]
    assert live == [edit["prompt"] for edit in EDITS[:3]]
    assert [*speeds] == ["added one by one, edits/s", "removed one by one, edits/s"]
    assert min(speeds.values()) > 0
