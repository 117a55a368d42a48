"""Where a language model's files are, and how transformers reads them; knows no edits, and imports no torch itself."""

import io
import logging
import re
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safetensors import SafetensorError

from memory_editor.errors import ModelError
from memory_editor.models.bundled import BUNDLED, BundledModel
from memory_editor.models.cache import build_once, cache_root, find_fault, sha256

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Report = Callable[[str], None]
"""Is told, in one line, what is about to take long."""

_HUB_ID = re.compile(r"[a-zA-Z0-9_][\w.-]*(/[\w.-]+)?", re.ASCII)
_HUB_FILES: Final = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
# Other formats live in folders of their own; "consolidated" files repeat the weights for another program.
_NOT_FROM_HUB: Final = ["*/*", "consolidated*"]
_LOGGERS: Final = ("transformers", "huggingface_hub", "sentence_transformers", "accelerate", "bitsandbytes")


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model: a folder, and the name of the GGUF file in it where the weights are no safetensors."""

    folder: Path
    gguf_file: str | None = None


class Location(StrEnum):
    """Where a bundled model would be taken from."""

    CACHE = "cache"
    PACKAGE = "package"
    HUB = "hub"


@dataclass(frozen=True)
class ModelEntry:
    """What `list_models` says of one alias."""

    alias: str
    hub_id: str
    location: Location
    path: Path | None
    """The converted folder, or the first installed file; None on the hub."""
    size: int
    """Bytes on this machine."""
    fault: str | None
    """What is wrong with the converted folder, hashes included; None when it is sound or not there."""


def no_report(_line: str) -> None:
    """Tell nobody."""


def list_models() -> list[ModelEntry]:
    """Return every alias with where it is; the hashes of converted models are verified."""
    return [_entry(model) for model in BUNDLED.values()]


def _entry(model: BundledModel) -> ModelEntry:
    folder = converted_folder(model)
    if folder.is_dir():
        size = sum(file.stat().st_size for file in folder.iterdir())
        return ModelEntry(model.alias, model.hub_id, Location.CACHE, folder, size, find_fault(folder, hashes=True))
    if files := model.installed:
        size = sum(file.stat().st_size for file in files)
        return ModelEntry(model.alias, model.hub_id, Location.PACKAGE, files[0], size, None)
    return ModelEntry(model.alias, model.hub_id, Location.HUB, None, 0, None)


def is_on_this_machine(name: str) -> bool:
    """Say whether the files of a model are there, sound or not, so that it needs no network."""
    if Path(name).expanduser().exists():
        return True
    model = BUNDLED.get(name)
    if model and (converted_folder(model).is_dir() or model.installed):
        return True
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - half a second that a local model need not pay

    hub_id = model.hub_id if model else name
    return bool(_HUB_ID.fullmatch(hub_id)) and isinstance(try_to_load_from_cache(hub_id, "config.json"), str)


def converted_folder(model: BundledModel) -> Path:
    """Return where a bundled model is kept as safetensors once it is converted."""
    return cache_root() / "models" / model.alias


def pull(name: str, report: Report = no_report) -> Path:
    """Put a model's files on this machine, or verify them and replace damaged ones; return their folder."""
    if name in BUNDLED:
        folder = converted_folder(BUNDLED[name])
        if folder.is_dir() and (fault := find_fault(folder, hashes=True)):
            report(f"removing the damaged {folder}: {fault}")
            shutil.rmtree(folder)
    return resolve_model(name, report).folder


def resolve_model(name: str, report: Report = no_report) -> ModelFiles:
    """Return the files of an alias, a folder, a GGUF file or a model of the hub, converting or downloading at need.

    An alias comes before a folder of the same name. Raises `ModelError` for a model that cannot be had.
    """
    if name in BUNDLED:
        return ModelFiles(_bundled_folder(BUNDLED[name], report))
    path = Path(name).expanduser()
    if name and path.is_dir():
        return ModelFiles(path)
    if path.is_file() and path.suffix == ".gguf":
        return ModelFiles(path.parent, path.name)
    if path.exists() or path.suffix == ".gguf" or not _HUB_ID.fullmatch(name):
        known = f"an alias ({', '.join(BUNDLED)}), a folder, a .gguf file or an id of the hub"
        raise ModelError(f"no model {name!r}: give {known}, e.g. 'HuggingFaceTB/SmolLM2-360M-Instruct'")
    return ModelFiles(download(name, report))


def _bundled_folder(model: BundledModel, report: Report) -> Path:
    folder, paths = converted_folder(model), model.installed
    if folder.is_dir():
        fault = find_fault(folder)
        if fault is None:
            return folder
        if not paths:
            raise ModelError(f"{folder} is damaged ({fault}); restore it with `memedit models pull {model.alias}`")
        report(f"{folder} is damaged: {fault}")
    if paths:
        report(f"converting {model.alias} into {folder}, once; this takes a minute or two")
        build_once(folder, lambda staging: _convert(model, paths, staging))
        return folder
    try:
        return download(model.hub_id, report)
    except ModelError as error:
        raise ModelError(f"{error}; or install {model.alias} with `{model.install}`") from error


def _convert(model: BundledModel, paths: tuple[Path, ...], staging: Path) -> dict[str, Any]:
    """Write the model as safetensors into `staging` and return what the manifest says of its source."""
    source = staging / "model.gguf"
    with source.open("wb") as joined:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, joined)
    weights, tokenizer = load_pretrained(ModelFiles(staging, source.name), model.alias, dtype="float32")
    try:
        with quiet():
            weights.save_pretrained(staging)
            tokenizer.save_pretrained(staging)
    except SafetensorError as error:  # a full disk, by another name
        raise OSError(str(error)) from error
    digest = sha256(source)
    source.unlink()
    return {"hub_id": model.hub_id, "packages": {p.package: p.version for p in model.parts}, "sha256": digest}


def download(hub_id: str, report: Report = no_report) -> Path:
    """Return the folder of a model of the hub; without a network, that of an earlier download."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - half a second that a local model need not pay
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError  # noqa: PLC0415

    report(f"looking up {hub_id} on the hub")
    try:
        return Path(snapshot_download(hub_id, allow_patterns=_HUB_FILES, ignore_patterns=_NOT_FROM_HUB))
    except GatedRepoError as error:
        step = f"agree to its terms at https://huggingface.co/{hub_id} and run `hf auth login`"
        raise ModelError(f"no access to the model {hub_id!r}; {step}") from error
    except RepositoryNotFoundError as error:
        step = "check the name, or run `hf auth login` if it is private"
        raise ModelError(f"no model {hub_id!r}: not an alias, not a folder, not on the hub; {step}") from error
    except LocalEntryNotFoundError as error:
        known = f"not an alias ({', '.join(BUNDLED)}), not a folder, not downloaded"
        step = "check the name and the network"
        raise ModelError(f"no model {hub_id!r}: {known}, and the hub cannot be reached; {step}") from error
    except Exception as error:
        raise ModelError(f"cannot download {hub_id!r}: {_cause(error)}; try again") from error


def load_pretrained(
    files: ModelFiles,
    name: str,
    **options: Any,
) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Load a causal model and its tokenizer: quietly, from safetensors or GGUF alone, running no code of the model's.

    Raises `ModelError` with the cause; weights that are missing or do not fit the config are one.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - they import torch

    if not files.gguf_file and not any(files.folder.glob("*.safetensors")):
        rule = "holds no .safetensors file, and pickled weights are never loaded"
        raise ModelError(f"{files.folder} {rule}; save {name!r} again with `save_pretrained` of transformers")
    shared: dict[str, Any] = {"gguf_file": files.gguf_file, "trust_remote_code": False}
    options |= {"use_safetensors": True, "output_loading_info": True, "ignore_mismatched_sizes": True}
    try:
        with quiet():
            loaded: Any = AutoModelForCausalLM.from_pretrained(files.folder, **shared, **options)
            tokenizer = AutoTokenizer.from_pretrained(files.folder, padding_side="left", **shared)
    except Exception as error:
        raise ModelError(f"cannot load {name!r}: {_cause(error)}; check {files.folder}") from error
    model, info = loaded
    if unfit := sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}):
        rule = f"{unfit[0]} (of {len(unfit)} such weights) is missing or of another shape than config.json says"
        raise ModelError(f"cannot load {name!r}: {rule}; check {files.folder}")
    if files.gguf_file:
        # What is in memory is no longer quantized, and says so, or it could be neither saved nor adapted.
        model.hf_quantizer, model.is_quantized = None, False
        del model.config.quantization_config
    return model, tokenizer


def _cause(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


_QUIETING: Final = threading.RLock()
"""What is kept quiet is the whole process: two threads that restored it in turn would leave it so."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the Hugging Face libraries, once imported, from writing to stderr while the block runs."""
    with _QUIETING, ExitStack() as restored, warnings.catch_warnings(action="ignore"), redirect_stderr(io.StringIO()):
        for logger in map(logging.getLogger, _LOGGERS):
            restored.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)
        yield
