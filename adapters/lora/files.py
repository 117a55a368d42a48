"""An edit-following adapter as files in peft's own form, and which base model they are for; nothing in them is run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from peft import LoraConfig
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cosine_similarity
from transformers import PreTrainedModel

from memory_editor.adapters.lora.adapter import LoraAdapter
from memory_editor.adapters.names import ABOUT, SHIPPED
from memory_editor.errors import ModelError

_CONFIG: Final = "adapter_config.json"
_WEIGHTS: Final = "adapter_model.safetensors"

_SAMPLES: Final = 256
_ALIKE: Final = 0.98
"""Cosine similarity of sampled embeddings from which two models are one, however their weights are kept."""


@dataclass(frozen=True)
class LoraFiles:
    """What an adapter folder holds."""

    config: LoraConfig
    weights: Mapping[str, Tensor]
    about: Mapping[str, Any]
    """How it was trained, and `base`: the shape and some embeddings of the model that it is for."""

    @classmethod
    def of(
        cls, config: LoraConfig, weights: Mapping[str, Tensor], base: PreTrainedModel, about: Mapping[str, Any]
    ) -> "LoraFiles":
        """Return the files of an adapter for the model `base`."""
        return cls(config, weights, {**about, "base": {"shape": _shape(base), "embeddings": _sample(base).tolist()}})

    def save(self, folder: Path) -> None:
        """Write the files, weights in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.to(torch.float16) for name, tensor in self.weights.items()}, folder / _WEIGHTS)
        self.config.save_pretrained(str(folder))
        (folder / ABOUT).write_text(json.dumps(self.about, indent=1) + "\n", encoding="utf-8")

    def is_for(self, model: PreTrainedModel) -> bool:
        """Say whether `model` is what the adapter was trained for, in whatever precision it is loaded."""
        base = self.about["base"]
        if base["shape"] != _shape(model):
            return False
        return float(cosine_similarity(_sample(model), torch.tensor(base["embeddings"]), dim=0)) >= _ALIKE


def load_files(folder: Path) -> LoraFiles:
    """Read an adapter folder; raises `ModelError` for files that are missing or no adapter."""
    try:
        config = _config(json.loads((folder / _CONFIG).read_text(encoding="utf-8")))
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if not {"shape", "embeddings"} <= set(about["base"]):
            raise ValueError(f"{ABOUT} does not say which model it is for")
        return LoraFiles(config, load_file(folder / _WEIGHTS), about)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"no adapter in {str(folder)!r}: {error}; `memedit adapter train` makes one") from error


def load_adapter(folder: Path, model: PreTrainedModel) -> LoraAdapter:
    """Load the adapter in `folder` for `model`; raises `ModelError` also where it is for another model."""
    files = load_files(folder)
    if not files.is_for(model):
        trained_for = files.about.get("model", "another model")
        raise ModelError(f"the adapter in {str(folder)!r} is for {trained_for}, not for this model; train one for it")
    return LoraAdapter(files.config, files.weights)


def shipped_adapter(model: PreTrainedModel) -> LoraAdapter | None:
    """Return the adapter that comes with the package for `model`, if there is one."""
    found = (load_files(folder) for folder in sorted(SHIPPED.glob("*/")))
    return next((LoraAdapter(files.config, files.weights) for files in found if files.is_for(model)), None)


def _config(raw: Any) -> LoraConfig:
    """Return the configuration by those fields that this version of peft knows; a later version's are left out."""
    if not isinstance(raw, dict) or not raw.get("target_modules"):
        raise ValueError(f"{_CONFIG} names no target_modules")
    return LoraConfig(**{name: value for name, value in raw.items() if name in LoraConfig.__dataclass_fields__})


def _shape(model: PreTrainedModel) -> dict[str, int]:
    config = model.config.get_text_config()
    return {name: int(getattr(config, name)) for name in ("hidden_size", "num_hidden_layers", "vocab_size")}


def _sample(model: PreTrainedModel) -> Tensor:
    """Return input embeddings from all over the vocabulary, shape (at most `_SAMPLES`,), float32, on the CPU."""
    weight: Any = model.get_input_embeddings().weight
    flat: Tensor = weight.detach().reshape(-1)
    return flat[:: max(1, len(flat) // _SAMPLES)][:_SAMPLES].float().cpu()
