"""Prompts in, routes out; needs no language model."""

from collections.abc import Sequence

from memory_editor.memory import EditMemory
from memory_editor.scope.candidates import Candidate, find_candidates
from memory_editor.scope.classifier import ScopeClassifier, SimilarityClassifier
from memory_editor.scope.route import Route


class Router:
    """Decides for each prompt which edits of a memory answer it, if any."""

    def __init__(self, memory: EditMemory, classifier: ScopeClassifier | None = None) -> None:
        self.memory = memory
        self.classifier = classifier or SimilarityClassifier()

    def route(self, prompts: Sequence[str]) -> list[Route]:
        """Return one route a prompt; a route depends on its own prompt and the memory alone."""
        found = find_candidates(self.memory, prompts)
        return [self._decide(prompt, candidates) for prompt, candidates in zip(prompts, found, strict=True)]

    def _decide(self, prompt: str, candidates: list[Candidate]) -> Route:
        threshold = self.classifier.threshold
        scored = [self.classifier.score(prompt, candidate) for candidate in candidates]
        # Of equals the later edit is the better informed; ids sort by time.
        scored.sort(key=lambda one: (one.probability, one.edit.id), reverse=True)
        if scored and scored[0].probability >= threshold:
            return Route(prompt, (scored[0],), scored[1] if len(scored) > 1 else None, threshold)
        return Route(prompt, (), scored[0] if scored else None, threshold)
