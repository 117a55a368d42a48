"""A tiny random BERT as the files in which sentence encoders travel; the same in every process."""

import json
import string
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel

_SPECIAL: Final = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")  # padding is not the first, so that its id counts
_WORDS: Final = "who what runs is the of in capital ceo founded twitter france linda lyon one two three".split()
_CHARACTERS: Final = string.ascii_lowercase + string.digits + string.punctuation
WINDOW: Final = 16
"""How many tokens of a text the encoder reads; the model has positions for more."""


def write_tiny_bert(folder: Path, seed: int = 0) -> Path:
    """Write a random BERT of 2 layers and width 16 into `folder`, in sentence-transformers form, and return it."""
    tokenizer = tiny_wordpiece()
    config = bert_config(tokenizer)
    files = {
        "config.json": config.to_dict() | {"hidden_act": "gelu"},
        "modules.json": [
            {"type": f"sentence_transformers.models.{kind}"} for kind in "Transformer Pooling Normalize".split()
        ],
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": WINDOW},
    }
    for name, values in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(values))
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(random_weights(config, seed), folder / "model.safetensors")
    return folder


def bert_config(tokenizer: Tokenizer) -> BertConfig:
    """Return the shape of the tiny BERT."""
    return BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=128,
        pad_token_id=tokenizer.token_to_id("[PAD]"),
    )


def random_weights(config: BertConfig, seed: int) -> dict[str, Tensor]:
    """Return weights under BERT's own names, none of them zero or one as freshly made models have them."""
    names = BertModel(config, add_pooling_layer=False).state_dict()
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(tensor.shape, generator=generator) * 0.4 for name, tensor in names.items()}


def tiny_wordpiece() -> Tokenizer:
    """Return a WordPiece tokenizer as BERT's, of a few words and all ASCII letters; like MiniLM's, it cuts and pads."""
    pieces = [*_SPECIAL, *_WORDS, *_CHARACTERS, *(f"##{character}" for character in _CHARACTERS)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.enable_truncation(12)
    tokenizer.enable_padding(length=20)
    return tokenizer
