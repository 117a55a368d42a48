"""What a change of weights costs a model on ordinary text, and whether that is too much; knows no method.

One edit can break a model, many wear it down: perplexity tells (Yang et al. 2024, "The Butterfly Effect of Model
Editing"), and so does the norm of the change (Gupta et al. 2024, "Model Editing at Scale leads to Gradual and
Catastrophic Forgetting").
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from memory_editor.backends.base import Backend
from memory_editor.backends.text_windows import text_windows
from memory_editor.backends.weights import WeightUndo
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError, HarmfulEdit, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress

TOKENS: Final = 2048
"""How much of a text is read at most."""

_PROSE: Final = """\
The harbour wakes early. Before the sun is over the hill, the first boats have left, and the gulls that followed them
out come back alone to look for what was dropped. By eight o'clock the market is full of people who talk about the
weather and the price of fish, and by noon it is empty again.

Water boils at a lower temperature on a mountain than at the sea, because the air above presses less. A cook who moves
to a high town learns this quickly: potatoes take longer, and eggs that were perfect after four minutes are still soft
after five.

"Did you bring the letter?" she asked. He shook his head and put the empty bag on the table. It had rained all the way
from the station, and he did not want to explain now why he had stopped at the bridge, or whom he had met there.

To repair a puncture, take the wheel off the bicycle, lever one side of the tyre over the rim, and pull the tube out.
Pump it up a little and listen. When you have found the hole, roughen the rubber around it, spread the glue thinly,
wait until it is dry to the touch, and press the patch on firmly.

The committee met four times last year. Its members agreed that the library should stay open on Sundays, but they
could not agree on who should pay for it. A report is expected in the spring; until then the opening hours remain as
they are.

A list is sorted when no element is smaller than the one before it. The simplest way to sort one is to look through it
for the smallest element, put that first, and do the same with the rest. This is easy to understand and slow: for a
list that is twice as long it takes four times as long.

In autumn the beeches turn before the oaks. Their leaves lie on the path like copper coins, and children kick them up
on the way to school. After the first frost the colours fade within days, the branches show, and one can see the old
mill from the road again.
"""

TEXTS: Final = tuple(" ".join(paragraph.split()) for paragraph in _PROSE.split("\n\n"))
"""Prose of several kinds, of nothing that anybody would edit."""


@dataclass(frozen=True)
class Harm:
    """What an edit did to a model besides what it was to do."""

    perplexity_before: float
    perplexity_after: float
    norms: Mapping[str, float]
    """By the names of the weights, ‖ΔW‖ / ‖W‖, Frobenius."""
    warnings: tuple[str, ...]
    """What is beyond a bound, one line each."""


@dataclass(frozen=True, kw_only=True)
class Governor:
    """Watches what editing does to a model."""

    max_perplexity: float = 1.2
    """Perplexity after an edit at most, in multiples of that before."""
    max_norm: float = 1.0
    """The norm of the change of a weight at most, in norms of that weight before."""
    strict: bool = False
    """Whether an edit beyond a bound is taken back."""
    texts: Sequence[str] = TEXTS
    """What perplexity is taken on."""

    def __post_init__(self) -> None:
        for name in ("max_perplexity", "max_norm"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")

    def edit(
        self, backend: Backend, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress
    ) -> tuple[WeightUndo, Harm]:
        """Edit a model's weights and tell what harm that did.

        Raises `HarmfulEdit` in strict mode for harm beyond a bound, and `ModelError` for a backend that changes no
        weights; either way the weights are as before.
        """
        before = perplexity(base, self.texts)
        undo = backend.edit(base, edits, progress=progress)
        if not isinstance(undo, WeightUndo):
            undo.undo()
            raise ModelError(f"the backend {backend.name!r} changes no weights, so none can be watched or saved")
        try:
            harm = self._harm(base, undo, before)
            if self.strict and harm.warnings:
                raise HarmfulEdit(
                    f"{'; '.join(harm.warnings)}: the edit was taken back; make fewer edits or milder ones"
                )
        except BaseException:
            undo.undo()
            raise
        return undo, harm

    def _harm(self, base: LanguageModel, undo: WeightUndo, before: float) -> Harm:
        after = perplexity(base, self.texts)
        norms = {name: _relative(tensor, base.model.get_parameter(name)) for name, tensor in undo.before.items()}
        warnings = [
            f"{name} changed by {norm:.2f} of its norm, more than {self.max_norm}"
            for name, norm in norms.items()
            if not norm <= self.max_norm  # nor what is no number
        ]
        if not after <= self.max_perplexity * before:
            rise = f"from {before:.2f} to {after:.2f}, more than {self.max_perplexity} times"
            warnings.insert(0, f"perplexity on ordinary text rose {rise}")
        return Harm(before, after, norms, tuple(warnings))


@torch.no_grad()
def perplexity(base: LanguageModel, texts: Iterable[str]) -> float:
    """Return the exponential of the mean loss, in nats a token, on the first 2,048 tokens of texts."""
    losses: list[Tensor] = []
    for window in text_windows(base, texts, TOKENS):
        ids = torch.tensor([window], device=base.device)
        logits = base.model(ids, use_cache=False).logits[0, :-1].float()
        losses.append(cross_entropy(logits, ids[0, 1:].to(logits.device), reduction="none"))
    return exponential(torch.cat([loss.cpu() for loss in losses]).double().mean().item())


def exponential(loss: float) -> float:
    """Return the perplexity of a mean loss in nats, infinite where that is too large, or no number."""
    return math.exp(loss) if loss < 700 else math.inf


@torch.no_grad()
def _relative(before: Tensor, after: Tensor) -> float:
    change = (after.double() - before.double()).norm()
    return float(change / before.double().norm()) if change else 0.0
