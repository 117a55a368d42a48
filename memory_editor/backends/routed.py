"""The project's own method as a backend: prompts routed by the scope classifier over a memory of the edits."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from memory_editor.adapters.choosing import choose_adapter
from memory_editor.adapters.names import AdapterName
from memory_editor.backends.routed_undo import RoutedUndo
from memory_editor.backends.temporary_memory import size_of, temporary_memory
from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.encoder import DEFAULT_ENCODER, Encoder, load_encoder
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.files import MAX_FALSE_ACCEPT, SHIPPED, load_classifier
from memory_editor.scope.judge import ScopeJudge
from memory_editor.scope.router import Router

_NEED_A_MEMORY: Final = (AdapterName.CODEBOOK, AdapterName.BANK)


@dataclass(frozen=True, kw_only=True)
class Routed:
    """Edits in a memory, found and judged by the scope classifier, answered by an adapter; changes no weights."""

    name: ClassVar[str] = "ours"

    adapter: str = AdapterName.AUTO
    """What answers in scope: "auto", "in-context", or the folder of a trained adapter."""
    encoder: str = DEFAULT_ENCODER
    """The sentence encoder that finds candidates."""
    scope: str | None = None
    """The folder of the scope classifier; none for the one that comes with the package."""
    max_false_accept: float = MAX_FALSE_ACCEPT
    """The share of out-of-scope prompts that an edit may answer; decides the classifier's threshold."""

    def __post_init__(self) -> None:
        if not 0 < self.max_false_accept < 1:
            raise ConfigError(f"max_false_accept must lie between 0 and 1, got {self.max_false_accept}")
        if self.adapter in _NEED_A_MEMORY:
            raise ConfigError(f"adapter {self.adapter!r} needs a memory that stays; use 'auto', 'in-context' or grace")

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> RoutedUndo:
        """Return a model that answers by a temporary memory of `edits`; undoing it closes and deletes that."""
        adapter = choose_adapter(self.adapter, base, Path(), DEFAULT_NAMESPACE)
        with ExitStack() as building:
            judge = ScopeJudge(lambda: self._classifier)
            memory = temporary_memory(building, edits, self._encoder, judge, progress)
            router = Router(memory, self._classifier)
            return RoutedUndo(base, router.route, adapter, size=size_of(memory), kept=building.pop_all())

    def load(self) -> None:
        """Load the encoder and the scope classifier."""
        _ = self._encoder, self._classifier

    @cached_property
    def _encoder(self) -> Encoder:
        return load_encoder(self.encoder)

    @cached_property
    def _classifier(self) -> ScopeClassifier:
        return load_classifier(Path(self.scope).expanduser() if self.scope else SHIPPED, self.max_false_accept)


@dataclass(frozen=True, kw_only=True)
class RoutedInContext(Routed):
    """The same router; what answers is the base model as it is, which reads the edit in context."""

    name: ClassVar[str] = "in-context"

    adapter: str = AdapterName.IN_CONTEXT
