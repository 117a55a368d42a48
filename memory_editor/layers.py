"""Where the parts of any causal language model are, found by their shape rather than by a table of names."""

from typing import Final

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memory_editor.errors import ModelError

_EXAMPLE: Final = "name the module yourself, e.g. 'model.layers.25.mlp.down_proj'"


def block_paths(model: PreTrainedModel) -> list[str]:
    """Return the paths of the transformer's blocks, first to last: the list of modules that holds the most parameters.

    Raises `ModelError` for a model that has none.
    """
    lists = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    path, blocks = max(lists, key=lambda found: _size(found[1]), default=("", nn.ModuleList()))
    if not len(blocks):
        raise ModelError(f"no list of transformer blocks found in {type(model).__name__}; {_EXAMPLE}")
    return [f"{path}.{number}" for number in range(len(blocks))]


def projection_path(model: PreTrainedModel, block: str) -> str:
    """Return the path of the last projection of a block's MLP: the widest that ends in the model's own width.

    Raises `ModelError` for a block that has none.
    """
    width = model.config.get_text_config().hidden_size
    found: dict[str, int] = {}
    for path, module in model.get_submodule(block).named_modules():
        shape = _projection(module)
        if shape and shape[1] == width:
            found[f"{block}.{path}"] = shape[0]
    if not found:
        raise ModelError(f"no MLP projection to {width} numbers found in {block} of {type(model).__name__}; {_EXAMPLE}")
    return max(reversed(found), key=lambda path: found[path])  # of equals the last, which is after attention


def checked_projection(model: PreTrainedModel, path: str) -> str:
    """Return the path of a projection that a user names; raises `ModelError` if the model has none there."""
    names = dict(model.named_modules())
    if path not in names or not _projection(names[path]):
        raise ModelError(f"{type(model).__name__} has no projection {path!r}; {_EXAMPLE}")
    return path


def widths(model: PreTrainedModel, projection: str) -> tuple[int, int]:
    """Return how many numbers the projection at a path takes and gives."""
    shape = _projection(model.get_submodule(checked_projection(model, projection)))
    return shape or (0, 0)


def _projection(module: nn.Module) -> tuple[int, int] | None:
    """Return the widths of a module's input and output if it multiplies by a matrix."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, Conv1D):
        return module.nx, module.nf
    return None


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
