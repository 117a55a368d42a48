"""Prompts in, routes out; needs no language model."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice

from memory_editor.edits import EditId
from memory_editor.memory import EditMemory
from memory_editor.scope.candidates import READ_CHARACTERS, find_candidates
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.files import load_classifier
from memory_editor.scope.route import Route, ScoredEdit
from memory_editor.text import fingerprint, normalised, questions


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
        return [
            self._decide(prompt, [_but_excluded(prompt, found) for found in islice(scored, len(parts))])
            for prompt, parts in zip(prompts, asked, strict=True)
        ]

    def _decide(self, prompt: str, found: list[list[ScoredEdit]]) -> Route:
        """Return the route of a prompt of which the whole, and each of several questions, has its scored edits."""
        whole, *parts = (sorted(scored, key=_rank, reverse=True) for scored in found)
        answering: list[ScoredEdit] = []
        contested: list[ScoredEdit] = []
        for ranked in parts:
            (contested if self._is_contested(ranked) else answering).extend(self._reaching(ranked, ()))
        # What the questions decide by themselves, the whole does not decide again.
        new = self._reaching(whole, [*answering, *contested])
        (contested if self._is_contested(whole) else answering).extend(new)
        best = {one.edit.id: one for one in sorted(chain(whole, *parts), key=_rank)}
        merged = sorted(best.values(), key=_rank, reverse=True)
        ids, open_ids = ({one.edit.id for one in some} for some in (answering, contested))
        edits = [one for one in merged if one.edit.id in ids]
        others = [one for one in merged if one.edit.id not in (ids | open_ids if edits else ids)]
        abstained = bool(contested) and not edits
        return Route(prompt, tuple(edits), others[0] if others else None, self.classifier.threshold, abstained)

    def _reaching(self, ranked: list[ScoredEdit], decided: Sequence[ScoredEdit]) -> list[ScoredEdit]:
        """Return which edits reach the threshold: of those that ask alike the first, of what is decided none."""
        reaching: list[ScoredEdit] = []
        for one in ranked:
            if one.probability >= self.classifier.threshold and not any(
                _ask_alike(one, other) for other in (*decided, *reaching)
            ):
                reaching.append(one)
        return reaching

    def _is_contested(self, ranked: list[ScoredEdit]) -> bool:
        """Say whether the best edit leads one with another answer by too little."""
        rival = next((one for one in ranked[1:] if _disagree(ranked[0], one)), None)
        return rival is not None and ranked[0].probability - rival.probability < self.min_margin


def _rank(one: ScoredEdit) -> tuple[float, EditId]:
    # Of equals the later edit is the better informed; ids sort by time.
    return one.probability, one.edit.id


def _but_excluded(prompt: str, scored: list[ScoredEdit]) -> list[ScoredEdit]:
    """Return scored edits without those of which the whole prompt is an exclusion, whatever its parts ask."""
    wanted = fingerprint(prompt)
    return [
        replace(one, probability=0.0, reasons=("the prompt is one of the edit's exclusions",))
        if any(fingerprint(text) == wanted for text in one.edit.exclusions)
        else one
        for one in scored
    ]


def _ask_alike(one: ScoredEdit, other: ScoredEdit) -> bool:
    """Say whether two edits answer a question about one subject: one question hardly ever asks two of them."""
    pair = one.edit, other.edit
    return not any(edit.is_statement for edit in pair) and len({edit.subject_key for edit in pair}) == 1


def _disagree(one: ScoredEdit, other: ScoredEdit) -> bool:
    answers = [normalised(scored.edit.target_new or scored.edit.prompt) for scored in (one, other)]
    return answers[0] != answers[1]
