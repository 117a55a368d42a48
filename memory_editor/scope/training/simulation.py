"""Asks simulated memories: which candidates the router would see of a prompt; judges none of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from memory_editor.encoder import Encoder
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.scope.candidates import Candidate, find_candidates
from memory_editor.scope.training.memories import Query, SimulatedMemory
from memory_editor.store import Store
from memory_editor.text import fingerprint

_AT_ONCE: Final = 64


@dataclass(frozen=True)
class Seen:
    """A query, and the candidates that were found for it."""

    query: Query
    candidates: tuple[Candidate, ...]


def simulate(
    memory: SimulatedMemory, encoder: Encoder, on_progress: Callable[[int], None] = lambda _: None
) -> list[Seen]:
    """Keep the edits in a memory and return what is found for each query that is as it was meant to be.

    Dropped are queries whose edit was superseded, and out-of-scope ones that are the very prompt of an edit.
    `on_progress` is told the number of queries dropped or asked so far.
    """
    with TemporaryDirectory() as folder, EditMemory(Store(Path(folder) / "edits.db"), lambda: encoder) as opened:
        added = opened.add_many(memory.edits, on_conflict=OnConflict.KEEP_BOTH)
        superseded = {edit.id for edit in added.superseded}
        stored = {
            asked.id: live.id
            for asked, live in zip(memory.edits, added.edits, strict=True)
            if live.id not in superseded
        }
        prompts = {fingerprint(edit.prompt) for edit in added.edits}
        queries = [
            replace(query, owner=stored[query.owner]) if query.owner else query
            for query in memory.queries
            if (query.owner in stored if query.owner else fingerprint(query.prompt) not in prompts)
        ]
        dropped = len(memory.queries) - len(queries)
        seen: list[Seen] = []
        for start in range(0, len(queries), _AT_ONCE):
            batch = queries[start : start + _AT_ONCE]
            found = find_candidates(opened, [query.prompt for query in batch])
            seen += [Seen(query, tuple(candidates)) for query, candidates in zip(batch, found, strict=True)]
            on_progress(dropped + len(seen))
    return seen
