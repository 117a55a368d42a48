"""The few edits that a prompt might be in scope of, found by exact prompt, subject mention and nearest vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from memory_editor.edits import MAX_CHARACTERS, Edit
from memory_editor.memory import EditMemory
from memory_editor.store import Vectors
from memory_editor.text import fingerprint, mentions, spans

NEAREST: Final = 10
"""How many of the nearest keys give candidates."""

ABOUT: Final = 64
"""How many edits are taken at most because the prompt mentions their subject."""


READ_CHARACTERS: Final = 2 * MAX_CHARACTERS
"""How much of the end of a prompt is read: what it asks stands there, and no edit has a text longer than half of it."""


@dataclass(frozen=True)
class Candidate:
    """An edit that might answer a prompt, and what was seen of the two together."""

    edit: Edit
    is_exact: bool
    """Whether the prompt is one of the edit's keys, up to spelling."""
    mentions_subject: bool
    similarity: float
    """Cosine similarity to the nearest of the edit's keys."""
    exclusion_similarity: float
    """The same for its exclusions; -1 without any."""


def find_candidates(memory: EditMemory, prompts: Sequence[str]) -> list[list[Candidate]]:
    """Return the candidates of each prompt, most similar first; expired edits are none."""
    if not memory.count():
        return [[] for _ in prompts]
    prompts = [prompt[-READ_CHARACTERS:] for prompt in prompts]
    vectors = memory.encoder.encode(prompts)
    nearest = memory.nearest(vectors, NEAREST)
    return [
        _candidates(memory, prompt, vector, [neighbour.id for neighbour in neighbours])
        for prompt, vector, neighbours in zip(prompts, vectors, nearest, strict=True)
    ]


def _candidates(memory: EditMemory, prompt: str, vector: Vectors, keys: list[int]) -> list[Candidate]:
    store = memory.store
    found = dict(store.live_at([prompt], memory.namespace))
    found |= dict(store.live_about(spans(prompt), memory.namespace, ABOUT))
    found |= dict(store.live_with_keys(keys))
    vectors = store.vectors_of(found)
    candidates = [_seen(prompt, vector, edit, *vectors[number]) for number, edit in found.items() if edit.is_valid()]
    return sorted(candidates, key=lambda candidate: (-candidate.similarity, candidate.edit.id))


def _seen(prompt: str, vector: Vectors, edit: Edit, keys: Vectors, exclusions: Vectors) -> Candidate:
    wanted = fingerprint(prompt)
    return Candidate(
        edit=edit,
        is_exact=any(fingerprint(key) == wanted for key in edit.keys),
        mentions_subject=bool(edit.subject) and mentions(prompt, edit.subject or ""),
        similarity=float(np.max(keys @ vector)),
        exclusion_similarity=float(np.max(exclusions @ vector)) if len(exclusions) else -1.0,
    )
