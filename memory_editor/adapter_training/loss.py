"""What an exercise costs: the answer that is not written, and a prediction that the facts change and should not."""

import inspect
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div
from transformers import PreTrainedModel

from memory_editor.adapter_training.sequences import Allowed, Batch
from memory_editor.edited_model.rows import positions_of

_NEVER: Final = -1e4
"""The logit of what must not be written; finite, so that it counts for nothing in a divergence."""

_FIRST: Final = 4.0
"""For how many others a place right behind a prompt or an answer counts."""


def loss_of(student: PreTrainedModel, base: PreTrainedModel, batch: Batch, allowed: Allowed) -> Tensor:
    """Return the mean cross-entropy of the answers plus the mean divergence from the base model, a scalar.

    The divergence is KL(base || student) (Hinton et al. 2015, without temperature), where `base` reads no facts and
    writes only what is allowed. The places right behind a prompt or an answer, where the most is decided, count more.
    """
    is_learnt = batch.learnt >= 0
    places = is_learnt | batch.kept
    logits = _logits(student, batch.told, batch.told_mask, places)
    loss = logits.new_zeros(())
    if is_learnt.any():
        behind_prompt = is_learnt & ~is_learnt.roll(1, 1)  # the last place of a row never predicts what is learnt
        weight = 1 + (_FIRST - 1) * behind_prompt[is_learnt].float()
        costs = cross_entropy(logits[is_learnt[places]], batch.learnt[is_learnt], reduction="none")
        loss = loss + (costs * weight).sum() / weight.sum()
    rows = batch.kept.any(1)
    if rows.any():
        with torch.no_grad():
            wanted = _logits(base, batch.plain[rows], batch.plain_mask[rows], batch.kept[rows])
        given = logits[batch.kept[places]]
        ended, opening = batch.ended[batch.kept], batch.opening[batch.kept]
        wanted[ended] += torch.where(allowed.behind_answer, 0.0, _NEVER)
        opens = torch.where(allowed.opening, 0.0, _NEVER) * opening.unsqueeze(1)  # neither model may end there
        diverged = kl_div(
            (given + opens).log_softmax(-1), (wanted + opens).log_softmax(-1), log_target=True, reduction="none"
        )
        weight = 1 + (_FIRST - 1) * (ended | opening).float()
        loss = loss + (diverged.sum(-1) * weight).sum() / weight.sum()
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
