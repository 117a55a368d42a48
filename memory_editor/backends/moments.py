"""Second moments of what projections are given on ordinary text: the mean of k kᵀ over tokens; knows no edits.

ROME (Meng et al. 2022, section 3.1) calls them C and takes them from 100,000 tokens of Wikipedia; any text will do.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.finite import checked_finite
from memory_editor.backends.text_windows import text_windows
from memory_editor.errors import ModelError
from memory_editor.hooks import Tap, hidden_at_each
from memory_editor.language_model import LanguageModel
from memory_editor.layers import widths
from memory_editor.models.cache import cache_root
from memory_editor.progress import Progress, no_progress
from memory_editor.token_rows import TokenRows

TOKENS: Final = 100_000
_ROWS: Final = 8
_SAVED_AFTER: Final = 8  # batches


@dataclass(frozen=True)
class Moments:
    """The second moments of what one projection of one model is given."""

    projection: str
    model: str
    """The model's fingerprint."""
    matrix: Tensor
    """The mean of k kᵀ, shape (in, in), float32, on the CPU; singular where `count` is below `in`."""
    count: int
    """How many tokens it is the mean of."""

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        about = {"projection": self.projection, "model": self.model, "count": self.count}
        _write(path, {"matrix": self.matrix}, about)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises `ModelError` for anything else."""
        tensors, about = _read(path)
        return cls(matrix=tensors["matrix"], **about)


def default_folder() -> Path:
    """Return where second moments are kept unless the user says otherwise."""
    return cache_root() / "moments"


@dataclass(frozen=True)
class MomentsFolder:
    """Second moments that were stored in a folder; gives a method, when called, the matrix that it needs."""

    folder: Path

    def find(self, base: LanguageModel, projection: str) -> Moments:
        """Return those that were taken of this projection of this model, over the most tokens.

        Raises `ModelError` where there are none, and where they were taken over too few: those are singular.
        """
        fingerprint = base.fingerprint()
        stored = map(Moments.load, sorted(self.folder.glob(f"{projection}.*.safetensors")))
        found = [moments for moments in stored if moments.model == fingerprint]
        if not found:
            step = "take them with `memedit moments`"
            raise ModelError(f"no second moments of {projection} of {base.name} in {str(self.folder)!r}; {step}")
        most = max(found, key=lambda moments: moments.count)
        if most.count < (least := len(most.matrix)):
            rule = f"the second moments of {projection} are of {most.count:,} tokens, and at least {least:,} are needed"
            raise ModelError(f"{rule}; take more text with `memedit moments`")
        return most

    def __call__(self, base: LanguageModel, projection: str) -> Tensor:
        """Return the matrix, shape (in, in)."""
        return self.find(base, projection).matrix


def second_moments(
    base: LanguageModel,
    projections: Sequence[str],
    texts: Iterable[str],
    *,
    tokens: int = TOKENS,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> dict[str, Moments]:
    """Return the moments of projections by their paths, taken in one pass over the first `tokens` of texts.

    Texts are lines or documents; no more are read than needed. With a folder as `cache` nothing is computed twice, and
    a run that was killed goes on from the sums that it saved there last.
    """
    for path in projections:
        widths(base.model, path)  # refuses what is no projection
    windows = text_windows(base, texts, tokens)
    if cache is None:
        return _taken(base, projections, windows, None, progress)
    key = _key(base, windows)
    files = {path: cache / f"{path}.{key}.safetensors" for path in projections}
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{key}.lock"):  # of several processes one computes and the others wait
        if missing := [path for path, file in files.items() if not file.exists()]:
            partial = files[missing[-1]].with_suffix(".partial")
            for path, moments in _taken(base, missing, windows, partial, progress).items():
                moments.save(files[path])
            partial.unlink(missing_ok=True)
    return {path: Moments.load(file) for path, file in files.items()}


def _key(base: LanguageModel, windows: Sequence[Sequence[int]]) -> str:
    """Return what stands for a model and a text in the names of files."""
    digest = hashlib.sha256(base.fingerprint().encode())
    for window in windows:
        digest.update(torch.tensor(window).numpy().tobytes())
    return digest.hexdigest()[:16]


def _taken(
    base: LanguageModel,
    projections: Sequence[str],
    windows: Sequence[Sequence[int]],
    partial: Path | None,
    progress: Progress,
) -> dict[str, Moments]:
    """Return the moments over windows; sums are saved as `partial` now and then, and taken up from there."""
    sums, done = _resumed(base, projections, partial)
    model = sharing_weights(base.model)
    taps = [Tap(model.get_submodule(path)) for path in projections]
    with progress("Second moments", len(windows)) as show:
        for batch, first in enumerate(range(done, len(windows), _ROWS), 1):
            rows = TokenRows.of(windows[first : first + _ROWS], device=base.device)
            hidden = hidden_at_each(model, taps, **rows.inputs(model), use_cache=False)
            for path, states in zip(projections, hidden, strict=True):
                # some models run their MLP on the tokens of all rows as one
                keys = states.flatten(0, -2)[rows.mask.to(states.device).flatten().bool()].float()
                sums[path].addmm_(keys.T, keys)
            if partial and batch % _SAVED_AFTER == 0:
                _write(partial, sums, {"windows": first + _ROWS})
            show(first + _ROWS)
    count, fingerprint = sum(map(len, windows)), base.fingerprint()
    means = {path: checked_finite(total, f"what {path} is given").div_(count).cpu() for path, total in sums.items()}
    return {path: Moments(path, fingerprint, matrix, count) for path, matrix in means.items()}


def _resumed(base: LanguageModel, projections: Sequence[str], partial: Path | None) -> tuple[dict[str, Tensor], int]:
    """Return the sums so far, on the devices of the projections, and over how many windows they are."""
    places = {path: base.model.get_submodule(path).get_parameter("weight").device for path in projections}
    if partial and partial.exists():
        sums, about = _read(partial)
        if sums.keys() == places.keys():
            return {path: total.to(places[path]) for path, total in sums.items()}, about["windows"]
    sizes = {path: widths(base.model, path)[0] for path in projections}
    return {path: torch.zeros(size, size, device=places[path]) for path, size in sizes.items()}, 0


def _write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a safetensors file, whole or not at all."""
    staging = path.with_name(f"{path.name}.staging")
    try:
        save_file(dict(tensors), staging, metadata={"about": json.dumps(dict(about))})
        staging.replace(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"no second moments can be written to {str(path)!r}: {error}; name another folder") from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            return tensors, json.loads(file.metadata()["about"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"{str(path)!r} holds no second moments: {error}; remove it and take them anew") from error
