"""What an edit costs is measured and told; in strict mode too much of it is taken back."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from memory_editor.backends.base import Undo
from memory_editor.backends.governor import TEXTS, Governor, perplexity
from memory_editor.backends.weights import undoable
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError, HarmfulEdit, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from tests.tiny import tiny_model

HEAD = "lm_head.weight"
DOWN = "model.layers.0.mlp.down_proj.weight"
SHORT = TEXTS[:1]
EDITS = (Edit("The capital of France is", "Rome"),)


@dataclass(frozen=True)
class Scaling:
    """Multiplies weights by a number."""

    by: float
    names: tuple[str, ...] = (HEAD, DOWN)
    name: str = "scaling"

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> Undo:
        assert (edits, progress) == (EDITS, no_progress)
        with undoable(base, self.names) as undo, torch.no_grad():
            for name in self.names:
                base.model.get_parameter(name).mul_(self.by)
        return undo


@dataclass(frozen=True)
class Around:
    """Changes no weights."""

    undone: list[bool]
    name: str = "around"

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> Undo:
        undo = Scaling(2.0).edit(base, edits, progress=progress)
        return _Other(undo, self.undone)  # type: ignore[return-value]


@dataclass
class _Other:
    inner: Undo
    undone: list[bool]

    def undo(self) -> None:
        self.inner.undo()
        self.undone.append(True)


def state(base: LanguageModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in base.model.state_dict().items()}


def is_as(base: LanguageModel, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in base.model.state_dict().items())


def test_perplexity_is_that_of_every_token_after_the_first(tiny: LanguageModel) -> None:
    text = "The capital of France is Paris."
    ids = tiny.encode(f"{text}\n")
    losses = [-tiny.log_probabilities(tiny.decode(ids[:1]), tiny.decode(ids[1:])).double()]
    assert perplexity(tiny, [text]) == pytest.approx(torch.cat(losses).mean().exp().item(), rel=1e-4)


def test_a_model_that_knows_nothing_is_as_perplexed_as_it_has_tokens() -> None:
    base = tiny_model()
    with torch.no_grad():
        base.model.get_parameter(HEAD).zero_()
    assert perplexity(base, SHORT) == pytest.approx(len(base.tokenizer), rel=1e-4)


def test_harm_is_measured_and_an_edit_within_the_bounds_stands_without_a_warning() -> None:
    base = tiny_model()
    before = perplexity(base, SHORT)
    undo, harm = Governor(strict=True, max_perplexity=2, texts=SHORT).edit(Scaling(1.01), base, EDITS)
    assert harm.perplexity_before == before
    assert harm.perplexity_after == perplexity(base, SHORT) != before
    assert harm.norms == {HEAD: pytest.approx(0.01, rel=1e-4), DOWN: pytest.approx(0.01, rel=1e-4)}
    assert harm.warnings == ()
    undo.undo()
    assert perplexity(base, SHORT) == before


def test_an_edit_beyond_a_bound_is_told() -> None:
    base = tiny_model()
    _, harm = Governor(max_norm=0.5, texts=SHORT).edit(Scaling(30.0, (HEAD,)), base, EDITS)
    rise = f"from {harm.perplexity_before:.2f} to {harm.perplexity_after:.2f}, more than 1.2 times"
    norm = f"{HEAD} changed by 29.00 of its norm, more than 0.5"
    assert harm.warnings == (f"perplexity on ordinary text rose {rise}", norm)


@pytest.mark.parametrize("by", [30.0, math.nan, math.inf])
def test_in_strict_mode_it_is_taken_back(by: float) -> None:
    base = tiny_model()
    before = state(base)
    with pytest.raises(HarmfulEdit, match=r"perplexity on ordinary text rose from .*: the edit was taken back; make"):
        Governor(strict=True, texts=SHORT).edit(Scaling(by), base, EDITS)
    assert is_as(base, before)


def test_an_interrupt_while_it_is_measured_takes_the_edit_back() -> None:
    base = tiny_model()
    before = state(base)
    left = iter([SHORT])

    class Interrupted:
        def __iter__(self) -> object:
            try:
                return iter(next(left))
            except StopIteration:
                raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt):
        Governor(texts=Interrupted()).edit(Scaling(2.0), base, EDITS)  # type: ignore[arg-type]
    assert is_as(base, before)


def test_what_changes_no_weights_is_refused() -> None:
    base, undone = tiny_model(), list[bool]()
    before = state(base)
    with pytest.raises(ModelError, match="the backend 'around' changes no weights"):
        Governor(texts=SHORT).edit(Around(undone), base, EDITS)
    assert undone == [True]
    assert is_as(base, before)


@pytest.mark.parametrize("make", [lambda: Governor(max_norm=0), lambda: Governor(max_perplexity=-1.0)])
def test_bounds_are_above_0(make: Callable[[], Governor]) -> None:
    with pytest.raises(ConfigError, match="must be above 0, got"):
        make()
