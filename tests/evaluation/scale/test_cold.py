"""A memory opened by a new process."""

from pathlib import Path

from memory_editor.edits import Edit
from memory_editor.encoder import DEFAULT_ENCODER
from memory_editor.evaluation.scale.cold import opened_anew
from memory_editor.memory import EditMemory


def test_a_new_process_says_what_opening_took(shipped: Path, tmp_path: Path) -> None:
    del shipped
    with EditMemory.open(tmp_path / "a.db") as memory:
        memory.add(Edit("The mayor of Lyon is", "Ada", subject="Lyon"))
    found = opened_anew(tmp_path / "a.db", DEFAULT_ENCODER, ["Who is the mayor of Lyon?", "Who sang yesterday?"])
    assert min(found.values()) > 0
    assert 0.1 < found["memory held, GB"] <= found["memory at its peak, GB"] < 3
