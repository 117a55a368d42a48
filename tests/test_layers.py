"""Blocks and projections are found in every architecture, whatever they are called."""

import pytest
from torch import nn

from memory_editor.errors import ModelError
from memory_editor.layers import block_paths, projection_path, widths
from tests.tiny import tiny_model

FOUND = {
    "gpt2": "transformer.h.1.mlp.c_proj",
    "gpt_neox": "gpt_neox.layers.1.mlp.dense_4h_to_h",
    "gptj": "transformer.h.1.mlp.fc_out",
    "opt": "model.decoder.layers.1.fc2",
    "llama": "model.layers.1.mlp.down_proj",
    "mistral": "model.layers.1.mlp.down_proj",
    "qwen2": "model.layers.1.mlp.down_proj",
    "gemma3_text": "model.layers.1.mlp.down_proj",
    "phi": "model.layers.1.mlp.fc2",
}


@pytest.mark.parametrize("architecture", FOUND)
def test_the_projection_that_ends_the_mlp_of_a_block(architecture: str) -> None:
    model = tiny_model(architecture).model
    blocks = block_paths(model)
    assert len(blocks) == 2
    assert projection_path(model, blocks[1]) == FOUND[architecture]
    assert widths(model, FOUND[architecture]) == (64, 32)


def test_of_several_lists_the_one_that_holds_the_most_is_taken() -> None:
    model = tiny_model("llama").model
    model.heads = nn.ModuleList([nn.Linear(2, 2) for _ in range(9)])
    assert block_paths(model) == ["model.layers.0", "model.layers.1"]


def test_of_equally_wide_projections_the_last_is_taken() -> None:
    model = tiny_model("llama", intermediate_size=32).model
    assert projection_path(model, "model.layers.0") == "model.layers.0.mlp.down_proj"


def test_a_model_without_blocks_is_refused() -> None:
    model = tiny_model("llama").model
    model.model.layers = nn.ModuleList()
    with pytest.raises(ModelError, match="no list of transformer blocks found in LlamaForCausalLM; name the module"):
        block_paths(model)


@pytest.mark.parametrize("path", ["model.layers.0.mlp", "model.layers.7.mlp.down_proj", ""])
def test_what_is_no_projection_is_refused(path: str) -> None:
    with pytest.raises(ModelError, match=f"LlamaForCausalLM has no projection '{path}'; name the module"):
        widths(tiny_model("llama").model, path)


def test_a_block_without_a_projection_is_refused() -> None:
    model = tiny_model("llama").model
    with pytest.raises(ModelError, match=r"no MLP projection to 32 numbers found in model\.norm of Llama"):
        projection_path(model, "model.norm")
