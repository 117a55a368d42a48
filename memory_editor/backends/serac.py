"""SERAC as published: the nearest edit answers where its similarity is above one half; knows no memory.

Mitchell et al. 2022, "Memory-Based Model Editing at Scale".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from memory_editor.adapters.choosing import choose_adapter
from memory_editor.adapters.names import AdapterName
from memory_editor.backends.nearest import Nearest, NearestText
from memory_editor.backends.routed_undo import RoutedUndo
from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.encoder import DEFAULT_ENCODER, Encoder, load_encoder
from memory_editor.errors import ConfigError, InvalidEdit
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.route import Kind, Route, ScoredEdit

THRESHOLD: Final = 0.5
"""The similarity from which an edit answers (section 3.2 of the paper)."""


@dataclass(frozen=True, kw_only=True)
class Serac:
    """A scope classifier of embeddings, `exp(-scale * d²)` over squared distances, and a counterfactual model.

    The paper's classifier embeds with a distilbert that is trained on the data set at hand, its counterfactual model is
    a small language model trained to answer from the edit put before the prompt. Here the classifier embeds with the
    encoder that every other method has, whose vectors have unit length, and the counterfactual model is the base model
    with an adapter.
    """

    name: ClassVar[str] = "serac"

    adapter: str = AdapterName.AUTO
    """The counterfactual model: "auto" for the one trained to follow edits, "in-context" for the base model itself."""
    encoder: str = DEFAULT_ENCODER
    scale: float = 1.0
    """By what the squared distance is multiplied; learnt in the published code from a start of 1."""

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ConfigError(f"scale must be above 0, got {self.scale}")

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> RoutedUndo:
        """Return a model that answers prompts from their nearest edit, if it is similar enough."""
        adapter = choose_adapter(self.adapter, base, Path(), DEFAULT_NAMESPACE)
        nearest = nearest_edit(edits, self._encoder, progress)

        def route(prompts: Sequence[str]) -> list[Route]:
            found = zip(prompts, nearest.find(prompts), strict=True)
            return [self._decide(prompt, edits[one.place], one) for prompt, one in found]

        return RoutedUndo(base, route, adapter, size=size_of(edits, nearest))

    def _decide(self, prompt: str, edit: Edit, found: Nearest) -> Route:
        similarity = math.exp(-self.scale * found.squared)
        reason = f"similarity {similarity:.2f}, distance {math.sqrt(found.squared):.2f}"
        scored = ScoredEdit(edit, similarity, Kind.DIRECT, (reason,))
        if similarity > THRESHOLD:
            return Route(prompt, (scored,), None, THRESHOLD)
        return Route(prompt, (), scored, THRESHOLD)

    def load(self) -> None:
        """Load the encoder."""
        _ = self._encoder

    @cached_property
    def _encoder(self) -> Encoder:
        return load_encoder(self.encoder)


def nearest_edit(edits: Sequence[Edit], encoder: Encoder, progress: Progress) -> NearestText:
    """Return the search over the texts of edits, prompt and target together, as the paper embeds them."""
    if not edits:
        raise InvalidEdit("there are no edits to find the nearest of; give at least one")
    with progress("encoding edits", len(edits)) as report:
        nearest = NearestText([edit.fact for edit in edits], encoder)
        report(len(edits))
    return nearest


def size_of(edits: Sequence[Edit], nearest: NearestText) -> int:
    """Return how many bytes the texts of edits and their vectors take."""
    return nearest.vectors.nbytes + sum(len(edit.to_json().encode()) for edit in edits)
