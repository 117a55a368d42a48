"""The states that causal tracing restores, and the modules of a model that give them; knows no text."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from torch import Tensor, nn
from transformers import PreTrainedModel

from memory_editor.errors import ConfigError
from memory_editor.layers import attention_output_path, block_paths, projection_path


class Kind(StrEnum):
    """Whose states are restored: what a block returns, or its MLP, or its attention, before it is added."""

    LAYER = "layer"
    MLP = "mlp"
    ATTENTION = "attention"


class Restoration(NamedTuple):
    """States of one kind, in a run of blocks counted from 0, that are as they were before the corruption."""

    kind: Kind
    blocks: range


def kind_named(name: str) -> Kind:
    """Return the kind of that name; raises `ConfigError`."""
    try:
        return Kind(name)
    except ValueError as error:
        raise ConfigError(f"kind {name!r} is unknown; choose of {', '.join(Kind)}") from error


def modules_of(model: PreTrainedModel, kinds: Iterable[Kind]) -> dict[Kind, list[nn.Module]]:
    """Return the modules that give the states of each kind, one a block; raises `ModelError` where it has none."""
    paths = {Kind.LAYER: lambda _, block: block, Kind.MLP: projection_path, Kind.ATTENTION: attention_output_path}
    blocks = block_paths(model)
    return {kind: [model.get_submodule(paths[kind](model, block)) for block in blocks] for kind in kinds}


def states_in(output: Any) -> Tensor:
    """Return the hidden states in what a module returns."""
    states: Tensor = output[0] if isinstance(output, tuple) else output
    return states
