"""Whether a requested edit asks for what a live one says, by the scope classifier; knows no memory that holds them."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby

from memory_editor.memory import Pair
from memory_editor.scope.candidates import as_candidate
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.route import Kind


class ScopeJudge:
    """Judges a requested edit as if its prompt were asked: would the live edit answer it, and not by consequence?"""

    def __init__(self, load: Callable[[], ScopeClassifier]) -> None:
        self._load = load

    def probabilities(self, pairs: Sequence[Pair]) -> list[float]:
        """Return how probable that is for each pair; the classifier is loaded when first needed."""
        found = [
            [as_candidate(p.prompt, p.live, p.key, p.similarity, p.exclusion_similarity) for p in one]
            for _, one in groupby(pairs, key=lambda pair: pair.edit.id)
        ]
        scored = [one for row in self._classifier.score(found) for one in row]
        return [one.probability if one.kind is Kind.DIRECT else 0.0 for one in scored]

    @cached_property
    def _classifier(self) -> ScopeClassifier:
        return self._load()
