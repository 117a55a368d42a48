"""Where prompts lead in memories of several sizes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_editor.edits import Edit
from memory_editor.evaluation.scale.routing import STEPS, ask, ratios
from memory_editor.memory import EditMemory
from memory_editor.progress import no_progress
from memory_editor.store import Store
from tests.fakes import FakeClassifier, FakeEncoder

EDITS = [Edit(f"The mayor of Town {number} is", "Ada", subject=f"Town {number}") for number in range(30)]


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[dict[int, EditMemory]]:
    found = {size: EditMemory(Store(tmp_path / f"{size}.db"), FakeEncoder) for size in (2, 30)}
    for size, memory in found.items():
        memory.add_many(EDITS[:size])
    yield found
    for memory in found.values():
        memory.close()


def test_shares_say_what_each_memory_found(memories: dict[int, EditMemory]) -> None:
    right = [(f"is the mayor of Town {number}", EDITS[number].prompt) for number in (0, 20)]
    outside = ["why is the sky blue", "is the mayor of Town 25"]
    found = ask(memories, FakeClassifier(), right, outside, no_progress)
    shares = {size: one.values(2, 2) for size, one in found.items()}
    assert {size: values["right candidate, %"] for size, values in shares.items()} == {2: 50, 30: 100}
    assert {size: values["paraphrase routed to its edit, %"] for size, values in shares.items()} == {2: 50, 30: 100}
    assert {size: values["everyday question routed to an edit, %"] for size, values in shares.items()} == {2: 0, 30: 50}
    for one in found.values():
        assert {step: len(seconds) for step, seconds in one.seconds.items()} == dict.fromkeys(STEPS, 2)


def test_ratios_come_with_an_interval_around_them() -> None:
    assert ratios([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == {name: [2.0, 2.0, 2.0] for name in ("p50", "p95", "mean")}
    value, low, high = ratios([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0])["mean"]
    assert value == 2.5
    assert 1 <= low < value < high <= 4
