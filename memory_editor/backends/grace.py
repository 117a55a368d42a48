"""GRACE as a backend: a codebook of learnt values, routed by the distance of activations as published.

Hartvigsen et al. 2023, "Aging with GRACE: Lifelong Model Editing with Discrete Key-Value Adaptors".
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from memory_editor.adapters.codebook import Codebook, CodebookAdapter
from memory_editor.adapters.codebook.codebook import RADIUS, STEPS
from memory_editor.backends.routed_undo import RoutedUndo
from memory_editor.backends.temporary_memory import temporary_memory
from memory_editor.edits import Edit
from memory_editor.encoder import DEFAULT_ENCODER, Encoder, load_encoder
from memory_editor.language_model import LanguageModel
from memory_editor.layers import widths
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.codebook_router import CodebookRouter


@dataclass(frozen=True, kw_only=True)
class Grace:
    """A key and a value an edit at one projection; a prompt whose activation is near enough to a key is answered."""

    name: ClassVar[str] = "grace"

    projection: str | None = None
    """The module whose output is replaced; by default the MLP's last projection at five sixths of the depth."""
    radius: float = RADIUS
    """The deferral radius with which a key begins; the paper's is 1."""
    steps: int = STEPS
    """How many steps a value is learnt in at most; the paper's are 100."""

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> RoutedUndo:
        """Return a model with a value learnt for each edit; raises `InvalidEdit` for a statement."""
        codebook = Codebook(base, projection=self.projection, radius=self.radius, steps=self.steps)
        with progress("learning values", len(edits)) as report:
            codebook.add(edits, on_progress=report)
        with ExitStack() as building:
            memory = temporary_memory(building, edits, self._encoder, None, progress)
            live = {record.edit.id for record in memory.store.select()}
            codebook.remove(*({*codebook.ids} - live))
            router = CodebookRouter(codebook, memory.store)
            kept = building.pop_all()
        return RoutedUndo(base, router.route, CodebookAdapter(codebook), size=_size_of(codebook, base), kept=kept)

    def load(self) -> None:
        """Load the encoder."""
        _ = self._encoder

    @cached_property
    def _encoder(self) -> Encoder:
        return load_encoder(DEFAULT_ENCODER)


def _size_of(codebook: Codebook, base: LanguageModel) -> int:
    """Return how many bytes keys and values take, in single precision."""
    return 4 * len(codebook.ids) * sum(widths(base.model, codebook.projection))
