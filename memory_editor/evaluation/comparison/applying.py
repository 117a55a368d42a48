"""Applies edits by a backend, measures what that costs, and checks that undoing it leaves no trace.

What a method made of weights is written to a delta at once, so that an interrupted run need not compute it again.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from memory_editor.backends.base import Backend, Loading, Undo
from memory_editor.backends.delta import MANIFEST, Delta
from memory_editor.backends.routed_undo import RoutedUndo, unedited
from memory_editor.backends.weights import WeightUndo, digest
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit
from memory_editor.evaluation.comparison.lines import write_value
from memory_editor.evaluation.comparison.peak import peak_bytes, reset_peak
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress

APPLIED: Final = "applied.json"
UNDONE: Final = "undone.json"
_DELTA: Final = "delta"
_PROBE: Final = "The quick brown fox jumps over the lazy dog, and then it"


class Edited(NamedTuple):
    """A model with edits applied; `decides` says that it routes by a method of its own."""

    model: EditedModel
    decides: bool


@contextmanager
def applied(
    backend: Backend, base: LanguageModel, edits: Sequence[Edit], folder: Path, progress: Progress
) -> Iterator[Edited]:
    """Give the model with edits applied, and bring it back; `folder` gets the cost, and whether undoing left a trace.

    A delta that an interrupted run left there is put on instead. Undoing is checked before anything is asked, and what
    is asked is the model with the delta.
    """
    if not (folder / _DELTA / MANIFEST).exists():
        before = Untouched(base)
        undo, cost = timed(backend, base, edits, progress)
        if not (isinstance(undo, WeightUndo) and undo.before):
            write_value(folder / APPLIED, cost | {"bytes": getattr(undo, "size", None)})
            with undo:
                yield edited(undo, base)
            write_value(folder / UNDONE, before.is_restored(base, undo.model, edits[0].prompt))
            return
        with undo:
            delta = Delta.of(base, undo)
        write_value(folder / APPLIED, cost | {"bytes": sum(change.size for change in delta.changes.values())})
        write_value(folder / UNDONE, before.is_restored(base, undo.model, edits[0].prompt))
        delta.save(folder / _DELTA)
    with Delta.load(folder / _DELTA).apply(base):
        yield Edited(unedited(base), decides=False)


@contextmanager
def briefly_applied(backend: Backend, base: LanguageModel, edits: Sequence[Edit]) -> Iterator[tuple[Edited, Any]]:
    """Give the model with edits applied and what that cost, and bring it back."""
    undo, cost = timed(backend, base, edits, no_progress)
    with undo:
        yield edited(undo, base), cost


def timed(
    backend: Backend, base: LanguageModel, edits: Sequence[Edit], progress: Progress
) -> tuple[Undo, dict[str, Any]]:
    """Apply edits; return the undo and what applying cost, without the loading of models that is done once."""
    if isinstance(backend, Loading):
        backend.load()
    reset_peak()
    began, cpu = time.perf_counter(), time.process_time()
    undo = backend.edit(base, edits, progress=progress)
    cost = {"edits": len(edits), "seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    return undo, cost | {"peak_bytes": peak_bytes()}


def edited(undo: Undo, base: LanguageModel) -> Edited:
    """Return the model that an undo holds as one that tells its routes, whether it has any or not."""
    if isinstance(undo.model, EditedModel):
        return Edited(undo.model, decides=isinstance(undo, RoutedUndo))
    return Edited(unedited(LanguageModel(undo.model, base.tokenizer, base.name)), decides=False)


class Untouched:
    """What a model was before anything was done to it: a digest of every tensor, and what it computes for a text."""

    def __init__(self, base: LanguageModel) -> None:
        self._digests = _digests(base.model.state_dict())
        self._logits = _logits(base.model, base, _PROBE)

    def is_restored(self, base: LanguageModel, model: Any, prompt: str) -> bool:
        """Say whether the base model is as it was, bit for bit, and `model` computes what it does, of a prompt too."""
        if _digests(base.model.state_dict()) != self._digests:
            return False
        found, expected = _logits(model, base, prompt), _logits(base.model, base, prompt)
        return torch.equal(found, expected) and torch.equal(_logits(model, base, _PROBE), self._logits)


@torch.no_grad()
def _logits(model: Any, base: LanguageModel, text: str) -> Tensor:
    ids = torch.tensor([base.encode(text)], device=base.device)
    logits: Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    return logits


def _digests(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {name: digest(tensor) for name, tensor in tensors.items()}
