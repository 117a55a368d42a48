"""A small cross-encoder over a prompt and a fact: does the prompt ask for what the fact says? Knows no memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from memory_editor.bert_encoder import Bert, load_weights
from memory_editor.text import encodable

Logits = NDArray[np.float32]
"""Shape (pairs, 3): out of scope, direct, consequence."""

Pair = tuple[str, str]
"""A prompt and a fact, the mentions of the fact's subject masked in both."""

CLASSES: Final = 3

PROMPT_TOKENS: Final = 48
"""How many tokens of a prompt's end are read: what it asks stands there."""

FACT_TOKENS: Final = 40
"""How many tokens of a fact's beginning are read."""

_CHARACTERS: Final = 1_000
"""How much of a text is tokenised: more than the tokens that are read ever take up."""

_BATCH: Final = 32


class PairModel:
    """MiniLM with a LoRA (Hu et al. 2022) merged into it, under a linear head.

    The head sees the state of the first token, as in BERT's own classifiers, beside the mean of all states.
    """

    def __init__(self, base: Path, adapter: Mapping[str, Tensor]) -> None:
        """Merge `adapter`, under BERT's own names, into the model in `base`, without layers beyond its last."""
        self._bert = Bert(base, _merged(load_weights(base), adapter), layers=_layers(adapter))
        self._head = nn.Linear(2 * self._bert.dimension, CLASSES)
        self._head.load_state_dict({name: adapter[f"head.{name}"].float() for name in ("weight", "bias")})

    @torch.inference_mode()
    def logits(self, pairs: Sequence[Pair]) -> Logits:
        """Return the logits of `pairs`."""
        found = np.empty((len(pairs), CLASSES), np.float32)
        encodings = tokenised(self._bert.tokenizer, pairs)
        # Pairs of like length together waste no work on padding.
        order = sorted(range(len(pairs)), key=lambda i: len(encodings[i]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            states, mask = self._bert([encodings[i] for i in batch])
            found[batch] = self._head(pooled(states, mask)).numpy()
        return found


def tokenised(tokenizer: Tokenizer, pairs: Sequence[Pair]) -> list[Encoding]:
    """Return each pair as one sequence of the end of its prompt and the beginning of its fact."""
    # Cut before as well as after: the tokenizer pairs what it cut off, too, over and over.
    ends = [encodable(prompt[-_CHARACTERS:]) for prompt, _ in pairs]
    beginnings = [encodable(fact[:_CHARACTERS]) for _, fact in pairs]
    prompts, facts = (tokenizer.encode_batch(texts, add_special_tokens=False) for texts in (ends, beginnings))
    for prompt, fact in zip(prompts, facts, strict=True):
        prompt.truncate(PROMPT_TOKENS, direction="left")
        fact.truncate(FACT_TOKENS)
    return [tokenizer.post_process(prompt, fact) for prompt, fact in zip(prompts, facts, strict=True)]


def pooled(states: Tensor, mask: Tensor) -> Tensor:
    """Return what the head sees of token states of shape (pairs, tokens, dimension): shape (pairs, 2 * dimension)."""
    return torch.cat([states[:, 0], (states * mask).sum(1) / mask.sum(1)], dim=1)


def _layers(adapter: Mapping[str, Tensor]) -> int:
    return 1 + max(int(name.split(".")[2]) for name in adapter if name.startswith("encoder.layer."))


def _merged(weights: dict[str, Tensor], adapter: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return BERT's weights with the products of the LoRA's factors added, which are scaled already."""
    merged = dict(weights)
    for name, down in adapter.items():
        if name.endswith(".lora_A.weight"):
            module = name.removesuffix(".lora_A.weight")
            up = adapter[f"{module}.lora_B.weight"]
            merged[f"{module}.weight"] = weights[f"{module}.weight"] + up.float() @ down.float()
    return merged
