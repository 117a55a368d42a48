"""Stand-ins for the encoder and the scope classifier, and short ways to fill a store or a memory; no weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.memory import EditMemory
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.route import Kind, ScoredEdit
from memory_editor.store import Action, EncoderStamp, Note, Store, Vectors, key_texts
from memory_editor.text import words


class FakeEncoder:
    """A bag of words: texts that share words are alike, and the same words in any order are equal.

    The name decides the vectors, so two names are two encoders. `encoded` lists the texts that it was given.
    """

    def __init__(self, name: str = "fake", dimension: int = 32) -> None:
        self.name = name
        self.dimension = dimension
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            total = np.sum([_word_vector(self.name, self.dimension, word) for word in sorted(words(text)) or [""]], 0)
            vectors[row] = total / np.linalg.norm(total)
        return vectors


@cache
def _word_vector(name: str, dimension: int, word: str) -> NDArray[np.float64]:
    seed = int.from_bytes(blake2b(f"{name}/{word}".encode("utf-8", "surrogatepass"), digest_size=8).digest())
    return np.random.default_rng(seed).standard_normal(dimension)


@dataclass(frozen=True)
class FakeClassifier:
    """In scope is an edit's own prompt, and what mentions its subject and is alike; the reason is the similarity."""

    threshold: float = 0.5

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        return [
            [
                ScoredEdit(seen.edit, _probability(seen), Kind.DIRECT, (f"similarity {seen.similarity:.2f}",))
                for seen in row
            ]
            for row in found
        ]


def _probability(seen: Candidate) -> float:
    if seen.is_exact or seen.exclusion_similarity >= seen.similarity:
        return float(seen.is_exact)
    return min(0.99, max(0.01, seen.similarity if seen.mention.share == 1 else seen.similarity / 2))


def vectors_of(edit: Edit) -> Vectors:
    """Return the vectors that the fake encoder gives to the texts of an edit."""
    return FakeEncoder().encode(key_texts(edit))


def stamp() -> EncoderStamp:
    """Return a stamp of the fake encoder."""
    return EncoderStamp("fake", FakeEncoder().encode(["a fixed sentence"])[0])


def put(store: Store, *edits: Edit, note: Note | None = None) -> None:
    """Add edits to a store as one change."""
    with store.changing(Action.ADD, note) as change:
        change.stamp(stamp())
        for edit in edits:
            change.add(edit, vectors_of(edit))


def open_memory(path: Path, encoder: FakeEncoder | None = None, *, namespace: str = DEFAULT_NAMESPACE) -> EditMemory:
    """Open a memory with a fake encoder."""
    return EditMemory(Store(path), lambda: encoder or FakeEncoder(), namespace)
