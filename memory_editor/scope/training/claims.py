"""Examples from single sentences of Wikipedia taken as claims: restated, denied, and other claims of the subject."""

import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

import numpy as np

from memory_editor.encoder import Encoder
from memory_editor.errors import DataError
from memory_editor.scope.mention import MASK, find_mention
from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.wording import claimed_anew
from memory_editor.text import infer_subject

_MOST: Final = 4_000
"""How many sentences are used at most; their similarities are a square matrix."""

_NEAR: Final = 12
"""How many claims are near to one, those most similar to it with the subjects aside."""

_WORDS: Final = range(5, 31)
_OPENING: Final = 45
"""Within how many characters of its beginning a claim names its subject."""

_NAME_CHARACTERS: Final = range(3, 50)
_VERB: Final = re.compile(
    r"\b(is|was|were|are|has|had|became|released|won|played|wrote|directed|founded|born|died|moved|joined|made|began|"
    r"started|served|worked|appeared|received|produced)\b"
)


class Claim(NamedTuple):
    """A sentence that says something of a subject."""

    text: str
    subject: str


class Claims:
    """Claims, and which of them are alike."""

    def __init__(self, sentences: Sequence[str], names: Sequence[str], encoder: Encoder) -> None:
        self._claims = list(_claims(sentences))[:_MOST]
        if len(self._claims) < 2:
            raise DataError(f"{len(self._claims)} of {len(sentences)} sentences say something of a subject; give more")
        self._names = names
        vectors = encoder.encode([find_mention(*claim).masked.replace(MASK, "it") for claim in self._claims])
        similarities = vectors @ vectors.T
        np.fill_diagonal(similarities, -1)
        self._near = np.argsort(-similarities, axis=1)[:, : min(_NEAR, len(self._claims) - 1)]

    def examples(self, count: int, rng: Random) -> Iterator[Example]:
        """Yield `count` examples, half of them in scope."""
        for _ in range(count):
            number = rng.randrange(len(self._claims))
            text, subject = self._claims[number]
            fact = Fact(subject, text if rng.random() < 0.5 else self._anew(text, subject, rng))
            if rng.random() < 0.5:
                yield Example(self._anew(text, subject, rng), fact, Label.DIRECT, "claims: same")
            elif rng.random() < 0.75:
                yield Example(self._other(number, subject, rng), fact, Label.OUT, "claims: other claim")
            else:
                near = self._claims[rng.choice(self._near[number].tolist())]
                yield Example(near.text, fact, Label.OUT, "claims: other subject")

    def _other(self, number: int, subject: str, rng: Random) -> str:
        """Return what another claim says, said of `subject`."""
        near = rng.random() < 0.7
        other = self._claims[rng.choice(self._near[number].tolist()) if near else self._any_but(number, rng)]
        moved = other.text.replace(other.subject, subject, 1)
        return self._anew(moved, subject, rng) if rng.random() < 0.5 else moved

    def _any_but(self, number: int, rng: Random) -> int:
        found = rng.randrange(len(self._claims) - 1)
        return found + (found >= number)

    def _anew(self, text: str, subject: str, rng: Random) -> str:
        return claimed_anew(text, subject, self._names, rng)


def _claims(sentences: Sequence[str]) -> Iterator[Claim]:
    for text in sentences:
        if len(text.split()) in _WORDS and _VERB.search(text):
            subject = infer_subject(text)
            if subject and len(subject) in _NAME_CHARACTERS and 0 <= text.find(subject) < _OPENING:
                yield Claim(text, subject)
