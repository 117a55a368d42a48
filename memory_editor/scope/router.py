"""Prompts in, routes out; needs no language model."""

import threading
from collections.abc import Iterable, Sequence
from itertools import chain, islice

from memory_editor.edits import EditId
from memory_editor.memory import EditMemory
from memory_editor.scope.candidates import READ_CHARACTERS, find_candidates
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.files import load_classifier
from memory_editor.scope.route import Route, ScoredEdit
from memory_editor.text import normalised, questions


class Router:
    """Decides for each prompt which edits of a memory answer it, if any."""

    def __init__(
        self, memory: EditMemory, classifier: ScopeClassifier | None = None, *, min_margin: float = 0.0
    ) -> None:
        """Route by `classifier`, by default the one that comes with the package.

        The router abstains, so that the base model answers, where an edit leads one with another answer by less than
        `min_margin`.
        """
        self.memory = memory
        self.min_margin = min_margin
        self._given = classifier
        self._lock = threading.Lock()

    @property
    def classifier(self) -> ScopeClassifier:
        """The scope classifier, loaded when first asked for."""
        with self._lock:
            if self._given is None:
                self._given = load_classifier()
            return self._given

    def route(self, prompts: Sequence[str]) -> list[Route]:
        """Return one route a prompt; a route depends on its own prompt and the memory alone.

        A prompt that asks several questions is in scope of what any of them is in scope of.
        """
        asked = [[prompt, *questions(prompt[-READ_CHARACTERS:])] for prompt in prompts]
        texts = [text for parts in asked for text in parts]
        scored = iter(self.classifier.score(find_candidates(self.memory, texts)))
        merged = [_merged(islice(scored, len(parts))) for parts in asked]
        return [self._decide(prompt, edits) for prompt, edits in zip(prompts, merged, strict=True)]

    def _decide(self, prompt: str, scored: list[ScoredEdit]) -> Route:
        threshold = self.classifier.threshold
        # Of equals the later edit is the better informed; ids sort by time.
        ranked = sorted(scored, key=lambda one: (one.probability, one.edit.id), reverse=True)
        answering: list[ScoredEdit] = []
        for one in ranked:
            if one.probability >= threshold and not any(_ask_alike(one, other) for other in answering):
                answering.append(one)
        rival = next((one for one in ranked[1:] if _disagree(ranked[0], one)), None)
        if answering and rival and ranked[0].probability - rival.probability < self.min_margin:
            return Route(prompt, (), ranked[0], threshold, abstained=True)
        runner_up = next((one for one in ranked if one not in answering), None)
        return Route(prompt, tuple(answering), runner_up, threshold)


def _merged(found: Iterable[list[ScoredEdit]]) -> list[ScoredEdit]:
    """Return each edit as it was scored best."""
    best: dict[EditId, ScoredEdit] = {}
    for one in chain.from_iterable(found):
        if one.edit.id not in best or one.probability > best[one.edit.id].probability:
            best[one.edit.id] = one
    return [*best.values()]


def _ask_alike(one: ScoredEdit, other: ScoredEdit) -> bool:
    """Say whether two edits answer a question about one subject: one prompt hardly ever asks two of them."""
    pair = one.edit, other.edit
    return not any(edit.is_statement for edit in pair) and len({edit.subject_key for edit in pair}) == 1


def _disagree(one: ScoredEdit, other: ScoredEdit) -> bool:
    answers = [normalised(scored.edit.target_new or scored.edit.prompt) for scored in (one, other)]
    return answers[0] != answers[1]
