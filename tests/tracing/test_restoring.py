"""Corrupted runs give the numbers of plain full forward passes."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths
from memory_editor.tracing import restoring
from memory_editor.tracing.restoring import CorruptedRuns, probability
from memory_editor.tracing.states import Kind, Restoration, modules_of
from tests.tiny import ARCHITECTURES, tiny_model

IDS = [5, 6, 7, 8, 9]
CORRUPTED = range(1, 3)
LAYERS = 3
TARGET = 12
RESTORATIONS = [
    *(Restoration(Kind.LAYER, range(layer, layer + 1)) for layer in range(LAYERS)),
    *(Restoration(Kind.MLP, blocks) for blocks in (range(1), range(1, 3))),
    *(Restoration(Kind.ATTENTION, blocks) for blocks in (range(2), range(2, 3))),
]


def deep_model(architecture: str, **over: Any) -> LanguageModel:
    """Return a tiny model with weights so large that what is restored matters."""
    return tiny_model(architecture, num_hidden_layers=LAYERS, initializer_range=0.2, **over)


@pytest.fixture(scope="module")
def llama() -> LanguageModel:
    return deep_model("llama")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def deep(request: pytest.FixtureRequest) -> LanguageModel:
    return deep_model(request.param)


def noise_of(samples: int = 3, tokens: int = len(IDS), columns: range = CORRUPTED) -> Tensor:
    noise = torch.zeros(samples, tokens, 32)
    drawn = torch.randn(samples, len(columns), 32, generator=torch.Generator().manual_seed(1))
    noise[:, columns.start : columns.stop] = drawn
    return noise


@torch.no_grad()
def plain(base: LanguageModel, ids: Sequence[int], noise: Tensor, first: int) -> Tensor:
    """Return the mean probabilities by a full forward pass, with hooks, of a clean and all corrupted rows for each."""
    model: Any = sharing_weights(base.model)
    modules = modules_of(model, Kind)
    noises = torch.cat([torch.zeros_like(noise[:1]), noise])
    model.get_input_embeddings().register_forward_hook(lambda _, __, output: output + noises.to(output))

    def restored(column: int, restoration: Restoration) -> float:
        def put_back(_: nn.Module, __: Any, output: Any) -> None:
            states = (output[0] if isinstance(output, tuple) else output).view(len(noises), len(ids), -1)
            states[1:, column] = states[0, column]

        with ExitStack() as hooks:
            for block in restoration.blocks if column >= first else ():
                hooks.callback(modules[restoration.kind][block].register_forward_hook(put_back).remove)
            logits = model(torch.tensor([[*ids]] * len(noises)), use_cache=False).logits[1:, -1].float()
        return float(logits.softmax(-1)[:, TARGET].mean())

    return torch.tensor([[restored(column, each) for each in RESTORATIONS] for column in range(len(ids))])


def test_restored_probabilities_are_those_of_full_forward_passes(deep: LanguageModel) -> None:
    found = CorruptedRuns(deep.model, IDS, noise_of(), CORRUPTED.start).restored(RESTORATIONS, TARGET)
    assert found.std(1)[CORRUPTED.start :].min() > 1e-5  # a difference that would show
    torch.testing.assert_close(found, plain(deep, IDS, noise_of(), CORRUPTED.start), rtol=1e-5, atol=1e-7)


def test_a_text_may_be_longer_than_the_sliding_window() -> None:
    types = ["sliding_attention", "sliding_attention", "full_attention"]
    base = deep_model("gemma3_text", sliding_window=3, layer_types=types)
    found = CorruptedRuns(base.model, IDS, noise_of(), CORRUPTED.start).restored(RESTORATIONS, TARGET)
    torch.testing.assert_close(found, plain(base, IDS, noise_of(), CORRUPTED.start), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("first", [0, len(IDS) - 1])
def test_the_first_or_last_token_alone_may_be_corrupted(llama: LanguageModel, first: int) -> None:
    noise = noise_of(columns=range(first, first + 1))
    found = CorruptedRuns(llama.model, IDS, noise, first).restored(RESTORATIONS, TARGET)
    torch.testing.assert_close(found, plain(llama, IDS, noise, first), rtol=1e-5, atol=1e-7)


def test_restoring_all_that_was_corrupted_gives_the_clean_run(deep: LanguageModel) -> None:
    last = len(IDS) - 1
    runs = CorruptedRuns(deep.model, IDS, noise_of(columns=range(last, last + 1)), last)
    found = runs.restored(RESTORATIONS, TARGET)
    clean, corrupted = probability(runs.clean[None], TARGET), probability(runs.corrupted, TARGET).mean()
    assert abs(clean - corrupted) > 1e-5
    torch.testing.assert_close(found[last, :LAYERS], clean.expand(LAYERS))  # nobody else reads the last token's states
    torch.testing.assert_close(found[:last], corrupted.expand(last, len(RESTORATIONS)))


def test_what_is_above_the_last_block_has_no_effect_but_on_the_last_token(deep: LanguageModel) -> None:
    runs = CorruptedRuns(deep.model, IDS, noise_of(), CORRUPTED.start)
    (found,) = runs.restored([Restoration(Kind.LAYER, range(LAYERS - 1, LAYERS))], TARGET).T
    corrupted = probability(runs.corrupted, TARGET).mean()
    torch.testing.assert_close(found[:-1], corrupted.expand(len(IDS) - 1))
    torch.testing.assert_close(found[-1:], probability(runs.clean[None], TARGET))


def test_logits_are_those_of_the_model(llama: LanguageModel) -> None:
    runs = CorruptedRuns(llama.model, IDS, noise_of(), CORRUPTED.start, [Kind.LAYER])
    with torch.no_grad():
        torch.testing.assert_close(runs.clean, llama.model(torch.tensor([IDS])).logits[0, -1])
    assert runs.corrupted.shape == (3, runs.clean.numel())
    assert not torch.isclose(runs.corrupted, runs.clean).all(1).any()


@pytest.mark.parametrize("columns", [1, 60])
def test_it_does_not_matter_how_much_runs_at_once(
    llama: LanguageModel, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = CorruptedRuns(llama.model, IDS, noise_of(), CORRUPTED.start)
    together = runs.restored(RESTORATIONS, TARGET)
    monkeypatch.setattr(restoring, "_COLUMNS", columns)
    torch.testing.assert_close(runs.restored(RESTORATIONS, TARGET), together)


def test_restorations_come_back_in_the_order_in_which_they_were_given(llama: LanguageModel) -> None:
    runs = CorruptedRuns(llama.model, IDS, noise_of(), CORRUPTED.start)
    torch.testing.assert_close(runs.restored(RESTORATIONS[::-1], TARGET), runs.restored(RESTORATIONS, TARGET).flip(1))


def test_progress_is_told_by_tokens(llama: LanguageModel) -> None:
    told: list[int] = []
    CorruptedRuns(llama.model, IDS, noise_of(columns=range(3, 4)), 3).restored(RESTORATIONS[:1], TARGET, told.append)
    assert told == [4, 5]


def test_no_hook_stays_on_the_model(deep: LanguageModel) -> None:
    before = {name: tensor.clone() for name, tensor in deep.model.state_dict().items()}
    CorruptedRuns(deep.model, IDS, noise_of(), CORRUPTED.start).restored(RESTORATIONS, TARGET)
    hooked = [module for module in deep.model.modules() if module._forward_hooks or module._forward_pre_hooks]
    assert hooked == []
    assert all(torch.equal(before[name], tensor) for name, tensor in deep.model.state_dict().items())


def test_half_precision_is_near_full(llama: LanguageModel) -> None:
    half: Any = deep_model("llama").model
    half.to(torch.bfloat16)
    found = CorruptedRuns(half, IDS, noise_of(), CORRUPTED.start).restored(RESTORATIONS, TARGET)
    full = CorruptedRuns(llama.model, IDS, noise_of(), CORRUPTED.start).restored(RESTORATIONS, TARGET)
    torch.testing.assert_close(found, full, rtol=0.1, atol=1e-4)  # float32 both


def test_a_block_runs_once_a_token_and_only_what_a_restoration_changes(llama: LanguageModel) -> None:
    runs = CorruptedRuns(llama.model, IDS, noise_of(), CORRUPTED.start)
    seen: list[tuple[int, ...]] = []
    count(runs._blocks[1], seen.append)
    runs.restored(RESTORATIONS[:LAYERS], TARGET)
    expected = [(3, 1, 32)]  # the column before, of three samples
    for column in range(CORRUPTED.start, len(IDS)):
        expected += [(6, len(IDS) - column, 32), (3, 1, 32)]  # layers 0 and 1, but not 2; then this column
    assert seen == expected


def count(module: nn.Module, note: Callable[[tuple[int, ...]], None]) -> None:
    def see(_: nn.Module, __: Any, output: Any) -> None:
        note(tuple((output[0] if isinstance(output, tuple) else output).shape))

    module.register_forward_hook(see)


def test_modules_are_found_for_the_kinds_alone(tiny: LanguageModel) -> None:
    found = modules_of(tiny.model, [Kind.LAYER])
    assert found == {Kind.LAYER: [tiny.model.get_submodule(path) for path in block_paths(tiny.model)]}
    modules: Any = tiny.model.get_submodule(block_paths(tiny.model)[0])
    both = modules_of(tiny.model, [Kind.MLP, Kind.ATTENTION])
    assert [each[0] for each in both.values()] == [modules.mlp.down_proj, modules.self_attn.o_proj]
