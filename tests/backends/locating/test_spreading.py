"""It is seen of a model whether its blocks add what their MLPs make."""

import pytest
import torch

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.locating.recall import Site
from memory_editor.backends.locating.spreading import adds_as_it_is
from memory_editor.layers import block_paths, projection_path
from tests.backends.locating.lively import NOT_ADDING, lively_model
from tests.tiny import ARCHITECTURES


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("architecture", sorted({*ARCHITECTURES, *NOT_ADDING}))
def test_it_is_seen_whether_a_block_adds_what_its_projection_makes(architecture: str, dtype: torch.dtype) -> None:
    base = lively_model(architecture)
    model = sharing_weights(base.model.to(dtype))  # type: ignore[arg-type]
    for block in block_paths(model):
        projection = Site(model, projection_path(model, block))
        assert adds_as_it_is(projection, Site(model, block), 40) is (architecture not in NOT_ADDING)
