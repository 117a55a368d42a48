"""BERT on plain PyTorch computes what transformers' BERT computes, whatever a text is padded to."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Encoding
from transformers import BertModel

from memory_editor.bert_encoder import Bert, BertEncoder, is_bert_of_means, load_weights
from tests.tiny_bert import WINDOW, bert_config, random_weights, tiny_wordpiece, write_tiny_bert

TEXTS = ["Who runs Twitter?", "the capital of France is Lyon", "x", "one two three " * 9]
PAIRS = [("who runs [MASK]?", "[MASK] is Linda"), ("two", "the capital of France"), ("Q: one", "")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def bert(folder: Path) -> Bert:
    return Bert(folder)


def encoded(bert: Bert) -> list[Encoding]:
    return [*bert.tokenizer.encode_batch(TEXTS), *bert.tokenizer.encode_batch(PAIRS)]


@torch.inference_mode()
@pytest.mark.parametrize("layers", [None, 2, 1])
def test_the_states_are_those_of_transformers(folder: Path, layers: int | None) -> None:
    bert = Bert(folder, layers=layers)
    reference = BertModel(bert_config(tiny_wordpiece()), add_pooling_layer=False).train(mode=False)
    reference.load_state_dict(load_weights(folder))
    reference.encoder.layer = reference.encoder.layer[:layers]
    for encoding in encoded(bert):
        ids, kinds = torch.tensor([encoding.ids]), torch.tensor([encoding.type_ids])
        states, mask = bert([encoding])
        assert torch.equal(mask, torch.ones(1, len(encoding), 1, dtype=torch.int64))
        assert torch.allclose(states, reference(ids, token_type_ids=kinds).last_hidden_state, atol=1e-5)


def test_padding_changes_no_state(bert: Bert) -> None:
    lengths = [len(encoding) for encoding in encoded(bert)]
    alone = [bert([encoding])[0][0] for encoding in encoded(bert)]
    states, mask = bert(encoded(bert))
    assert states.shape == (len(lengths), max(lengths), 16)
    assert mask.sum((1, 2)).tolist() == lengths
    for together, expected, length in zip(states, alone, lengths, strict=True):
        assert torch.allclose(together[:length], expected, atol=1e-5)


def test_what_the_tokenizer_file_says_of_length_does_not_count(bert: Bert) -> None:
    assert tiny_wordpiece().truncation is not None
    assert (bert.tokenizer.truncation, bert.tokenizer.padding) == (None, None)
    assert [len(encoding) for encoding in bert.tokenizer.encode_batch(["one", "one " * 50])] == [3, 52]


def test_weights_take_the_place_of_the_files(bert: Bert, folder: Path) -> None:
    other = random_weights(bert_config(tiny_wordpiece()), seed=1)
    states = [Bert(folder, weights)(encoded(bert))[0] for weights in (load_file(folder / "model.safetensors"), other)]
    assert torch.equal(states[0], bert(encoded(bert))[0])
    assert not torch.allclose(states[0], states[1], atol=0.1)


@pytest.mark.parametrize("missing", ["embeddings.LayerNorm.bias", "encoder.layer.1.attention.self.key.weight"])
def test_weights_that_are_missing_are_an_error(folder: Path, missing: str) -> None:
    weights = load_weights(folder)
    del weights[missing]
    with pytest.raises(KeyError, match=missing):
        Bert(folder, weights)


def test_a_vector_is_the_mean_of_the_states_of_unit_length(bert: Bert, folder: Path) -> None:
    encoder = BertEncoder(folder)
    assert (encoder.dimension, encoder.window) == (16, WINDOW)
    short = TEXTS[:3]
    for vector, encoding in zip(encoder(short), bert.tokenizer.encode_batch(short), strict=True):
        mean = bert([encoding])[0][0].mean(0)
        assert torch.allclose(vector, mean / mean.norm(), atol=1e-6)


def test_of_a_text_beyond_the_window_the_end_counts(folder: Path) -> None:
    encoder = BertEncoder(folder)
    end = "one two three who runs twitter in france is the ceo of lyon"  # with [CLS] and [SEP] just the window
    assert len(end.split()) == WINDOW - 3
    one, other, longer = encoder([f"linda {end}", f"{'lyon ' * 40}linda {end}", f"lyon {end}"])
    assert torch.equal(one, other)
    assert not torch.allclose(one, longer, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("modules.json", [{"type": "sentence_transformers.models.Transformer"}]),
        ("config.json", {"model_type": "roberta", "hidden_size": 16, "hidden_act": "gelu"}),
        ("config.json", {"model_type": "bert", "hidden_size": 16, "hidden_act": "relu"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("sentence_bert_config.json", None),
    ],
)
def test_only_a_bert_of_means_is_taken_for_one(tmp_path: Path, name: str, values: object) -> None:
    folder = write_tiny_bert(tmp_path)
    assert is_bert_of_means(folder)
    if values is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(json.dumps(values))
    assert not is_bert_of_means(folder)
