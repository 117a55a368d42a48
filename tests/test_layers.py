"""Blocks and projections are found in every architecture, whatever they are called."""

import pytest
import torch
from torch import nn

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.errors import ConfigError, ModelError
from memory_editor.layers import (
    Layout,
    attention_output_path,
    block_paths,
    editable_weight,
    mlp_input_paths,
    projection_path,
    widths,
)
from tests.tiny import ARCHITECTURES, tiny_model

# By architecture: the blocks, and in a block the MLP's first projections, its last one, and attention's last one.
GATED = ("mlp.gate_proj", "mlp.up_proj")
FOUND = {
    "gpt2": ("transformer.h", ("mlp.c_fc",), "mlp.c_proj", "attn.c_proj"),
    "gpt_neox": ("gpt_neox.layers", ("mlp.dense_h_to_4h",), "mlp.dense_4h_to_h", "attention.dense"),
    "gptj": ("transformer.h", ("mlp.fc_in",), "mlp.fc_out", "attn.out_proj"),
    "opt": ("model.decoder.layers", ("fc1",), "fc2", "self_attn.out_proj"),
    "llama": ("model.layers", GATED, "mlp.down_proj", "self_attn.o_proj"),
    "mistral": ("model.layers", GATED, "mlp.down_proj", "self_attn.o_proj"),
    "qwen2": ("model.layers", GATED, "mlp.down_proj", "self_attn.o_proj"),
    "gemma3_text": ("model.layers", GATED, "mlp.down_proj", "self_attn.o_proj"),
    "phi": ("model.layers", ("mlp.fc1",), "mlp.fc2", "self_attn.dense"),
    "phi3": ("model.layers", ("mlp.gate_up_proj",), "mlp.down_proj", "self_attn.o_proj"),
}
MORE = {"phi3": {"intermediate_size": 64, "num_key_value_heads": 2}}


def test_every_architecture_is_here() -> None:
    assert FOUND.keys() == {*ARCHITECTURES, *MORE}


@pytest.mark.parametrize("architecture", FOUND)
def test_the_parts_of_a_block(architecture: str) -> None:
    model = tiny_model(architecture, **MORE.get(architecture, {})).model
    blocks, inputs, output, attention = FOUND[architecture]
    assert block_paths(model) == [f"{blocks}.0", f"{blocks}.1"]
    block = f"{blocks}.1"
    assert mlp_input_paths(model, block) == tuple(f"{block}.{path}" for path in inputs)
    assert projection_path(model, block) == f"{block}.{output}"
    assert attention_output_path(model, block) == f"{block}.{attention}"
    assert widths(model, f"{block}.{output}") == (64, 32)


def test_blocks_whose_attention_slides_and_does_not_are_alike() -> None:
    model = tiny_model("gemma3_text", sliding_window=4, layer_types=["sliding_attention", "full_attention"]).model
    for block in block_paths(model):
        assert projection_path(model, block) == f"{block}.mlp.down_proj"
        assert attention_output_path(model, block) == f"{block}.self_attn.o_proj"


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


def test_a_block_without_attention_or_mlp_input_is_refused() -> None:
    model = tiny_model("llama").model
    mlp = model.get_submodule("model.layers.0.mlp")
    mlp.gate_proj = mlp.up_proj = model.get_submodule("model.layers.0").self_attn = nn.Identity()
    with pytest.raises(
        ModelError, match=r"no MLP projection from 32 numbers found beside model\.layers\.0\.mlp\.down_"
    ):
        mlp_input_paths(model, "model.layers.0")
    with pytest.raises(ModelError, match=r"no attention output of 32 numbers found in model\.layers\.0; name"):
        attention_output_path(model, "model.layers.0")


def test_a_mixture_of_experts_is_refused() -> None:
    stacked = tiny_model("mixtral", intermediate_size=64, num_local_experts=2, num_key_value_heads=2).model
    listed = tiny_model("llama").model
    listed.get_submodule("model.layers.1").mlp = nn.ModuleList([nn.Linear(64, 32), nn.Linear(64, 32)])
    for model in (stacked, listed):
        for find in (projection_path, mlp_input_paths, attention_output_path):
            told = r"model\.layers\.1 of \w+ is a mixture of experts; use a backend that changes no weights: ours"
            with pytest.raises(ModelError, match=told):
                find(model, "model.layers.1")
    assert projection_path(listed, "model.layers.0") == "model.layers.0.mlp.down_proj"


def test_the_weight_of_a_projection_can_be_changed() -> None:
    model = tiny_model("gpt2").model
    assert editable_weight(model, "transformer.h.0.mlp.c_proj") == "transformer.h.0.mlp.c_proj.weight"


def test_a_quantized_weight_is_refused() -> None:
    model = tiny_model("llama").model
    path = "model.layers.0.mlp.down_proj"
    model.get_submodule(path).weight = nn.Parameter(torch.zeros(32, 64, dtype=torch.int8), requires_grad=False)
    with pytest.raises(ModelError, match=f"the weights of {path} are quantized to int8; load them in bfloat16, or use"):
        editable_weight(model, path)
    model.get_submodule(path).weight = nn.Parameter(torch.zeros(32, 64, device="meta"))
    with pytest.raises(ModelError, match="are not in memory"):
        editable_weight(model, path)


def test_a_layout_goes_before_what_is_found_and_stays_with_copies() -> None:
    model = tiny_model("llama").model
    Layout(
        block="model.layers.{}",
        mlp_inputs=("model.layers.{}.mlp.up_proj",),
        mlp_output="model.layers.{}.self_attn.o_proj",
        attention_output="model.layers.{}.self_attn.v_proj",
    ).put_on(model)
    for place in (model, sharing_weights(model)):
        assert block_paths(place) == ["model.layers.0", "model.layers.1"]
        assert mlp_input_paths(place, "model.layers.1") == ("model.layers.1.mlp.up_proj",)
        assert projection_path(place, "model.layers.1") == "model.layers.1.self_attn.o_proj"
        assert attention_output_path(place, "model.layers.1") == "model.layers.1.self_attn.v_proj"
    Layout().put_on(model)
    assert projection_path(model, "model.layers.1") == "model.layers.1.mlp.down_proj"


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        (Layout(block="model.blocks.{}"), "no list of transformer blocks found"),
        (Layout(mlp_output="model.layers.{}.mlp.c_proj"), r"no projection 'model\.layers\.0\.mlp\.c_proj'"),
        (Layout(mlp_inputs=("model.layers.{}.mlp",)), r"no projection 'model\.layers\.0\.mlp'"),
        (Layout(attention_output="{}.o_proj"), r"no projection '0\.o_proj'"),
    ],
)
def test_a_layout_of_another_model_is_refused(layout: Layout, told: str) -> None:
    model = tiny_model("llama").model
    with pytest.raises(ModelError, match=told):
        layout.put_on(model)
    assert projection_path(model, block_paths(model)[0]) == "model.layers.0.mlp.down_proj"


@pytest.mark.parametrize("path", ["model.layers.1", "{}.{}", ""])
def test_a_layout_has_a_place_for_the_number(path: str) -> None:
    with pytest.raises(ConfigError, match=r"must hold \{\} once"):
        Layout(mlp_output=path)
