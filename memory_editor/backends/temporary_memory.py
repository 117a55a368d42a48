"""An edit memory that lives as long as edits of a backend stand; knows no method."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from memory_editor.edits import Edit
from memory_editor.encoder import Encoder
from memory_editor.memory import EditMemory, Judge, OnConflict
from memory_editor.progress import Progress
from memory_editor.store import Store


def temporary_memory(
    kept: ExitStack, edits: Sequence[Edit], encoder: Encoder, judge: Judge | None, progress: Progress
) -> EditMemory:
    """Return a memory of edits in a folder that is deleted when `kept` is closed.

    With a `judge`, later edits supersede those that they contradict beyond doubt; without one, all but those with the
    same prompt or the same subject and relation stay.
    """
    folder = Path(kept.enter_context(TemporaryDirectory(prefix="memedit-")))
    memory = kept.enter_context(EditMemory(Store(folder / "edits.db"), lambda: encoder, judge=judge))
    on_conflict = OnConflict.REPORT if judge else OnConflict.KEEP_BOTH
    with progress("adding edits", len(edits)) as report:
        memory.add_many(edits, on_conflict=on_conflict, on_progress=report)
    return memory


def size_of(memory: EditMemory) -> int:
    """Return how many bytes the memory's files have."""
    return sum(path.stat().st_size for path in memory.store.path.parent.rglob("*") if path.is_file())
