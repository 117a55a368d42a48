"""Prompts in, routes out, by the distance of activations as GRACE does it; reads no text."""

from collections.abc import Sequence
from typing import Final

from memory_editor.adapters.codebook import Codebook, Match
from memory_editor.edits import Status
from memory_editor.errors import UnknownEdit
from memory_editor.scope.route import Kind, Route, ScoredEdit
from memory_editor.store import Store

_THRESHOLD: Final = 0.5


class CodebookRouter:
    """Decides by a codebook which edit answers a prompt: that of the nearest entry, if the prompt is in its radius.

    The probability is made from the distance, 0.5 at the radius; it is not calibrated. The store says which edits are
    live: an entry that is out of date answers nothing.
    """

    def __init__(self, codebook: Codebook, store: Store) -> None:
        self.codebook = codebook
        self.store = store

    def route(self, prompts: Sequence[str]) -> list[Route]:
        """Return one route a prompt; a route depends on its own prompt and the codebook alone."""
        matches = self.codebook.nearest(prompts)
        return [self._decide(prompt, match) for prompt, match in zip(prompts, matches, strict=True)]

    def _decide(self, prompt: str, match: Match | None) -> Route:
        scored = self._scored(match) if match else None
        if match and match.is_within and scored:
            return Route(prompt, (scored,), None, _THRESHOLD)
        return Route(prompt, (), scored, _THRESHOLD)

    def _scored(self, match: Match) -> ScoredEdit | None:
        try:
            record = self.store.get(match.edit)
        except UnknownEdit:
            return None
        if record.status is not Status.LIVE or not record.edit.is_valid():
            return None
        reason = f"activation distance {match.distance:.2f}, deferral radius {match.radius:.2f}"
        return ScoredEdit(record.edit, _probability(match), Kind.DIRECT, (reason,))


def _probability(match: Match) -> float:
    reach = max(0.0, match.radius)  # two keys in the same place leave one of them a radius just below 0
    return reach / (reach + match.distance) if match.distance else float(match.is_within)
