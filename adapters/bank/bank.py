"""A bank of LoRAs as a sealed folder: which edit is in which, and for which model; nothing in it is executed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import torch
from peft import LoraConfig
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.adapters.lora.files import LoraFiles
from memory_editor.adapters.lora.low_rank import Lora
from memory_editor.edits import Edit
from memory_editor.errors import ModelError
from memory_editor.models.cache import MANIFEST, find_fault

FORMAT: Final = 1
"""Counted up whenever an older bank could be misread."""


@dataclass(frozen=True)
class Cluster:
    """Edits that one LoRA answers."""

    file: str
    edits: Mapping[str, str]
    """By id, the digest of what each said when it was learnt."""


@dataclass(frozen=True)
class About:
    """What a bank says of itself in its manifest."""

    base: Mapping[str, Any]
    """The signature of the model that it is for."""
    scale: float
    settings: Mapping[str, Any]
    """How the LoRAs were trained."""
    clusters: Sequence[Cluster]
    format: int = FORMAT

    def of(self, clusters: Sequence[Cluster]) -> "About":
        """Return the same of other clusters."""
        return replace(self, clusters=tuple(clusters))

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON ones."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read the values; raises `ValueError`, `KeyError` or `TypeError` for any others."""
        if raw["format"] != FORMAT:
            raise ValueError(f"its format is {raw['format']}, not {FORMAT}")
        clusters = tuple(Cluster(str(one["file"]), dict(one["edits"])) for one in raw["clusters"])
        return cls(dict(raw["base"]), float(raw["scale"]), dict(raw["settings"]), clusters)


class Bank:
    """The LoRAs of a folder, each read when it is first needed."""

    def __init__(self, folder: Path, about: About) -> None:
        self.folder = folder
        self.about = about
        self._places = {
            (id_, said): place for place, cluster in enumerate(about.clusters) for id_, said in cluster.edits.items()
        }
        self._read: dict[int, Lora] = {}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open the bank in `folder`; raises `ModelError` for one that is not as it was sealed."""
        try:
            if fault := find_fault(folder, hashes=True):
                raise ValueError(fault)
            raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            return cls(folder, About.from_dict(raw["source"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"no adapter bank in {str(folder)!r}: {error}; `memedit consolidate --undo` brings back the one before"
            ) from error

    def is_for(self, model: PreTrainedModel) -> bool:
        """Say whether the bank was trained for `model`, in whatever precision it is loaded."""
        return LoraFiles(LoraConfig(), {}, {"base": self.about.base}).is_for(model)

    def place(self, edit: Edit) -> int | None:
        """Return the place of the cluster that answers for an edit, or None for one that says something else now."""
        return self._places.get((edit.id, said(edit)))

    def lora(self, place: int) -> Lora:
        """Return the LoRA of a cluster."""
        if place not in self._read:
            weights = read_weights(self.folder / self.about.clusters[place].file)
            self._read[place] = Lora.of_weights(weights, self.about.scale)
        return self._read[place]

    def __len__(self) -> int:
        """Return how many edits the bank answers for."""
        return len(self._places)


def said(edit: Edit) -> str:
    """Return a digest of what weights learn from an edit: its fact, in all of its wordings."""
    learnt = json.dumps([edit.target_new, *edit.keys], ensure_ascii=True)
    return hashlib.blake2b(learnt.encode(), digest_size=16).hexdigest()


def signature(model: PreTrainedModel) -> dict[str, Any]:
    """Return by what a bank knows the model that it is for."""
    base: dict[str, Any] = LoraFiles.of(LoraConfig(), {}, model, {}).about["base"]
    return base


def write_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write weights in half precision; raises `ModelError` where there is no room for them."""
    try:
        save_file({name: value.to(torch.float16).contiguous() for name, value in weights.items()}, path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot write {str(path)!r}: {error}; make room or set rights") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read weights; raises `ModelError` where they are gone, as when banks were swapped twice meanwhile."""
    try:
        weights: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read {str(path)!r}: {error}; open the memory anew, the bank was replaced") from error
    return weights
