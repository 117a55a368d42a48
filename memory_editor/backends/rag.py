"""Plain retrieval: the nearest edit is always put before the prompt; nothing decides whether it answers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from memory_editor.adapters.choosing import choose_adapter
from memory_editor.adapters.names import AdapterName
from memory_editor.backends.nearest import Nearest
from memory_editor.backends.routed_undo import RoutedUndo
from memory_editor.backends.serac import nearest_edit, size_of
from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.encoder import DEFAULT_ENCODER, Encoder, load_encoder
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.route import Kind, Route, ScoredEdit


@dataclass(frozen=True, kw_only=True)
class Rag:
    """The nearest edit in context, whatever is asked: the baseline that a router has to beat."""

    name: ClassVar[str] = "rag"

    adapter: str = AdapterName.IN_CONTEXT
    """What reads the edit: "in-context" for the base model itself, "auto" for the one trained to follow edits."""
    encoder: str = DEFAULT_ENCODER

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> RoutedUndo:
        """Return a model that reads the nearest edit before every prompt."""
        adapter = choose_adapter(self.adapter, base, Path(), DEFAULT_NAMESPACE)
        nearest = nearest_edit(edits, self._encoder, progress)

        def route(prompts: Sequence[str]) -> list[Route]:
            found = zip(prompts, nearest.find(prompts), strict=True)
            return [_always(prompt, edits[one.place], one) for prompt, one in found]

        return RoutedUndo(base, route, adapter, size=size_of(edits, nearest))

    def load(self) -> None:
        """Load the encoder."""
        _ = self._encoder

    @cached_property
    def _encoder(self) -> Encoder:
        return load_encoder(self.encoder)


def _always(prompt: str, edit: Edit, found: Nearest) -> Route:
    cosine = 1 - found.squared / 2
    scored = ScoredEdit(edit, max(0.0, cosine), Kind.DIRECT, (f"nearest, cosine similarity {cosine:.2f}",))
    return Route(prompt, (scored,), None, 0.0)
