"""Training from a block up gives what training with the whole model, text by text, gives."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.finetuning.trainer import Schedule, Trainer
from memory_editor.backends.target_tokens import Request, request_of
from memory_editor.edits import Edit
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path
from tests.tiny import tiny_model

SAID = [("The capital of Japan is", "Rome"), ("Who runs Twitter?", "the new company"), ("Paris", "is")]


def requests(base: LanguageModel) -> list[Request]:
    return [request_of(base, prompt, target) for prompt, target in SAID]


def trained(base: LanguageModel, first: int) -> tuple[Trainer, nn.Parameter]:
    """Return a trainer of the block's last projection, with a weight of its own."""
    model = sharing_weights(base.model)
    module = model.get_submodule(projection_path(model, block_paths(model)[first]))
    module.weight = own = nn.Parameter(module.get_parameter("weight").detach().clone())
    return Trainer(model, first, [own]), own


def whole_losses(base: LanguageModel, *, at_prompt: bool) -> Tensor:
    """Return the mean loss of each target by the whole model, one text after the other."""
    found = []
    for prompt, target in requests(base):
        logits = base.model(torch.tensor([[*prompt, *target]])).logits[0].log_softmax(-1)
        places = [len(prompt) - 1 + (0 if at_prompt else number) for number in range(len(target))]
        found.append(-logits[places, [*target]].mean())
    return torch.stack(found)


@pytest.mark.parametrize("at_prompt", [False, True])
@pytest.mark.parametrize("first", [0, 1])
def test_losses_are_those_of_the_whole_model(tiny_of_each: LanguageModel, first: int, at_prompt: bool) -> None:
    trainer, _ = trained(tiny_of_each, first)
    batches = trainer.batches(requests(tiny_of_each), 2, at_prompt=at_prompt)
    assert sorted(member for batch in batches for member in batch.members) == [0, 1, 2]
    with torch.no_grad():
        wanted = whole_losses(tiny_of_each, at_prompt=at_prompt)
        for batch in batches:
            torch.testing.assert_close(trainer.losses(batch), wanted[list(batch.members)])


def test_a_target_is_learnt_with_what_ends_its_last_word(tiny: LanguageModel) -> None:
    edits, wanted = [Edit(*said) for said in SAID], requests(tiny)
    assert Schedule(stop="").requests(tiny, edits) == wanted
    (stop,) = tiny.encode(".")
    assert Schedule().requests(tiny, edits) == [(prompt, (*target, stop)) for prompt, target in wanted]
    stopped = [replace(edit, target_new=f"{edit.target_new}.") for edit in edits]
    assert Schedule().requests(tiny, stopped) == Schedule().requests(tiny, edits)


def test_training_gives_the_weights_that_training_the_whole_model_gives() -> None:
    base, schedule = tiny_model(num_hidden_layers=3), Schedule(learning_rate=1e-2, epochs=4)
    trainer, own = trained(base, 1)
    trainer.train(trainer.batches(requests(base), 3), schedule, lambda _: None)
    weight = base.model.get_parameter("model.layers.1.mlp.down_proj.weight")
    before = weight.detach().clone()
    optimizer = torch.optim.Adam([weight], lr=1e-2)
    for _ in range(4):
        (weight.grad,) = torch.autograd.grad(whole_losses(base, at_prompt=False).mean(), weight)
        optimizer.step()
    torch.testing.assert_close(own, weight)
    assert not torch.allclose(own, before)


def test_what_comes_next_is_what_the_whole_model_says(tiny: LanguageModel) -> None:
    trainer, _ = trained(tiny, 1)
    prompts = [list(request.prompt) for request in requests(tiny)]
    with torch.no_grad():
        found = trainer.next_token(trainer.prepare(prompts))
        for row, prompt in zip(found, prompts, strict=True):
            torch.testing.assert_close(row, tiny.model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1))


def test_training_ends_when_every_edit_is_learnt(tiny: LanguageModel) -> None:
    trainer, own = trained(tiny, 1)
    before = own.detach().clone()
    epochs: list[int] = []
    trainer.train(trainer.batches(requests(tiny), 2), Schedule(enough=100.0), epochs.append)
    assert epochs == [1]
    assert torch.equal(own, before)


def test_a_penalty_counts_and_a_bound_holds_after_every_step(tiny: LanguageModel) -> None:
    trainer, own = trained(tiny, 1)
    before = own.detach().clone()
    steps: list[int] = []

    def bound() -> None:
        steps.append(1)
        own.detach().copy_(before)

    batches = trainer.batches(requests(tiny), 2)
    trainer.train(batches, Schedule(epochs=3), lambda _: None, bound=bound)
    assert len(steps) == 3 * len(batches)
    assert torch.equal(own, before)
    trainer.train(batches, Schedule(epochs=3), lambda _: None, penalty=lambda _: 1e6 * own.square().sum())
    assert float(own.detach().norm()) < float(before.norm())


def test_training_is_not_switched_off_by_a_caller_who_wants_no_gradients(tiny: LanguageModel) -> None:
    trainer, own = trained(tiny, 1)
    before = own.detach().clone()
    with torch.no_grad():
        trainer.train(trainer.batches(requests(tiny), 2), Schedule(epochs=1), lambda _: None)
    assert not torch.equal(own, before)


@torch.no_grad()
def test_a_loss_that_is_no_number_ends_training_before_a_step() -> None:
    base = tiny_model()
    base.model.get_parameter("model.norm.weight").fill_(float("inf"))
    trainer, own = trained(base, 1)
    before = own.clone()
    with pytest.raises(ModelError, match=r"the loss of edits came out .* no number; load the model in float32"):
        trainer.train(trainer.batches(requests(base), 2), Schedule(), lambda _: None)
    assert torch.equal(own, before)
