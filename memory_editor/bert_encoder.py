"""BERT sentence encoders such as MiniLM on plain PyTorch; knows no other architecture.

A layer of BERT (Devlin et al. 2019) is the post-norm layer of the original Transformer, which PyTorch has. Building on
that takes a fraction of a second where importing transformers' own classes takes five, and `add-fact` pays for it.
"""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

# Texts of several lengths are a nested tensor inside PyTorch's encoder, of whose own interface that warns.
warnings.filterwarnings("ignore", "The PyTorch API of nested tensors", UserWarning)

_PARTS = {
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "output.LayerNorm": "norm2",
}
"""What a layer's parts are called in BERT's files, and in PyTorch."""


class Bert(nn.Module):
    """BERT without its pooler: token ids in, token states out."""

    def __init__(self, folder: Path, weights: dict[str, Tensor] | None = None, *, layers: int | None = None) -> None:
        """Load the model in `folder`, or only its first `layers`.

        `weights`, under BERT's own names, take the place of the file's.
        """
        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        self.dimension: int = config["hidden_size"]
        self.tokenizer = load_tokenizer(folder)
        self._padding: int = config["pad_token_id"]
        self.words = nn.Embedding(config["vocab_size"], self.dimension)
        self.positions = nn.Embedding(config["max_position_embeddings"], self.dimension)
        self.kinds = nn.Embedding(config["type_vocab_size"], self.dimension)
        self.norm = nn.LayerNorm(self.dimension, eps=config["layer_norm_eps"])
        layer = nn.TransformerEncoderLayer(
            self.dimension,
            config["num_attention_heads"],
            config["intermediate_size"],
            activation="gelu",
            layer_norm_eps=config["layer_norm_eps"],
            batch_first=True,
        )
        kept = config["num_hidden_layers"] if layers is None else layers
        self.layers = nn.TransformerEncoder(layer, kept)
        self.load_state_dict(_renamed(weights or load_weights(folder), kept))
        self.eval()

    @torch.inference_mode()
    def forward(self, encodings: Sequence[Encoding]) -> tuple[Tensor, Tensor]:
        """Return the states of tokenised texts and the mask of what is no padding.

        Shapes (texts, tokens, dimension) and (texts, tokens, 1).
        """
        device = self.words.weight.device
        longest = max(map(len, encodings))
        for encoding in encodings:
            encoding.pad(longest, pad_id=self._padding)
        ids = torch.tensor([encoding.ids for encoding in encodings], device=device)
        kinds = torch.tensor([encoding.type_ids for encoding in encodings], device=device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        positions = torch.arange(ids.shape[1], device=device)
        states = self.norm(self.words(ids) + self.positions(positions) + self.kinds(kinds))
        # Where a mask says that there is padding, PyTorch leaves it out of the work.
        padded = None if mask.all() else mask == 0
        return self.layers(states, src_key_padding_mask=padded), mask.unsqueeze(-1)


class BertEncoder(nn.Module):
    """The mean of BERT's token states, of unit length; of a text beyond the window the end counts."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.window: int = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
        self.bert = Bert(folder)
        self.bert.tokenizer.enable_truncation(self.window, direction="left")
        self.dimension = self.bert.dimension

    @torch.inference_mode()
    def forward(self, texts: list[str]) -> Tensor:
        """Return the vectors of `texts`, shape (texts, dimension)."""
        states, mask = self.bert(self.bert.tokenizer.encode_batch(texts))
        return nn.functional.normalize((states * mask).sum(1), dim=1)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of the model in `folder`, which neither cuts texts nor pads them."""
    tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def load_weights(folder: Path) -> dict[str, Tensor]:
    """Return the weights of the model in `folder` under BERT's own names."""
    return load_file(folder / "model.safetensors")


def is_bert_of_means(folder: Path) -> bool:
    """Say whether a sentence-transformers folder holds a BERT whose token states are averaged and normalised."""
    names = ("modules.json", "config.json", "1_Pooling/config.json", "sentence_bert_config.json", "tokenizer.json")
    if not all((folder / name).exists() for name in (*names, "model.safetensors")):
        return False
    modules, config, pooling, *_ = (json.loads((folder / name).read_text()) for name in names[:3])
    kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
    is_plain = (config["model_type"], config["hidden_act"], config.get("position_embedding_type", "absolute"))
    return (
        kinds == ["Transformer", "Pooling", "Normalize"]
        and is_plain == ("bert", "gelu", "absolute")
        and bool(pooling.get("pooling_mode_mean_tokens"))
    )


def _renamed(weights: dict[str, Tensor], layers: int) -> dict[str, Any]:
    """Return BERT's weights under the names of `BertEncoder`; what the mean does not need is left out."""
    own = {
        "words.weight": weights["embeddings.word_embeddings.weight"],
        "positions.weight": weights["embeddings.position_embeddings.weight"],
        "kinds.weight": weights["embeddings.token_type_embeddings.weight"],
    }
    for kind in ("weight", "bias"):
        own[f"norm.{kind}"] = weights[f"embeddings.LayerNorm.{kind}"]
        for number in range(layers):
            source, target = f"encoder.layer.{number}", f"layers.layers.{number}"
            attention = [weights[f"{source}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            own[f"{target}.self_attn.in_proj_{kind}"] = torch.cat(attention)
            own |= {f"{target}.{new}.{kind}": weights[f"{source}.{old}.{kind}"] for old, new in _PARTS.items()}
    return own
