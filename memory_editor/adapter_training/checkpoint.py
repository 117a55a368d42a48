"""How far a training run is, as one file: written whole or not at all, read without executing anything."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from memory_editor.errors import ModelError

NAME: Final = "training.safetensors"


@dataclass
class Progressed:
    """The state after `step` steps."""

    step: int
    losses: list[float]
    """Of every validation so far."""
    tensors: dict[str, Tensor]
    """Weights, the best so far, and the optimizer's moments."""

    def save(self, folder: Path, settings: Mapping[str, object]) -> None:
        """Write the state; `settings` are those under which the run may be resumed."""
        about = {"step": self.step, "losses": self.losses, "settings": dict(settings)}
        staging = folder / f"{NAME}.partial"
        save_file(self.tensors, staging, metadata={"about": json.dumps(about)})
        staging.replace(folder / NAME)


def load_progressed(folder: Path, settings: Mapping[str, object]) -> Progressed | None:
    """Read the state in `folder`, if there is one; raises `ModelError` if it is broken or of other settings."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"{str(path)!r} is no checkpoint: {error}; remove it to train from the start") from error
    if about["settings"] != dict(settings):
        raise ModelError(f"{str(path)!r} is of a run with other settings; remove it, or give another --output")
    return Progressed(about["step"], about["losses"], tensors)
