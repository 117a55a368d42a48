"""A trained scope classifier as files: weights in safetensors, the rest in JSON; nothing in them is executed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from memory_editor.encoder import default_encoder_folder
from memory_editor.errors import ModelError
from memory_editor.scope.classifier import READ_NAMES, TrainedClassifier
from memory_editor.scope.features import NAMES
from memory_editor.scope.pair_model import PairModel
from memory_editor.scope.weighing import Weighing

SHIPPED: Final = Path(__file__).parent / "shipped"
"""The classifier that comes with the package."""

MAX_FALSE_ACCEPT: Final = 0.03
"""The share of out-of-scope prompts that may be answered by an edit, where none is asked for."""

_VALUES: Final = "scope.json"
_WEIGHTS: Final = "pair_model.safetensors"


@dataclass(frozen=True)
class Parts:
    """What a trained classifier is made of."""

    glance: Weighing
    reading: Weighing
    false_accepts: Mapping[float, float]
    """By threshold, the share of out-of-scope prompts accepted in calibration."""
    adapter: Mapping[str, Tensor]
    about: Mapping[str, Any]
    """How it was trained: data, seed, numbers of examples."""


def save_classifier(parts: Parts, folder: Path) -> None:
    """Write a classifier's files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _WEIGHTS).write_bytes(save(dict(parts.adapter)))
    values = {
        "about": parts.about,
        "false_accepts": [list(pair) for pair in sorted(parts.false_accepts.items())],
        "glance": parts.glance.to_dict(),
        "reading": parts.reading.to_dict(),
    }
    (folder / _VALUES).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def load_parts(folder: Path = SHIPPED) -> Parts:
    """Read the parts of the classifier in `folder`; raises `ModelError` for files that are missing or no classifier."""
    try:
        values = json.loads((folder / _VALUES).read_text(encoding="utf-8"))
        curve = {float(threshold): float(rate) for threshold, rate in values["false_accepts"]}
        if not curve:
            raise ValueError("it has no calibration")
        return Parts(
            glance=Weighing.from_dict(NAMES, values["glance"]),
            reading=Weighing.from_dict(READ_NAMES, values["reading"]),
            false_accepts=curve,
            adapter=load_file(folder / _WEIGHTS),
            about=values["about"],
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"no scope classifier in {str(folder)!r}: {error}; `memedit scope train` makes one") from error


def load_classifier(folder: Path = SHIPPED, max_false_accept: float = MAX_FALSE_ACCEPT) -> TrainedClassifier:
    """Load the classifier in `folder`, with the lowest threshold that keeps to a budget of false accepts.

    Raises `ModelError` as `load_parts` does, and for a budget that no threshold keeps to.
    """
    parts = load_parts(folder)
    base = default_encoder_folder()
    try:
        pair_model = PairModel(base, parts.adapter)
    except (KeyError, ValueError, RuntimeError) as error:
        raise _no_classifier(folder, error) from error
    return TrainedClassifier(parts.glance, parts.reading, pair_model, _threshold(parts, max_false_accept))


def _threshold(parts: Parts, budget: float) -> float:
    within = [threshold for threshold, rate in parts.false_accepts.items() if rate <= budget]
    if not within:
        least = min(parts.false_accepts.values())
        raise ModelError(f"max-false-accept {budget} is below what this classifier can keep to; give {least} or more")
    return min(within)


def _no_classifier(folder: Path, error: Exception) -> ModelError:
    cause = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ModelError(f"no scope classifier in {str(folder)!r}: {cause}; `memedit scope train` makes one")
