"""What an exercise costs: the answer that is not written, and a prediction that the facts change and should not."""

import inspect
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div
from transformers import PreTrainedModel

from memory_editor.adapter_training.sequences import Batch
from memory_editor.edited_model.rows import positions_of

_NEVER: Final = -1e4
"""The logit of what must not be written; finite, so that it counts for nothing in a divergence."""


def loss_of(student: PreTrainedModel, base: PreTrainedModel, batch: Batch, word_starts: Tensor) -> Tensor:
    """Return the mean cross-entropy of the answers plus the mean divergence from the base model, a scalar.

    The divergence is KL(base || student) (Hinton et al. 2015, without temperature), where `base` reads no facts. Right
    behind an answer it may only go on with `word_starts`, shape (vocabulary,): "BBC" is not to become "BBC1".
    """
    is_learnt = batch.learnt >= 0
    places = is_learnt | batch.kept
    logits = _logits(student, batch.told, batch.told_mask, places)
    loss = logits.new_zeros(())
    if is_learnt.any():
        loss = loss + cross_entropy(logits[is_learnt[places]], batch.learnt[is_learnt])
    rows = batch.kept.any(1)
    if rows.any():
        with torch.no_grad():
            wanted = _logits(base, batch.plain[rows], batch.plain_mask[rows], batch.kept[rows])
        wanted[batch.ended[batch.kept]] += torch.where(word_starts, 0.0, _NEVER)
        given = logits[batch.kept[places]]
        loss = loss + kl_div(given.log_softmax(-1), wanted.log_softmax(-1), reduction="batchmean", log_target=True)
    return loss


def _logits(model: PreTrainedModel, ids: Tensor, mask: Tensor, places: Tensor) -> Tensor:
    """Return float32 logits of chosen ones of the last places of each row, shape (chosen, vocabulary).

    Of a large vocabulary the logits of all places would cost as much as several layers.
    """
    window = places.shape[1]
    known = inspect.signature(model.forward).parameters
    options = {"position_ids": positions_of(mask), "logits_to_keep": window}
    taken = {name: value for name, value in options.items() if name in known}

    def choose(_: Any, hidden: tuple[Tensor]) -> tuple[Tensor]:
        return (hidden[0][:, -window:][places],)

    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    handle = head.register_forward_pre_hook(choose)
    try:
        logits: Tensor = model(ids, attention_mask=mask, use_cache=False, **taken).logits
    finally:
        handle.remove()
    return logits.float()
