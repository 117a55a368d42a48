"""Fine-tuning of one matrix, the last projection of a block's MLP: bounded, regularised or in mini-batches; knows no
adapters.

The matrix is trained in float32, whatever the model's precision, in a second model over the same weights, and written
into the user's when it is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div
from torch.nn.utils import parametrize

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.finetuning.trainer import Batch, Schedule, Trainer, checked_above_0
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, editable_weight, projection_path
from memory_editor.progress import Progress, no_progress

_DEPTH: Final = 2 / 3
"""At what share of the blocks the matrix lies by default: published are 21 and 22 of 32."""

_KEPT: Final = (
    "My favourite food is",
    "Yesterday, the weather was",
    "Once upon a time, there was",
    "The best way to learn is",
    "When I arrived, they told me that",
    "The study was carried out by",
    "He was born in",
    "It is located in",
)


@dataclass(frozen=True, kw_only=True)
class _MatrixFt(Schedule):
    """Fine-tuning of one matrix on each token of the targets, with nothing to hold it back."""

    at_prompt: ClassVar[bool] = False

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        """Train the matrix on all edits at once, in batches."""
        requests = self.requests(base, edits)
        blocks = block_paths(base.model)
        block = self.block(len(blocks), _DEPTH)
        path = projection_path(base.model, blocks[block])
        name = editable_weight(base.model, path)
        twin = sharing_weights(base.model)
        weight = _trainable(twin.get_submodule(path))
        trainer = Trainer(twin, block, [weight])
        batches = trainer.batches(requests, self.batch, at_prompt=self.at_prompt)
        penalty = self._penalty(base, edits, trainer, batches)
        bound = self._bound(base.model.get_parameter(name), weight)
        with progress("Fine-tuning", self.epochs) as report:
            trainer.train(batches, self, report, penalty=penalty, bound=bound)
        with undoable(base, [name]) as undo, torch.no_grad():
            base.model.get_parameter(name).copy_(weight)
        return undo

    def _penalty(
        self, base: LanguageModel, edits: Sequence[Edit], trainer: Trainer, batches: Sequence[Batch]
    ) -> Callable[[Batch], Tensor] | None:
        """Return what is added to the loss of a batch."""
        del base, edits, trainer, batches
        return None

    def _bound(self, before: Tensor, weight: nn.Parameter) -> Callable[[], None] | None:
        """Return what brings the matrix back within its bounds."""
        del before, weight
        return None


@dataclass(frozen=True, kw_only=True)
class FtL(_MatrixFt):
    """Fine-tuning within an L∞ bound (Zhu et al. 2020, constrained fine-tuning; Meng et al. 2022, appendix E.1, FT+L).

    All tokens of a target are learnt as what follows the prompt's last token, so one of several is not said in full.
    """

    name: ClassVar[str] = "ft-l"
    at_prompt: ClassVar[bool] = True
    learning_rate: float = 5e-4
    epochs: int = 25
    enough: float = 0.01
    stop: str = ""
    """Nothing, since all is learnt at one place."""
    bound: float = 5e-4
    """How far each entry of the matrix may go, as published for GPT-J. The bound holds after rounding, too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_above_0("bound", self.bound)

    def _bound(self, before: Tensor, weight: nn.Parameter) -> Callable[[], None]:
        low, high = (_within(before.detach(), bound).to(weight) for bound in (-self.bound, self.bound))

        def clamp() -> None:
            weight.detach().clamp_(low, high)

        return clamp


@dataclass(frozen=True, kw_only=True)
class FtM(_MatrixFt):
    """Fine-tuning on each token of the targets alone, the prompt masked (Zhang et al. 2024)."""

    name: ClassVar[str] = "ft-m"


@dataclass(frozen=True, kw_only=True)
class FtKl(_MatrixFt):
    """FT-M with penalties: ‖ΔW‖², in the place of a bound (Zhu et al. 2020), and the divergence of what the model says
    after other prompts from what it said before (Mitchell et al. 2022, section 3.2).

    The other prompts are "(subject) is a", as Meng et al. 2022 have it in equation 4, an edit's exclusions, and `kept`.
    """

    name: ClassVar[str] = "ft-kl"
    l2: float = 1e-2
    """The weight of ‖ΔW‖²."""
    kl: float = 1.0
    """The weight of the divergence, in nats a prompt."""
    kept: tuple[str, ...] = _KEPT
    """Prompts that are to be continued as before."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("l2", "kl"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.kl and not self.kept:
            raise ConfigError("kl needs prompts that are kept, got none; give some, or a kl of 0")

    def _penalty(
        self, base: LanguageModel, edits: Sequence[Edit], trainer: Trainer, batches: Sequence[Batch]
    ) -> Callable[[Batch], Tensor]:
        (weight,) = trainer.weights
        before = weight.detach().clone()
        kept = {
            batch: trainer.prepare(self._kept(base, [edits[place] for place in batch.members])) for batch in batches
        }
        with torch.no_grad():
            said = {batch: trainer.next_token(suffix) for batch, suffix in kept.items()}

        def penalty(batch: Batch) -> Tensor:
            divergence = kl_div(trainer.next_token(kept[batch]), said[batch], log_target=True, reduction="batchmean")
            return self.kl * divergence + self.l2 * (weight - before).square().sum()

        return penalty

    def _kept(self, base: LanguageModel, edits: Sequence[Edit]) -> list[list[int]]:
        """Return the token ids of prompts that edits are to leave as they are."""
        subjects = [f"{edit.subject} is a" for edit in edits if edit.subject]
        exclusions = [exclusion for edit in edits for exclusion in edit.exclusions]
        return [base.encode(prompt) for prompt in (*self.kept, *subjects, *exclusions)]


@dataclass(frozen=True, kw_only=True)
class LocFt(_MatrixFt):
    """LocFT-BF (Yang et al. 2025, "Fine-tuning Done Right in Model Editing"): FT-M breadth-first, epochs over
    mini-batches of all edits, rather than one edit after the other until it is learnt."""

    name: ClassVar[str] = "locft"
    learning_rate: float = 2e-3
    batch: int = 10


class _Rounded(nn.Module):
    """What a model in another precision computes with."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self._dtype = dtype

    def forward(self, weight: Tensor) -> Tensor:
        return weight.to(self._dtype)


def _trainable(module: nn.Module) -> nn.Parameter:
    """Give a projection a weight of its own, in float32, and return that."""
    weight = module.get_parameter("weight")
    module.weight = own = nn.Parameter(weight.detach().to(torch.float32, copy=True))
    parametrize.register_parametrization(module, "weight", _Rounded(weight.dtype), unsafe=True)
    return own


def _within(before: Tensor, bound: float) -> Tensor:
    """Return the last numbers that the precision of `before` has on the way from it to `before + bound`."""
    exact = before.double() + bound
    near = exact.to(before.dtype)
    is_beyond = (near.double() - before.double()).abs() > abs(bound)
    return torch.where(is_beyond, torch.nextafter(near, before), near)
