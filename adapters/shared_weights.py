"""A second model over the same weights, so that what is put on the one never shows in the other."""

import copy
from itertools import chain

from transformers import PreTrainedModel


def sharing_weights(model: PreTrainedModel) -> PreTrainedModel:
    """Return a copy of `model` with modules of its own, whose parameters and buffers are those of `model` themselves.

    Takes next to no memory. Modules may be replaced in it and hooks put on it, while other threads run `model`.
    """
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    return copy.deepcopy(model, shared)
