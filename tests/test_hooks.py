"""Taps act inside their block and in its thread alone."""

import threading

import pytest
import torch
from torch import Tensor, nn

from memory_editor.hooks import Inputs, Tap, hidden_at, hidden_at_each

GIVEN = torch.tensor([[1.0, -2.0]])


@pytest.fixture
def model() -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), nn.Identity(), nn.Softsign())


def test_a_block_changes_what_a_module_returns_and_leaves_nothing_behind(model: nn.Sequential) -> None:
    before = model(GIVEN)
    tap = Tap(model[1])
    with tap.changing(lambda output: output + 1):
        assert torch.equal(model(GIVEN), nn.functional.softsign(torch.tensor([[2.0, 1.0]])))
    assert torch.equal(model(GIVEN), before)
    with tap.changing(lambda _: None):
        assert torch.equal(model(GIVEN), before)


def test_a_block_that_fails_leaves_nothing_behind_either(model: nn.Sequential) -> None:
    before = model(GIVEN)
    tap = Tap(model[1])
    with pytest.raises(ZeroDivisionError), tap.changing(lambda _: 1 / 0):
        model(GIVEN)
    assert torch.equal(model(GIVEN), before)


def test_a_block_sees_what_a_module_is_given_by_place_or_by_name() -> None:
    module = nn.Bilinear(2, 2, 1)
    seen: list[Inputs] = []
    with Tap(module).seeing(seen.append):
        module(GIVEN, GIVEN + 1)
        module(input1=GIVEN + 2, input2=GIVEN)
    assert [inputs.hidden.tolist() for inputs in seen] == [[[1.0, -2.0]], [[3.0, 0.0]]]


def test_another_thread_sees_the_module_as_it_is(model: nn.Sequential) -> None:
    before = model(GIVEN)
    found: list[Tensor] = []
    tap = Tap(model[1])
    with tap.changing(torch.zeros_like):
        thread = threading.Thread(target=lambda: found.append(model(GIVEN)))
        thread.start()
        thread.join()
        assert torch.equal(model(GIVEN), torch.zeros_like(GIVEN))
    assert torch.equal(found[0], before)


def test_a_model_runs_only_as_far_as_asked(model: nn.Sequential) -> None:
    called: list[str] = []
    for name in ("0", "1", "2"):
        model[int(name)].register_forward_hook(lambda *_, name=name: called.append(name))
    assert torch.equal(hidden_at(model, Tap(model[1]), GIVEN), torch.tensor([[1.0, 0.0]]))
    assert called == ["0"]


def test_a_model_runs_as_far_as_the_last_of_several_places(model: nn.Sequential) -> None:
    called: list[str] = []
    for name in ("0", "1", "2"):
        model[int(name)].register_forward_hook(lambda *_, name=name: called.append(name))
    later, earlier = hidden_at_each(model, [Tap(model[1]), Tap(model[0])], GIVEN)
    assert torch.equal(later, torch.tensor([[1.0, 0.0]]))
    assert torch.equal(earlier, GIVEN)
    assert called == ["0"]
