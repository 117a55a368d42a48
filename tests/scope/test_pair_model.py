"""The pair model is BERT with a LoRA merged into it under a linear head; it reads the end of a prompt and the
beginning of a fact."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from memory_editor.bert_encoder import Bert, load_weights
from memory_editor.scope import pair_model as pair_model_module
from memory_editor.scope.pair_model import CLASSES, FACT_TOKENS, PROMPT_TOKENS, Pair, PairModel, pooled, tokenised
from tests.tiny_bert import write_tiny_bert

WIDTH = 16
RANK = 2
ADAPTED = {
    "encoder.layer.0.attention.self.query": (WIDTH, WIDTH),
    "encoder.layer.1.attention.self.value": (WIDTH, WIDTH),
    "encoder.layer.0.attention.output.dense": (WIDTH, WIDTH),
    "encoder.layer.1.intermediate.dense": (24, WIDTH),
    "encoder.layer.1.output.dense": (WIDTH, 24),
}
"""What is adapted, and the shapes of its weights."""

PAIRS: list[Pair] = [
    ("Who runs [MASK]?", "The CEO of [MASK] is Linda"),
    ("two", "one"),
    ("", ""),
    ("one two three " * 30, "who founded twitter in france " * 30),
    ("the capital of [MASK]", "The capital of [MASK] is Lyon, and so on and on"),
    ("🎉", "日本の首都は"),
]


def random_adapter() -> dict[str, Tensor]:
    """Return a LoRA of rank 2 and a head for the tiny BERT, in half precision, as they travel."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return (torch.randn(shape, generator=generator) * 0.5).half()

    adapter = {"head.weight": random(CLASSES, 2 * WIDTH), "head.bias": random(CLASSES)}
    for module, (rows, columns) in ADAPTED.items():
        adapter |= {f"{module}.lora_A.weight": random(RANK, columns), f"{module}.lora_B.weight": random(rows, RANK)}
    return adapter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def model(folder: Path) -> PairModel:
    return PairModel(folder, random_adapter())


def without_lora(adapter: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the adapter with a LoRA that adds nothing."""
    return {name: tensor * (0 if ".lora_B." in name else 1) for name, tensor in adapter.items()}


def test_a_merged_lora_is_its_product_added_to_the_weights(folder: Path, tmp_path: Path, model: PairModel) -> None:
    adapter = random_adapter()
    weights = load_weights(folder)
    for module, shape in ADAPTED.items():
        product = adapter[f"{module}.lora_B.weight"].float() @ adapter[f"{module}.lora_A.weight"].float()
        assert product.shape == shape
        weights[f"{module}.weight"] = weights[f"{module}.weight"] + product
    by_hand = write_tiny_bert(tmp_path)
    save_file(weights, by_hand / "model.safetensors")
    assert np.array_equal(model.logits(PAIRS), PairModel(by_hand, without_lora(adapter)).logits(PAIRS))
    assert not np.allclose(model.logits(PAIRS), PairModel(folder, without_lora(adapter)).logits(PAIRS), atol=1e-2)


def test_layers_beyond_the_last_that_is_adapted_are_left_out(folder: Path) -> None:
    adapter = {name: tensor for name, tensor in random_adapter().items() if "layer.1" not in name}
    cut = Bert(folder, pair_model_module._merged(load_weights(folder), adapter), layers=1)
    states, mask = cut(tokenised(cut.tokenizer, PAIRS[:1]))
    expected = pooled(states, mask)[0] @ adapter["head.weight"].float().T + adapter["head.bias"].float()
    assert np.allclose(PairModel(folder, adapter).logits(PAIRS[:1])[0], expected.numpy(), atol=1e-5)


def test_merging_leaves_the_base_as_it_is(folder: Path) -> None:
    before = load_weights(folder)
    weights = dict(before)
    pair_model_module._merged(weights, random_adapter())
    assert all(weights[name] is before[name] for name in before)


def test_the_head_sees_the_first_state_and_the_mean(folder: Path) -> None:
    adapter = without_lora(random_adapter())
    bert = Bert(folder)
    for pair in PAIRS:
        states = bert(tokenised(bert.tokenizer, [pair]))[0][0]
        seen = torch.cat([states[0], states.mean(0)])
        expected = adapter["head.weight"].float() @ seen + adapter["head.bias"].float()
        assert np.allclose(PairModel(folder, adapter).logits([pair])[0], expected.numpy(), atol=1e-5)


def test_padding_is_not_pooled() -> None:
    states = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]]).unsqueeze(-1)
    assert pooled(states, mask).tolist() == [[0.0, 1.0, 1.0, 2.0], [6.0, 7.0, 8.0, 9.0]]


@pytest.mark.parametrize("size", [1, 4, 32])
def test_a_batch_gives_what_one_by_one_gives(model: PairModel, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    alone = np.vstack([model.logits([pair]) for pair in PAIRS])
    assert alone.shape == (6, CLASSES)
    assert alone.dtype == np.float32
    monkeypatch.setattr(pair_model_module, "_BATCH", size)
    assert np.allclose(model.logits(PAIRS), alone, atol=1e-5)
    assert np.allclose(model.logits([*PAIRS[::-1], *PAIRS]), [*alone[::-1], *alone], atol=1e-5)


def test_no_pairs_have_no_logits(model: PairModel) -> None:
    assert model.logits([]).shape == (0, CLASSES)


def test_neither_order_nor_text_of_a_pair_is_left_out(model: PairModel) -> None:
    pairs = [("one", "two"), ("two", "one"), ("one", "three"), ("three", "two")]
    found = model.logits(pairs)
    assert all(not np.allclose(found[i], found[j], atol=1e-3) for i in range(4) for j in range(i))


def tokens(model: PairModel, pair: Pair) -> tuple[list[str], list[int]]:
    (encoding,) = tokenised(model._bert.tokenizer, [pair])
    return encoding.tokens, encoding.type_ids


def test_a_pair_is_one_sequence_of_two_kinds(model: PairModel) -> None:
    assert tokens(model, ("Who runs [MASK]?", "[MASK] is lyon")) == (
        "[CLS] who runs [MASK] ? [SEP] [MASK] is lyon [SEP]".split(),
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
    )


def test_of_a_long_prompt_the_end_is_read_and_of_a_long_fact_the_beginning(model: PairModel) -> None:
    cycle = "one two three who what runs is".split()
    long = [cycle[place % 7] for place in range(101)]
    found, kinds = tokens(model, (" ".join(long), " ".join(long)))
    assert (PROMPT_TOKENS, FACT_TOKENS) == (48, 40)
    assert found == ["[CLS]", *long[-48:], "[SEP]", *long[:40], "[SEP]"]
    assert kinds == [0] * 50 + [1] * 41


def test_what_is_cut_off_does_not_count(model: PairModel) -> None:
    end, beginning = " ".join(["two"] * 47), " ".join(["lyon"] * 39)
    cut = [
        (f"linda one {end}", f"{beginning} one linda"),
        (f"france one {end}", f"{beginning} one france"),
        (f"linda three {end}", f"{beginning} one linda"),
        (f"linda one {end}", f"{beginning} three linda"),
    ]
    one, same, other_prompt, other_fact = model.logits(cut)
    assert np.array_equal(one, same)
    assert not np.allclose(one, other_prompt, atol=1e-4)
    assert not np.allclose(one, other_fact, atol=1e-4)


def test_what_no_encoding_has_is_read_as_a_question_mark(model: PairModel) -> None:
    assert np.array_equal(model.logits([("who \udce9", "\udce9 is")]), model.logits([("who ?", "? is")]))


def test_the_longest_texts_take_no_time(model: PairModel) -> None:
    pair = ("one two " * 2_000, "is who " * 1_000)
    short = ("one two " * 30, "is who " * 30)
    expected = model.logits([short])
    start = time.process_time()
    found = model.logits([pair])
    assert time.process_time() - start < 0.5
    assert np.array_equal(found, expected)
