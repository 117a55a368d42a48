"""The pair model learns from pairs; what is kept of it gives the logits that it gave when it was trained."""

import re
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from memory_editor.scope.pair_model import CLASSES, PairModel
from memory_editor.scope.training import pair_training
from memory_editor.scope.training.examples import Label
from memory_editor.scope.training.pair_training import TrainablePairModel, refine, train_pair_model
from tests.tiny_bert import write_tiny_bert

WORDS = ("who", "runs", "capital", "founded", "twitter", "france")
PAIRS = [
    (f"what is {one} of", f"the {other} is linda " * (1 + (i + j) % 3))
    for i, one in enumerate(WORDS)
    for j, other in enumerate(WORDS)
]
LABELS = [Label.DIRECT if one.split()[2] == other.split()[1] else Label.OUT for one, other in PAIRS]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def trained(base: Path) -> TrainablePairModel:
    return train_pair_model(base, PAIRS * 8, LABELS * 8, seed=0)


@torch.no_grad()
def rounded(model: TrainablePairModel) -> TrainablePairModel:
    """Round what was trained to half precision, as it travels, and return the model."""
    for parameter in model.trained():
        parameter.copy_(parameter.half())
    return model


@torch.inference_mode()
def test_what_is_kept_gives_the_logits_of_what_was_trained(base: Path, trained: TrainablePairModel) -> None:
    kept = PairModel(base, trained.adapter()).logits(PAIRS)
    assert np.allclose(kept, trained(PAIRS).numpy(), atol=2e-2)
    assert np.allclose(kept, rounded(trained)(PAIRS).numpy(), atol=1e-4)
    assert not np.allclose(kept, PairModel(base, TrainablePairModel(base).adapter()).logits(PAIRS), atol=0.1)


def test_the_adapter_has_berts_own_names_in_half_precision(base: Path) -> None:
    adapter = TrainablePairModel(base).adapter()
    modules = r"attention\.self\.(query|key|value)|attention\.output\.dense|intermediate\.dense|output\.dense"
    lora = [name for name in adapter if re.fullmatch(rf"encoder\.layer\.[01]\.({modules})\.lora_[AB]\.weight", name)]
    assert len(lora) == 2 * 6 * 2
    assert set(adapter) - set(lora) == {"head.weight", "head.bias"}
    assert adapter["head.weight"].shape == (CLASSES, 32)
    assert {tensor.dtype for tensor in adapter.values()} == {torch.float16}
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in adapter.values())


def test_only_the_lora_and_the_head_are_trained(base: Path) -> None:
    model = TrainablePairModel(base)
    assert sum(parameter.numel() for parameter in model.trained()) == sum(map(torch.numel, model.adapter().values()))


def test_layers_beyond_those_kept_are_not_trained(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_training, "LAYERS", 1)
    model = TrainablePairModel(base)
    assert not [name for name in model.adapter() if "layer.1" in name]
    with torch.inference_mode():
        kept = PairModel(base, model.adapter()).logits(PAIRS[:3])
        assert np.allclose(kept, rounded(model)(PAIRS[:3]).numpy(), atol=1e-4)


def test_the_seed_decides_the_weights_and_nothing_outside_it(base: Path) -> None:
    state = torch.get_rng_state()
    one = train_pair_model(base, PAIRS, LABELS, seed=1).adapter()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    same = train_pair_model(base, PAIRS, LABELS, seed=1).adapter()
    other = train_pair_model(base, PAIRS, LABELS, seed=2).adapter()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@torch.inference_mode()
def test_training_lowers_the_loss(base: Path, trained: TrainablePairModel) -> None:
    labels = torch.tensor(LABELS)
    before, after = (cross_entropy(model(PAIRS), labels) for model in (TrainablePairModel(base), trained))
    assert after < before - 0.2


def test_refining_goes_on_from_what_was_learnt(base: Path) -> None:
    def refined(seed: int) -> TrainablePairModel:
        model = train_pair_model(base, PAIRS, LABELS, seed=0)
        refine(model, PAIRS * 4, LABELS * 4, seed=seed)
        return model

    before, one, same, other = train_pair_model(base, PAIRS, LABELS, seed=0), refined(1), refined(1), refined(2)
    with torch.inference_mode():
        labels = torch.tensor(LABELS)
        assert cross_entropy(one(PAIRS), labels) < cross_entropy(before(PAIRS), labels)
        assert torch.equal(one(PAIRS), same(PAIRS))
        assert not torch.equal(one(PAIRS), other(PAIRS))


def test_progress_is_told_up_to_all(base: Path) -> None:
    told: list[int] = []
    train_pair_model(base, PAIRS, LABELS, seed=0, on_progress=told.append)
    assert sorted(told) == told
    assert (len(told), told[-1]) == (2, 36)


def test_every_pair_is_in_one_batch_beside_those_of_like_length() -> None:
    pairs = [("x" * (i % 50), "y") for i in range(2_100)]
    batches = list(pair_training._batches(pairs, Random(0)))
    assert sorted(i for batch in batches for i in batch) == list(range(2_100))
    assert sorted(map(len, batches))[-65:] == [32] * 65
    spreads = [max(i % 50 for i in batch) - min(i % 50 for i in batch) for batch in batches[:64]]
    assert max(spreads) <= 4
