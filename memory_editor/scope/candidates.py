"""The few edits that a prompt might be in scope of, found by exact prompt, subject mention and nearest vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from memory_editor.edits import MAX_CHARACTERS, Edit
from memory_editor.indexes.base import Neighbour
from memory_editor.memory import EditMemory
from memory_editor.scope.mention import Mention, find_mention
from memory_editor.store import Vectors
from memory_editor.text import claimed, fingerprint, last_sentence, spans

NEAREST: Final = 10
"""How many of the nearest keys give candidates."""

ABOUT: Final = 64
"""How many edits are taken at most because the prompt mentions their subject, the most similar ones."""


READ_CHARACTERS: Final = 2 * MAX_CHARACTERS
"""How much of the end of a prompt is read: what it asks stands there, and no edit has a text longer than half of it."""


@dataclass(frozen=True)
class Candidate:
    """An edit that might answer a prompt, and what was seen of the two together."""

    edit: Edit
    is_exact: bool
    """Whether the prompt is one of the edit's keys, up to spelling."""
    mention: Mention
    """How the prompt mentions the edit's subject."""
    masked_fact: str
    """The fact in the wording of the key nearest to the prompt, its subject masked where the prompt's mention is."""
    similarity: float
    """Cosine similarity to the nearest of the edit's keys."""
    exclusion_similarity: float
    """The same for its exclusions; -1 without any."""


def find_candidates(memory: EditMemory, prompts: Sequence[str]) -> list[list[Candidate]]:
    """Return the candidates of each prompt, most similar first; expired edits are none.

    A prompt of several sentences is looked for by its last one as well, whatever stands before it, and one that asks
    whether a claim is true by the claim.
    """
    if not memory.count():
        return [[] for _ in prompts]
    readings = [_readings(_asked(memory, prompt[-READ_CHARACTERS:])) for prompt in prompts]
    vectors = memory.encoder.encode([text for texts in readings for text in texts])
    nearest = iter(zip(vectors, memory.nearest(vectors, NEAREST), strict=True))
    return [_candidates(memory, texts[0], list(islice(nearest, len(texts)))) for texts in readings]


def _asked(memory: EditMemory, prompt: str) -> str:
    """Return the claim where a prompt asks whether one is true and is no edit's own, else the prompt."""
    claim = claimed(prompt)
    return prompt if claim is None or [*memory.store.live_at([prompt], memory.namespace)] else claim


def _readings(prompt: str) -> list[str]:
    last = last_sentence(prompt)
    return [prompt] if last is None else [prompt, last]


def _candidates(memory: EditMemory, prompt: str, readings: list[tuple[Vectors, list[Neighbour]]]) -> list[Candidate]:
    store = memory.store
    asked = np.stack([vector for vector, _ in readings])
    with store.snapshot():
        found = dict(store.live_at([prompt], memory.namespace))
        found |= dict(store.nearest_about(spans(prompt), memory.namespace, asked, ABOUT))
        found |= dict(store.live_with_keys(neighbour.id for _, neighbours in readings for neighbour in neighbours))
        vectors = store.vectors_of(found)
    candidates = [_seen(prompt, asked, edit, *vectors[number]) for number, edit in found.items() if edit.is_valid()]
    return sorted(candidates, key=lambda candidate: (-candidate.similarity, candidate.edit.id))


def _seen(prompt: str, asked: Vectors, edit: Edit, keys: Vectors, exclusions: Vectors) -> Candidate:
    similarities = (keys @ asked.T).max(axis=1)
    nearest = int(similarities.argmax())
    excluded = float(np.max(exclusions @ asked.T)) if len(exclusions) else -1.0
    return as_candidate(prompt, edit, edit.keys[nearest], float(similarities[nearest]), excluded)


def as_candidate(prompt: str, edit: Edit, key: str, similarity: float, exclusion_similarity: float) -> Candidate:
    """Return `edit` as a candidate of `prompt`, whose vector is nearest to that of `key` among the edit's keys."""
    wanted = fingerprint(prompt)
    mention = find_mention(prompt, edit.subject)
    fact = edit.fact_as(key)
    return Candidate(
        edit=edit,
        is_exact=any(fingerprint(key) == wanted for key in edit.keys),
        mention=mention,
        masked_fact=find_mention(fact, edit.subject).masked if mention.is_masked else fact,
        similarity=similarity,
        exclusion_similarity=exclusion_similarity,
    )
