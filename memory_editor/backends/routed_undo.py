"""What methods that change no weights leave: a model around the base model, and the end of its routing."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from memory_editor.adapters.base import Adapter
from memory_editor.adapters.in_context import InContext
from memory_editor.backends.base import Undo
from memory_editor.edited_model import EditedModel
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Route

RoutePrompts = Callable[[Sequence[str]], list[Route]]


class RoutedUndo(Undo):
    """A model whose prompts are routed until that is undone; from then on the untouched base model answers.

    `size` is how many bytes are kept for the edits.
    """

    def __init__(
        self, base: LanguageModel, route: RoutePrompts, adapter: Adapter, *, size: int, kept: ExitStack | None = None
    ) -> None:
        """Answer by `route` and `adapter`; `kept` is closed when that is undone."""
        self.model = EditedModel(base, self.route, adapter)
        self.size = size
        self._route: RoutePrompts = route
        self._kept = kept or ExitStack()

    def route(self, prompts: Sequence[str]) -> list[Route]:
        """Return one route a prompt."""
        return self._route(prompts)

    def undo(self) -> None:
        """Route everything to the base model; once done, does nothing."""
        self._route = no_route
        self._kept.close()


def no_route(prompts: Sequence[str]) -> list[Route]:
    """Route every prompt to the base model."""
    return [Route(prompt, (), None, 1.0) for prompt in prompts]


def unedited(base: LanguageModel) -> EditedModel:
    """Return a model without any edit, which answers as the base model does and tells its routes as others do."""
    return EditedModel(base, no_route, InContext())
