"""Changes of weights that can be undone bit for bit; knows no method."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.backends.base import Undo
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel


class WeightUndo(Undo):
    """The way back from a change of some of a model's parameters.

    `before` has them by name as they were. It takes as much memory as they do.
    """

    def __init__(self, model: PreTrainedModel, names: Sequence[str]) -> None:
        self.model = model
        self.before: Mapping[str, Tensor] = {
            name: parameter.detach().clone() for name, parameter in _parameters(model, names)
        }
        self._after: Mapping[str, str] = {}

    def seal(self) -> None:
        """Remember what the change made of the parameters: that alone can be undone."""
        self._after = {name: digest(parameter) for name, parameter in _parameters(self.model, [*self.before])}

    @torch.no_grad()
    def restore(self) -> None:
        """Write the parameters as they were, whatever has become of them."""
        for name, parameter in _parameters(self.model, [*self.before]):
            parameter.copy_(self.before[name])
        self.before, self._after = {}, {}

    def undo(self) -> None:
        """Restore the parameters; raises `ModelError` where something else has changed them since."""
        for name, parameter in _parameters(self.model, [*self.before]):
            if self._after.get(name) != digest(parameter):
                raise ModelError(f"{name!r} was changed after this edit; undo the later edits first, last one first")
        self.restore()


@contextmanager
def undoable(base: LanguageModel, names: Sequence[str]) -> Iterator[WeightUndo]:
    """Give the undo of whatever the block makes of the named parameters; restores them if the block raises."""
    undo = WeightUndo(base.model, names)
    try:
        yield undo
        undo.seal()
    except BaseException:
        undo.restore()
        raise


def digest(tensor: Tensor) -> str:
    """Return what stands for every bit of a tensor."""
    numbers = tensor.detach().contiguous().flatten().view(torch.uint8).cpu().numpy()
    return hashlib.sha256(numbers.data).hexdigest()


def _parameters(model: PreTrainedModel, names: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    for name in names:
        yield name, model.get_parameter(name)
