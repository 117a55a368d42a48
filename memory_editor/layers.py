"""Where the parts of any causal language model are, found by their shape rather than by a table of names."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Final

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memory_editor.errors import ConfigError, ModelError

_EXAMPLE: Final = "name the module yourself, e.g. 'model.layers.25.mlp.down_proj'"
_UNCHANGED: Final = "use a backend that changes no weights: ours, rag or serac"
_ATTRIBUTE: Final = "memedit_layout"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the parts of a model's blocks are: paths with `{}` in place of the number; what is not given is found."""

    block: str | None = None
    """E.g. "model.layers.{}"."""
    mlp_inputs: tuple[str, ...] = ()
    """E.g. "model.layers.{}.mlp.gate_proj" and "model.layers.{}.mlp.up_proj"."""
    mlp_output: str | None = None
    """E.g. "model.layers.{}.mlp.down_proj"."""
    attention_output: str | None = None
    """E.g. "model.layers.{}.self_attn.o_proj"."""

    def __post_init__(self) -> None:
        for template in (self.block, *self.mlp_inputs, self.mlp_output, self.attention_output):
            if template is not None and template.count("{}") != 1:
                raise ConfigError(f"the path {template!r} must hold {{}} once, in place of the block's number")

    def put_on(self, model: PreTrainedModel) -> None:
        """Have the parts of a model, and of every copy of it, be here from now on.

        Raises `ModelError` where the first block has none of them here.
        """
        previous = _layout(model)
        setattr(model, _ATTRIBUTE, self)
        try:
            first = block_paths(model)[0]
            for template in filter(None, (*self.mlp_inputs, self.mlp_output, self.attention_output)):
                _placed(model, template, first)
        except ModelError:
            setattr(model, _ATTRIBUTE, previous)
            raise


def block_paths(model: PreTrainedModel) -> list[str]:
    """Return the paths of the transformer's blocks, first to last: the list of modules that holds the most parameters.

    Raises `ModelError` for a model that has none.
    """
    if template := _layout(model).block:
        names = {name for name, _ in model.named_modules()}
        paths = [*takewhile(names.__contains__, (template.replace("{}", str(number)) for number in count()))]
    else:
        lists = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.ModuleList)]
        path, blocks = max(lists, key=lambda found: _size(found[1]), default=("", nn.ModuleList()))
        paths = [f"{path}.{number}" for number in range(len(blocks))]
    if not paths:
        raise ModelError(f"no list of transformer blocks found in {type(model).__name__}; {_EXAMPLE}")
    return paths


def projection_path(model: PreTrainedModel, block: str) -> str:
    """Return the path of the last projection of a block's MLP: the widest that ends in the model's own width.

    Raises `ModelError` for a block that has none, or one for each of several experts.
    """
    if template := _layout(model).mlp_output:
        return _placed(model, template, block)
    width = _width(model)
    _refuse_experts(model, block)
    found = {path: given for path, (given, made) in _projections(model, block).items() if made == width}
    if not found:
        raise ModelError(f"no MLP projection to {width} numbers found in {block} of {type(model).__name__}; {_EXAMPLE}")
    return max(reversed(found), key=lambda path: found[path])  # of equals the last, which is after attention


def mlp_input_paths(model: PreTrainedModel, block: str) -> tuple[str, ...]:
    """Return the paths of the projections that a block's MLP begins with: one, or gate and input, or both as one.

    Raises `ModelError` for a block that has none.
    """
    if templates := _layout(model).mlp_inputs:
        return tuple(_placed(model, template, block) for template in templates)
    output, width = projection_path(model, block), _width(model)
    inner, _ = widths(model, output)
    beside = _beside(model, block, output)
    found = tuple(path for path, (given, made) in beside.items() if given == width and made in (inner, 2 * inner))
    if not found:
        raise ModelError(f"no MLP projection from {width} numbers found beside {output}; {_EXAMPLE}")
    return found


def attention_output_path(model: PreTrainedModel, block: str) -> str:
    """Return the path of the last projection of a block's attention.

    Raises `ModelError` for a block that has none.
    """
    if template := _layout(model).attention_output:
        return _placed(model, template, block)
    output, width = projection_path(model, block), _width(model)
    mlp = {output, *_beside(model, block, output)}
    found = [path for path, (_, made) in _projections(model, block).items() if made == width and path not in mlp]
    if not found:
        raise ModelError(f"no attention output of {width} numbers found in {block}; {_EXAMPLE}")
    return found[-1]


def checked_projection(model: PreTrainedModel, path: str) -> str:
    """Return the path of a projection that a user names; raises `ModelError` if the model has none there."""
    names = dict(model.named_modules())
    if path not in names or not _projection(names[path]):
        raise ModelError(f"{type(model).__name__} has no projection {path!r}; {_EXAMPLE}")
    return path


def editable_weight(model: PreTrainedModel, projection: str) -> str:
    """Return the name of the matrix of a projection; raises `ModelError` for one that cannot be changed."""
    weight = model.get_submodule(checked_projection(model, projection)).get_parameter("weight")
    if not weight.is_floating_point() or weight.is_meta:
        kept = "not in memory" if weight.is_meta else f"quantized to {weight.dtype}".replace("torch.", "")
        raise ModelError(f"the weights of {projection} are {kept}; load them in bfloat16, or {_UNCHANGED}")
    return f"{projection}.weight"


def widths(model: PreTrainedModel, projection: str) -> tuple[int, int]:
    """Return how many numbers the projection at a path takes and gives."""
    shape = _projection(model.get_submodule(checked_projection(model, projection)))
    return shape or (0, 0)


def _layout(model: PreTrainedModel) -> Layout:
    layout: Layout = getattr(model, _ATTRIBUTE, Layout())
    return layout


def _placed(model: PreTrainedModel, template: str, block: str) -> str:
    """Return the path that a template gives for a block."""
    return checked_projection(model, template.replace("{}", str(block_paths(model).index(block))))


def _beside(model: PreTrainedModel, block: str, output: str) -> Mapping[str, tuple[int, int]]:
    """Return the other projections in the module of an MLP's last one, which may be the block."""
    parent = output.rpartition(".")[0]
    found = _projections(model, block)
    return {path: shape for path, shape in found.items() if path.rpartition(".")[0] == parent and path != output}


def _projections(model: PreTrainedModel, block: str) -> dict[str, tuple[int, int]]:
    modules = model.get_submodule(block).named_modules()
    return {f"{block}.{path}": shape for path, module in modules if (shape := _projection(module))}


def _projection(module: nn.Module) -> tuple[int, int] | None:
    """Return the widths of a module's input and output if it multiplies by a matrix."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, Conv1D):
        return module.nx, module.nf
    return None


def _refuse_experts(model: PreTrainedModel, block: str) -> None:
    """Raise `ModelError` for a block whose MLP is a mixture: matrices in one parameter, or a list of MLPs."""
    module, width = model.get_submodule(block), _width(model)
    stacks = [p for p in module.parameters() if p.dim() == 3 and width in p.shape[1:] and min(p.shape[1:]) > 1]
    lists = [part for part in module.modules() if isinstance(part, nn.ModuleList) and len(part) > 1]
    if stacks or any(_projection(part) for experts in lists for part in experts.modules()):
        raise ModelError(f"{block} of {type(model).__name__} is a mixture of experts; {_UNCHANGED}, or {_EXAMPLE}")


def _width(model: PreTrainedModel) -> int:
    width: int = model.config.get_text_config().hidden_size
    return width


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
