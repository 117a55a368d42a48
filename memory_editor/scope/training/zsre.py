"""Examples from zsRE: its questions and their paraphrases, and other questions about the same subject."""

from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Final

from memory_editor.encoder import Encoder
from memory_editor.scope.mention import MASK, find_mention
from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.sources import Request
from memory_editor.scope.training.wording import alias, longer, restyled

_ALIKE: Final = 0.8
"""Cosine similarity from which two questions ask for the same, their subjects aside."""

_UNLIKE: Final = 0.55
"""The same, below which a hard negative lies."""

_FAR: Final = 0.5
"""The same, below which a form of the phrasings is a negative."""

_FARTHEST: Final = 5 / 7
"""The share of the questions that may be negatives of one: those least similar to it."""

_HARD: Final = 60
"""How many negatives are hard: the most similar ones below `_UNLIKE`."""

_NEAR: Final = 20
"""How many questions that ask for the same are taken of another subject."""

_NAME: Final = "Anna"
"""Stands for every subject where questions are compared."""


class ZsRe:
    """Requests of zsRE, and how alike their questions are to each other and to the forms of the phrasings."""

    def __init__(self, requests: Sequence[Request], lexicon: Lexicon, encoder: Encoder) -> None:
        self._requests = requests
        self._lexicon = lexicon
        forms = [(relation, form) for relation, found in lexicon.forms.items() for form in found]
        self._relations = [relation for relation, _ in forms]
        self._column = {place: column for column, place in enumerate(forms)}
        questions = encoder.encode([_unnamed(request) for request in requests])
        self._similarity = questions @ questions.T
        self._to_forms = questions @ encoder.encode([form.replace("{}", _NAME) for _, form in forms]).T

    def relation(self, number: int) -> str:
        """Return the relation with the form that is most similar to the question of a request."""
        return self._relations[int(self._to_forms[number].argmax())]

    def examples(self, numbers: Sequence[int], rng: Random, *, askable: Collection[str]) -> Iterator[Example]:
        """Yield the examples of the requests with these numbers, each taken both ways round.

        Negatives ask what others of them ask, or for one of the relations `askable`.
        """
        names = sorted(askable)
        for number in numbers:
            request = self._requests[number]
            subject = request.subject
            for key, other in ((request.prompt, request.rephrase), (request.rephrase, request.prompt)):
                fact = Fact(subject, key, request.target_new)
                asked = [(other, Label.DIRECT, "paraphrase"), *self._negatives(number, numbers, rng)]
                if rng.random() < 0.3:
                    asked.append((other.replace(subject, alias(subject, rng)), Label.DIRECT, "alias"))
                if rng.random() < 0.2:
                    asked.append((other.replace(subject, longer(subject, rng)), Label.OUT, "longer name"))
                if rng.random() < 0.3 and (form := self._far_form(number, rng.choice(names), rng)):
                    asked.append((form.replace("{}", subject), Label.OUT, "form"))
                for prompt, label, how in asked:
                    yield Example(restyled(prompt, self._lexicon.sentences, rng), fact, label, f"zsre: {how}")

    def _negatives(self, number: int, numbers: Sequence[int], rng: Random) -> Iterator[tuple[str, Label, str]]:
        subject, similarity = self._requests[number].subject, self._similarity[number]
        others = sorted((other for other in numbers if other != number), key=lambda other: float(similarity[other]))
        far = others[: int(len(others) * _FARTHEST)]
        hard = [other for other in far if similarity[other] < _UNLIKE] or far
        for chosen in (hard[-_HARD:], far):
            if chosen:
                other = self._requests[rng.choice(chosen)]
                prompt = rng.choice([other.prompt, other.rephrase]).replace(other.subject, subject)
                yield prompt, Label.OUT, "other relation"
        alike = [other for other in others if similarity[other] > _ALIKE and self._requests[other].subject != subject]
        if alike:
            yield self._requests[rng.choice(alike[:_NEAR])].prompt, Label.OUT, "other subject"

    def _far_form(self, number: int, relation: str, rng: Random) -> str | None:
        form = rng.choice(self._lexicon.forms[relation])
        return form if self._to_forms[number, self._column[relation, form]] < _FAR else None


def _unnamed(request: Request) -> str:
    return find_mention(request.prompt, request.subject).masked.replace(MASK, _NAME)
