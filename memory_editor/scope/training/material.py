"""What is trained on: examples for the pair model, and memories to simulate, in the proportions that work."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from memory_editor.encoder import Encoder
from memory_editor.scope.training.attributes import attribute_examples
from memory_editor.scope.training.catalogue import catalogue_examples
from memory_editor.scope.training.claims import Claims
from memory_editor.scope.training.counterfact import CounterFact
from memory_editor.scope.training.examples import Example
from memory_editor.scope.training.lexicon import build_lexicon
from memory_editor.scope.training.memories import (
    SimulatedMemory,
    catalogue_memory,
    claim_memory,
    counterfact_memory,
    everyday_queries,
    zsre_memory,
)
from memory_editor.scope.training.phrasings import Phrasings
from memory_editor.scope.training.sources import Sources
from memory_editor.scope.training.zsre import ZsRe


@dataclass(frozen=True)
class Sizes:
    """How much is made of the sources."""

    catalogue: int = 75_000
    """Examples of the phrasings."""
    counterfact: int = 10_000
    """Records that examples are made of."""
    zsre: int = 700
    """The same; the other records are asked of simulated memories."""
    claims: int = 8_000
    """Examples of sentences."""
    held_back: int = 3_000
    """Examples that are not trained on but measured, of all of these and of the relations left out."""
    attributes: int = 14_000
    """Examples that call relations by name; as many of the others are seen again, beside them."""
    beside: int = 4_000
    """Records of CounterFact that are live in its simulated memory besides those asked about."""
    everyday: int = 700
    simulated_catalogue: int = 4_800
    simulated_claims: int = 2_500
    queries: int = 3_000
    """How many prompts are asked of a simulated memory at most."""


STANDARD: Final = Sizes()
"""The proportions that the shipped classifier is trained in."""


class Material:
    """The sources, and what examples and memories are made of them without the relations left out."""

    def __init__(
        self, sources: Sources, phrasings: Phrasings, encoder: Encoder, left_out: frozenset[str], sizes: Sizes
    ) -> None:
        self.left_out = left_out
        self._sources = sources
        self._sizes = sizes
        self._all = frozenset(phrasings.relations)
        self._lexicon = build_lexicon(phrasings, sources)
        self._counterfact = CounterFact([*sources.counterfact, *sources.counterfact_val], self._lexicon)
        self._zsre = ZsRe(sources.zsre, self._lexicon, encoder)
        self._claims = Claims(sources.sentences, self._lexicon.names, encoder)

    def examples(self, rng: Random) -> list[Example]:
        """Return examples in random order, none of a relation left out."""
        kept = self._all - self.left_out
        requests = [one for one in self._sources.counterfact if not self._counterfact.may_ask_for(one, self.left_out)]
        numbers = [number for number in self._zsre_numbers()[0] if self._zsre.relation(number) in kept]
        rng.shuffle(requests)
        examples = [
            *catalogue_examples(self._lexicon, rng, self._sizes.catalogue, edited=kept, askable=kept),
            *self._counterfact.examples(requests[: self._sizes.counterfact], rng),
            *self._zsre.examples(numbers, rng, askable=kept),
            *self._claims.examples(self._sizes.claims, rng),
        ]
        rng.shuffle(examples)
        return examples

    def refinements(self, rng: Random) -> list[Example]:
        """Return examples to train on afterwards, in random order: attributes by name, among fresh ones of the rest."""
        kept = self._all - self.left_out
        attributes = attribute_examples(self._lexicon, rng, self._sizes.attributes, edited=kept, askable=kept)
        rest = self.examples(rng)[: self._sizes.attributes]
        refinements = [*attributes, *rest]
        rng.shuffle(refinements)
        return refinements

    def examples_left_out(self, rng: Random) -> list[Example]:
        """Return examples about facts of the relations left out."""
        if not self.left_out:
            return []
        count = self._sizes.held_back
        return [*catalogue_examples(self._lexicon, rng, count, edited=self.left_out, askable=self._all)]

    def memories(self, rng: Random) -> Iterator[SimulatedMemory]:
        """Yield the memories to simulate; all relations are asked for."""
        for make in (self._counterfact_memory, self._zsre_memory, self._catalogue_memory, self._claim_memory):
            memory = make(rng)
            count = min(self._sizes.queries, len(memory.queries))
            yield replace(memory, queries=tuple(rng.sample(memory.queries, count)))

    def _counterfact_memory(self, rng: Random) -> SimulatedMemory:
        sources = self._sources
        beside = sources.counterfact[: self._sizes.beside]
        memory = counterfact_memory(self._counterfact, sources.counterfact_val, beside, rng)
        questions = [sources.zsre[number].prompt for number in self._zsre_numbers()[1]]
        everyday = everyday_queries(memory, self._lexicon, questions, self._sizes.everyday, rng)
        return replace(memory, queries=(*memory.queries, *everyday))

    def _zsre_memory(self, rng: Random) -> SimulatedMemory:
        return zsre_memory(self._zsre, self._sources.zsre, self._zsre_numbers()[1], self._lexicon, rng)

    def _catalogue_memory(self, rng: Random) -> SimulatedMemory:
        count = self._sizes.simulated_catalogue
        examples = catalogue_examples(self._lexicon, rng, count, edited=self._all, askable=self._all)
        return catalogue_memory(examples, self._lexicon, self.left_out)

    def _claim_memory(self, rng: Random) -> SimulatedMemory:
        return claim_memory(self._claims.examples(self._sizes.simulated_claims, rng))

    def _zsre_numbers(self) -> tuple[range, range]:
        """Return the numbers of the records of zsRE that are trained on, and of those that are asked about."""
        numbers = range(len(self._sources.zsre))
        return numbers[: self._sizes.zsre], numbers[self._sizes.zsre :]
