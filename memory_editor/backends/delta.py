"""An edit of weights as small files, put on another copy of the model and taken off, bit for bit; knows no method."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from memory_editor.backends.change import Change
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.models.cache import sha256

WEIGHTS: Final = "delta.safetensors"
MANIFEST: Final = "delta.json"
FORMAT: Final = 1
"""Counted up whenever an older folder could be misread."""

_PARTS: Final = tuple(field.name for field in fields(Change))


@dataclass(frozen=True)
class Delta:
    """What an edit made of some weights.

    Fingerprints are of these weights alone, every bit of them: what else the model holds does not matter.
    """

    before: str
    """The fingerprint of the weights that it is put on."""
    after: str
    changes: Mapping[str, Change]
    """By the names of the weights."""
    about: Mapping[str, Any]
    """What made it, in JSON values."""

    @classmethod
    def of(cls, base: LanguageModel, undo: WeightUndo, about: Mapping[str, Any] | None = None) -> Self:
        """Return what an edit that stands has made of the weights."""
        if not undo.before:
            raise ModelError("the edit is undone, so there is no change to keep; make it again")
        before = {name: tensor.cpu() for name, tensor in undo.before.items()}
        after = {name: base.model.get_parameter(name).detach().cpu() for name in before}
        changes = {name: Change.between(before[name], after[name]) for name in before}
        return cls(_fingerprint(before), _fingerprint(after), changes, dict(about or {}))

    def apply(self, base: LanguageModel) -> WeightUndo:
        """Make the edit in a model; raises `ModelError` for one whose weights are others than it was made for."""
        return self._move(base, Change.apply, self.before, self.after)

    def revert(self, base: LanguageModel) -> WeightUndo:
        """Take the edit off a model; raises `ModelError` for one whose weights are not those that it made."""
        return self._move(base, Change.revert, self.after, self.before)

    def save(self, folder: Path) -> None:
        """Write a folder of two files; the manifest comes last, so that a folder with one is whole."""
        tensors = {f"{part}:{name}": value for name, change in self.changes.items() for part, value in _parts(change)}
        manifest = {
            "format": FORMAT,
            "before": self.before,
            "after": self.after,
            "about": dict(self.about),
            "weights": {name: {"rank": change.rank, "bytes": change.size} for name, change in self.changes.items()},
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / MANIFEST).unlink(missing_ok=True)
            save_file(tensors, folder / WEIGHTS)
            manifest["sha256"] = sha256(folder / WEIGHTS)
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except (OSError, SafetensorError) as error:
            raise ModelError(f"no delta can be written into {str(folder)!r}: {error}; name another folder") from error

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; raises `ModelError` for anything else."""
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] != FORMAT:
                raise ValueError(f"its format is {manifest['format']}, not {FORMAT}")
            if manifest["sha256"] != sha256(folder / WEIGHTS):
                raise ValueError(f"the SHA-256 of {WEIGHTS} is not the one in {MANIFEST}")
            tensors = load_file(folder / WEIGHTS)
            changes = {
                name: Change(**{part: tensors[f"{part}:{name}"] for part in _PARTS}) for name in manifest["weights"]
            }
            return cls(manifest["before"], manifest["after"], changes, manifest["about"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"no delta in {str(folder)!r}: {error}; `memedit edit --delta` makes one") from error

    @torch.no_grad()
    def _move(
        self, base: LanguageModel, move: Callable[[Change, Tensor], Tensor], expected: str, promised: str
    ) -> WeightUndo:
        known = dict(base.model.named_parameters(remove_duplicate=False))
        if missing := sorted({*self.changes} - {*known}):
            raise ModelError(f"{base.name} has no weight {missing[0]!r}; take the model that the delta was made for")
        with undoable(base, [*self.changes]) as undo:
            found = _fingerprint(undo.before)
            if found != expected:
                step = "take the model that the delta was made for, in the same precision"
                raise ModelError(f"the delta is for weights {expected}, those of {base.name} are {found}; {step}")
            for name, change in self.changes.items():
                weight = base.model.get_parameter(name)
                weight.copy_(move(change, weight.cpu()))
            made = _fingerprint({name: base.model.get_parameter(name) for name in self.changes})
            if made != promised:
                raise ModelError(f"the delta made weights {made} instead of {promised}; make it again")
        return undo


def _parts(change: Change) -> Iterable[tuple[str, Tensor]]:
    return ((part, getattr(change, part).contiguous()) for part in _PARTS)


def _fingerprint(weights: Mapping[str, Tensor]) -> str:
    """Return 16 hexadecimal digits that stand for every bit of some weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
