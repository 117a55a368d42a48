"""Processes share one memory: what was acknowledged to any of them outlives its death."""

import random
from pathlib import Path

from benchmarks.durability import kill_round
from memory_editor.store import Store


def test_what_was_acknowledged_survives_kill_9(path: Path) -> None:
    chance = random.Random()
    for _ in range(5):
        found = kill_round(path, writers=1, longest=0.2, chance=chance)
        assert (found.lost, found.problems) == (0, ())
        assert found.unannounced <= 1


def test_two_processes_write_at_once_and_lose_nothing(path: Path) -> None:
    found = kill_round(path, writers=2, longest=0.2, chance=random.Random(), each=20)
    assert (found.lost, found.problems) == (0, ())
    assert found.unannounced <= 2
    with Store(path) as store:
        actors = [change.note.actor for change in store.history()]
        assert store.generation == store.count() == len(actors) == sum(found.acknowledged) + found.unannounced
    assert set(actors) == {"writer-0", "writer-1"}
