"""Training the pair model: a LoRA on the first layers of MiniLM, and a head; knows no sources and no memory."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import BertConfig, BertModel

from memory_editor.bert_encoder import load_tokenizer
from memory_editor.models.files import quiet
from memory_editor.scope.pair_model import CLASSES, Pair, pooled, tokenised
from memory_editor.scope.training.examples import Label

LAYERS: Final = 4
"""How many of the base model's layers are kept, if it has so many."""

_RANK: Final = 32
_ALPHA: Final = 64
_MODULES: Final = ["query", "key", "value", "dense"]

_BATCH: Final = 32
_SORTED: Final = 32
"""How many batches are made at once of examples sorted by length."""

_LEARNING_RATE: Final = 1e-3
_WARM_UP: Final = 100
"""Over how many steps the learning rate rises; it then falls to 0."""

_WEIGHT_DECAY: Final = 0.01
_MOST_GRADIENT: Final = 1.0
"""The norm to which gradients are clipped."""

_PREFIX: Final = "base_model.model."
"""What peft puts before the base model's own names."""


class TrainablePairModel(nn.Module):
    """What `PairModel` runs, with the LoRA beside the weights that it adapts."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        self._tokenizer = load_tokenizer(base)
        self._bert = _with_lora(base)
        self.head = nn.Linear(2 * self._bert.config.hidden_size, CLASSES)

    def forward(self, pairs: Sequence[Pair]) -> Tensor:
        """Return the logits of `pairs`, shape (pairs, 3)."""
        encodings = tokenised(self._tokenizer, pairs)
        ids, kinds, mask = (
            pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
            for rows in (
                [encoding.ids for encoding in encodings],
                [encoding.type_ids for encoding in encodings],
                [encoding.attention_mask for encoding in encodings],
            )
        )
        states = self._bert(input_ids=ids, token_type_ids=kinds, attention_mask=mask).last_hidden_state
        logits: Tensor = self.head(pooled(states, mask.unsqueeze(-1)))
        return logits

    def trained(self) -> list[nn.Parameter]:
        """Return the parameters that are trained."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def adapter(self) -> dict[str, Tensor]:
        """Return what was trained as `PairModel` takes it: the LoRA's scale multiplied in, in half precision."""
        lora: dict[str, Tensor] = get_peft_model_state_dict(self._bert)
        own = {
            name.removeprefix(_PREFIX): weight * (_ALPHA / _RANK) if ".lora_B." in name else weight
            for name, weight in lora.items()
        }
        own |= {f"head.{name}": weight for name, weight in self.head.state_dict().items()}
        return {name: weight.detach().half().contiguous() for name, weight in own.items()}


def train_pair_model(
    base: Path,
    pairs: Sequence[Pair],
    labels: Sequence[Label],
    *,
    seed: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> TrainablePairModel:
    """Train on every pair once, in an order and from a start that the seed decides.

    `on_progress` is told the number of pairs seen so far.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TrainablePairModel(base)
    _train(model, pairs, labels, Random(seed), _LEARNING_RATE, on_progress)
    return model


def refine(
    model: TrainablePairModel,
    pairs: Sequence[Pair],
    labels: Sequence[Label],
    *,
    seed: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Train further on every pair once, at half the learning rate."""
    _train(model, pairs, labels, Random(seed), _LEARNING_RATE / 2, on_progress)


def _train(
    model: TrainablePairModel,
    pairs: Sequence[Pair],
    labels: Sequence[Label],
    rng: Random,
    rate: float,
    on_progress: Callable[[int], None],
) -> None:
    batches, weights = list(_batches(pairs, rng)), model.trained()
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / _WARM_UP) * (1 - step / len(batches))
    )
    seen = 0
    for batch in batches:
        logits = model([pairs[i] for i in batch])
        loss = nn.functional.cross_entropy(logits, torch.tensor([labels[i] for i in batch]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, _MOST_GRADIENT)
        optimizer.step()
        schedule.step()
        seen += len(batch)
        on_progress(seen)


def _batches(pairs: Sequence[Pair], rng: Random) -> Iterator[list[int]]:
    """Yield batches of the pairs' numbers; pairs of like length together waste no work on padding."""
    order = list(range(len(pairs)))
    rng.shuffle(order)
    for start in range(0, len(order), _BATCH * _SORTED):
        some = sorted(order[start : start + _BATCH * _SORTED], key=lambda i: sum(map(len, pairs[i])))
        batches = [some[at : at + _BATCH] for at in range(0, len(some), _BATCH)]
        rng.shuffle(batches)
        yield from batches


def _with_lora(base: Path) -> Any:
    with quiet():
        shape = BertConfig.from_pretrained(base, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        shape.num_hidden_layers = min(LAYERS, shape.num_hidden_layers)
        bert = BertModel.from_pretrained(
            base, config=shape, use_safetensors=True, add_pooling_layer=False, attn_implementation="sdpa"
        )
    config = LoraConfig(r=_RANK, lora_alpha=_ALPHA, lora_dropout=0.0, target_modules=_MODULES)
    with warnings.catch_warnings():
        # peft asks transformers for what it is about to rename.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(bert, config)
