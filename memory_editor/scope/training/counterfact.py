"""Examples from CounterFact: its own paraphrases and near misses, and other relations asked of the same subject."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Final

from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.sources import Request
from memory_editor.scope.training.wording import alias, longer, restyled

_TRIES: Final = 30
"""How many requests are looked at for one that asks for something unlike."""

_OTHER_KINDS: Final = 0.2
"""How often that may be what is asked of other kinds of subjects only."""


class CounterFact:
    """Requests of CounterFact, and what is known of the relations that they ask for."""

    def __init__(self, requests: Sequence[Request], lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._answers: dict[str, set[str]] = defaultdict(set)
        self._asking: dict[str, list[Request]] = defaultdict(list)
        for request in requests:
            self._answers[request.template].add(request.target_true)
            self._asking[request.template].append(request)
        self._relations = {
            template: lexicon.relations_of(template, answers) for template, answers in self._answers.items()
        }
        relations = lexicon.phrasings.relations
        self._close = {
            template: frozenset(close for name in names for close in relations[name].close)
            for template, names in self._relations.items()
        }
        self._kinds = {
            template: frozenset(kind for name in names for kind in relations[name].kinds)
            for template, names in self._relations.items()
        }

    def may_ask_for(self, request: Request, relations: Collection[str]) -> bool:
        """Say whether a request may ask for one of the relations."""
        return not self._relations[request.template].isdisjoint(relations)

    def are_unlike(self, template: str, other: str) -> bool:
        """Say whether two templates share no true answer and ask for no relations that are close to each other."""
        return self._answers[template].isdisjoint(self._answers[other]) and self._close[template].isdisjoint(
            self._relations[other]
        )

    def examples(self, requests: Sequence[Request], rng: Random) -> Iterator[Example]:
        """Yield the examples of requests, whose negatives ask what others of them ask."""
        for request in requests:
            fact = Fact(request.subject, request.prompt, request.target_new)
            for prompt, label, how in self._asked(request, requests, rng):
                yield Example(prompt, fact, label, f"counterfact: {how}")

    def _asked(self, request: Request, requests: Sequence[Request], rng: Random) -> Iterator[tuple[str, Label, str]]:
        subject, rephrase, sentences = request.subject, request.rephrase, self._lexicon.sentences
        yield rephrase if rng.random() < 0.95 else restyled(rephrase, sentences, rng), Label.DIRECT, "paraphrase"
        if rng.random() < 0.1:
            yield restyled(request.prompt, sentences, rng), Label.DIRECT, "own prompt"
        if other := self._unlike(request, requests, rng):
            prompt = rng.choice([other.rephrase, other.rephrase, other.prompt])
            yield prompt.replace(other.subject, subject), Label.OUT, "other relation"
        if rng.random() < 0.15 and (near := self._alike(request, rng)):
            yield rng.choice([near.prompt, near.rephrase]), Label.OUT, "other subject"
        if rng.random() < 0.1:
            yield rephrase.replace(subject, self._lexicon.related(subject, rng)), Label.OUT, "related subject"
        if rng.random() < 0.06:
            yield rephrase.replace(subject, longer(subject, rng)), Label.OUT, "longer name"
        if rng.random() < 0.06:
            yield rephrase.replace(subject, alias(subject, rng)), Label.DIRECT, "alias"

    def _alike(self, request: Request, rng: Random) -> Request | None:
        """Return a request that asks the same of another subject."""
        other = rng.choice(self._asking[request.template])
        return None if other.subject == request.subject else other

    def _unlike(self, request: Request, requests: Sequence[Request], rng: Random) -> Request | None:
        """Return a request that asks for something unlike, most often of the same kind of subject."""
        for _ in range(_TRIES):
            other = rng.choice(requests)
            if not self.are_unlike(request.template, other.template):
                continue
            if self._kinds[request.template] & self._kinds[other.template] or rng.random() < _OTHER_KINDS:
                return other
        return None
