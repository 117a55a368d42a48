"""A language model is loaded as it is or refused in one line, and reads and scores text as its own library does."""

import json
import logging
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers.processors import TemplateProcessing
from transformers import AutoModel, AutoModelForCausalLM, BloomConfig, MptConfig, PreTrainedTokenizerBase, T5Config

from memory_editor import language_model
from memory_editor.errors import ConfigError, MissingDependency, ModelError, PromptTooLong
from memory_editor.language_model import Dtype, LanguageModel, Message
from memory_editor.models.files import quiet
from tests.tiny import ARCHITECTURES, tiny_model, tiny_tokenizer

_CHAT: list[Message] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who runs Twitter?"}]


@pytest.fixture
def folder(tiny: LanguageModel, tmp_path: Path) -> Path:
    return _saved(tiny, tmp_path / "saved")


def _saved(source: LanguageModel, folder: Path) -> Path:
    with quiet():
        source.model.save_pretrained(folder)
        source.tokenizer.save_pretrained(folder)
    return folder


def _configured(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# Loading


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_saved_model_is_loaded_as_it_was(architecture: str, tmp_path: Path) -> None:
    source = tiny_model(architecture)
    loaded = LanguageModel.from_pretrained(str(_saved(source, tmp_path)), device="cpu")
    before, after = source.model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert loaded.fingerprint() == source.fingerprint()
    assert (loaded.dtype, loaded.device) == (torch.float32, torch.device("cpu"))
    assert not loaded.model.training
    assert loaded.encode("The CEO of Twitter is") == source.encode("The CEO of Twitter is")
    assert loaded.context_window == 256


def test_loading_writes_nothing_and_restores_the_logs(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    level = logging.getLogger("transformers").level
    filters = list(warnings.filters)
    LanguageModel.from_pretrained(str(folder))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("transformers").level == level
    assert warnings.filters == filters


def test_the_name_is_the_one_given(folder: Path, tiny: LanguageModel) -> None:
    assert LanguageModel.from_pretrained(str(folder)).name == str(folder)
    assert LanguageModel(tiny.model, tiny.tokenizer).name == "LlamaForCausalLM"


def test_the_dtype_is_the_stored_one_unless_another_is_asked_for(tmp_path: Path) -> None:
    source = tiny_model()
    source.model.bfloat16()
    name = str(_saved(source, tmp_path))
    assert LanguageModel.from_pretrained(name).dtype is torch.bfloat16
    assert LanguageModel.from_pretrained(name, dtype="float32").dtype is torch.float32
    assert LanguageModel.from_pretrained(name, dtype=Dtype.FLOAT16).dtype is torch.float16


def test_a_device_is_chosen_or_left_to_accelerate(folder: Path) -> None:
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    default = LanguageModel.from_pretrained(str(folder))
    assert default.device.type == (accelerator.type if accelerator else "cpu")
    assert LanguageModel.from_pretrained(str(folder), device="cpu").device.type == "cpu"
    assert LanguageModel.from_pretrained(str(folder), device="auto").device.type == default.device.type


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", ""])
def test_a_device_that_is_not_there_is_refused_before_loading(device: str) -> None:
    with pytest.raises(ConfigError, match=rf"^device '{device}' is not on this machine; choose one of cpu, auto"):
        LanguageModel.from_pretrained("nobody/nothing", device=device)


def test_an_unknown_dtype_is_refused_before_loading() -> None:
    with pytest.raises(ConfigError) as caught:
        LanguageModel.from_pretrained("nobody/nothing", dtype="float8")
    assert str(caught.value) == "dtype 'float8' is unknown; choose one of float32, bfloat16, float16, int8, int4"


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_quantized_dtypes_name_the_extra_they_need(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "find_spec", lambda _: None)
    with pytest.raises(MissingDependency) as caught:
        LanguageModel.from_pretrained("nobody/nothing", dtype=dtype)
    assert str(caught.value) == f"dtype '{dtype}' needs bitsandbytes; run `pip install 'memory-editor[quantized]'`"


@pytest.mark.parametrize(("dtype", "computes"), [("int8", torch.float16), ("int4", torch.bfloat16)])
def test_quantized_dtypes_are_asked_of_bitsandbytes(
    dtype: str, computes: torch.dtype, folder: Path, monkeypatch: pytest.MonkeyPatch, tiny: LanguageModel
) -> None:
    asked: dict[str, Any] = {}

    def load(_files: object, _name: str, **options: Any) -> tuple[object, PreTrainedTokenizerBase]:
        asked.update(options)
        return tiny.model, tiny.tokenizer

    monkeypatch.setattr(language_model, "find_spec", lambda _: object())
    monkeypatch.setattr(language_model, "load_pretrained", load)
    LanguageModel.from_pretrained(str(folder), device="cpu", dtype=dtype)
    assert asked["device_map"] == "cpu"
    assert getattr(torch, asked["dtype"]) is computes
    config = asked["quantization_config"]
    assert (config.load_in_8bit, config.load_in_4bit) == (dtype == "int8", dtype == "int4")


# What is refused


def _truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _drop_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _drop_the_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def _bring_code(folder: Path) -> None:
    (folder / "code.py").write_text("raise SystemExit('ran')")
    _configured(folder, model_type="own", auto_map={"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"})


def _save_a_t5(folder: Path) -> None:
    shutil.rmtree(folder)
    with quiet():
        config = T5Config(d_model=16, d_ff=16, d_kv=8, num_layers=1, num_heads=2, vocab_size=400)
        AutoModel.from_config(config).save_pretrained(folder)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "Error while deserializing header"),
        (_pickle, "holds no .safetensors file, and pickled weights are never loaded"),
        (_drop_a_weight, "model.norm.weight (of 1 such weights) is missing"),
        (lambda folder: _configured(folder, num_hidden_layers=3), "(of 9 such weights) is missing"),
        (
            lambda folder: _configured(folder, vocab_size=500),
            "lm_head.weight (of 2 such weights) is missing or of another shape",
        ),
        (_drop_the_tokenizer, "tokenizer"),
        (_bring_code, "contains custom code"),
        (_save_a_t5, "Unrecognized configuration class"),
        (lambda folder: _configured(folder, model_type="unheard-of"), "does not recognize this architecture"),
        (lambda folder: (folder / "config.json").write_text("{"), "not a valid JSON file"),
        (lambda folder: (folder / "config.json").unlink(), "Unrecognized model"),
    ],
    ids=[
        "truncated",
        "pickled",
        "weight missing",
        "layer missing",
        "shape",
        "no tokenizer",
        "foreign code",
        "not causal",
        "unknown type",
        "bad config",
        "no config",
    ],
)
def test_a_folder_that_cannot_be_loaded_is_refused_in_one_line(
    damage: Callable[[Path], object], message: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(folder)
    with pytest.raises(ModelError) as caught:
        LanguageModel.from_pretrained(str(folder))
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_folder_and_an_unknown_model_are_refused() -> None:
    with pytest.raises(ModelError, match=r"^no model './missing': give an alias \(smollm2-135m, gemma3-270m\)"):
        LanguageModel.from_pretrained("./missing")
    with pytest.raises(ModelError, match=r"^no model 'nobody/nothing': .* the hub cannot be reached"):
        LanguageModel.from_pretrained("nobody/nothing")


# The tokenizer it holds


def test_a_tokenizer_without_padding_gets_it_on_a_copy() -> None:
    mine = tiny_tokenizer(pad_token=None, padding_side="right")
    source = tiny_model()
    held = LanguageModel(source.model, mine).tokenizer
    assert (held.pad_token, held.padding_side) == ("<|im_end|>", "left")
    assert (mine.pad_token, mine.padding_side) == (None, "right")
    assert source.model.config.pad_token_id == 0


def test_a_tokenizer_that_can_pad_is_held_as_it_is(tiny: LanguageModel) -> None:
    mine = tiny_tokenizer()
    assert LanguageModel(tiny.model, mine).tokenizer is mine


def test_a_tokenizer_with_no_token_to_pad_with_is_refused(tiny: LanguageModel) -> None:
    with pytest.raises(ModelError, match=r"neither a pad nor an end token; set tokenizer.pad_token$"):
        LanguageModel(tiny.model, tiny_tokenizer(pad_token=None, eos_token=None))


# Text and tokens


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_decoding_gives_back_what_was_encoded(tiny: LanguageModel, text: str) -> None:
    assert tiny.decode(tiny.encode(text)) == text


def test_special_tokens_are_kept_on_request(tiny: LanguageModel) -> None:
    ids = tiny.encode("<|im_start|>user")
    assert ids[0] == tiny.tokenizer.bos_token_id
    assert tiny.decode(ids) == "user"
    assert tiny.decode(torch.tensor(ids), keep_special=True) == "<|im_start|>user"


def test_a_long_text_is_encoded_whole_without_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    source = tiny_model()
    short = LanguageModel(source.model, tiny_tokenizer(model_max_length=8))
    assert short.encode("Paris " * 100) == source.encode("Paris " * 100)
    assert capfd.readouterr() == ("", "")


def test_a_chat_ends_where_the_answer_begins(tiny: LanguageModel) -> None:
    assert tiny.chat_text(_CHAT) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nWho runs Twitter?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_chat_begins_with_one_beginning_token(tiny: LanguageModel) -> None:
    tokenizer = tiny_tokenizer()
    bos = ("<|im_start|>", tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])
    model = LanguageModel(tiny.model, tokenizer)
    assert model.encode(model.chat_text(_CHAT)) == tiny.encode(tiny.chat_text(_CHAT))


def test_a_model_without_a_chat_template_says_so(tiny: LanguageModel) -> None:
    model = LanguageModel(tiny.model, tiny_tokenizer(chat_template=None), "base")
    with pytest.raises(ModelError, match=r"^base has no chat template; give the prompt as text"):
        model.chat_text(_CHAT)


def test_what_a_chat_template_refuses_is_a_model_error(tiny: LanguageModel) -> None:
    template = "{{ raise_exception('no system role') }}"
    model = LanguageModel(tiny.model, tiny_tokenizer(chat_template=template), "strict")
    with pytest.raises(ModelError, match=r"^the chat template of strict refuses the messages: no system role;"):
        model.chat_text(_CHAT)


# Scoring


def test_log_probabilities_are_those_of_the_target_token_by_token(tiny_of_each: LanguageModel) -> None:
    model = tiny_of_each
    prompt, target = "The capital of France is", " Paris."
    ids, start = model.encode(prompt + target), len(model.encode(prompt))
    found = model.log_probabilities(prompt, target)
    assert found.shape == (len(ids) - start,)
    assert not found.requires_grad
    with torch.no_grad():
        for row, position in enumerate(range(start, len(ids))):
            logits = model.model(torch.tensor([ids[:position]])).logits[0, -1]
            assert found[row].item() == pytest.approx(logits.log_softmax(-1)[ids[position]].item(), abs=1e-5)


def test_a_target_that_joins_the_prompts_last_token_counts_from_there(tiny: LanguageModel) -> None:
    prompt, target = "The capital of Fr", "ance"
    ids = tiny.encode(prompt + target)
    shared = next(i for i, (one, other) in enumerate(zip(ids, tiny.encode(prompt), strict=False)) if one != other)
    assert len(tiny.log_probabilities(prompt, target)) == len(ids) - shared


@pytest.mark.parametrize(("prompt", "target"), [("The capital is", ""), ("", " Paris"), ("", "")])
def test_nothing_to_score_is_refused(prompt: str, target: str, tiny: LanguageModel) -> None:
    with pytest.raises(ModelError, match="must each have a token of their own"):
        tiny.log_probabilities(prompt, target)


def test_a_prompt_beyond_the_window_is_refused(tiny: LanguageModel) -> None:
    with pytest.raises(PromptTooLong, match="at most 256 fit tiny-llama-0; shorten the prompt"):
        tiny.log_probabilities("Paris " * 256, " Rome")


@pytest.mark.parametrize(
    ("config", "window"),
    [
        (MptConfig(d_model=16, n_heads=2, n_layers=1, vocab_size=400, max_seq_len=77), 77),
        (BloomConfig(hidden_size=16, n_head=2, n_layer=1, vocab_size=400), None),
    ],
    ids=["named otherwise", "unbounded"],
)
def test_the_window_is_what_the_configuration_says(config: object, window: int | None) -> None:
    model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    assert LanguageModel(model, tiny_tokenizer()).context_window == window


# Identity


def test_a_fingerprint_tells_models_apart_and_not_names(tiny: LanguageModel) -> None:
    assert tiny.fingerprint() == tiny_model("llama").fingerprint()
    assert LanguageModel(tiny.model, tiny.tokenizer, "another name").fingerprint() == tiny.fingerprint()
    others = [tiny_model("llama", seed=1), tiny_model("mistral"), tiny_model("llama", rope_theta=5000.0)]
    halved, changed = tiny_model("llama"), tiny_model("llama")
    halved.model.bfloat16()
    with torch.no_grad():
        changed.model.model.layers[1].mlp.down_proj.weight += 1e-3
    prints = {model.fingerprint() for model in (tiny, halved, changed, *others)}
    assert len(prints) == 6
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in prints)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fingerprint_sees_any_column_row_or_number_that_is_changed(dtype: torch.dtype) -> None:
    model = tiny_model("llama")
    model.model.to(dtype)  # type: ignore[arg-type]
    weight = model.model.get_parameter("model.layers.1.mlp.down_proj.weight").detach()
    before, seen = weight.clone(), {model.fingerprint()}
    for place in ((slice(None), 5), (7, slice(None)), (3, 11)):
        weight[place] *= 2
        seen.add(model.fingerprint())
        weight.copy_(before)
    assert len(seen) == 4


# The bundled model


@pytest.mark.model
def test_the_bundled_model_knows_what_it_should(smollm2: LanguageModel) -> None:
    assert (smollm2.name, smollm2.context_window, smollm2.dtype) == ("smollm2-135m", 8192, torch.float32)
    assert smollm2.encode("In 1987") == [788, 216, 33, 41, 40, 39]
    assert smollm2.log_probabilities("The capital of France is", " Paris").exp().item() == pytest.approx(
        0.7725, abs=2e-3
    )
    assert smollm2.chat_text(_CHAT).endswith("<|im_start|>user\nWho runs Twitter?<|im_end|>\n<|im_start|>assistant\n")
