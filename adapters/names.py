"""What adapters are called, and which models one comes with the package for; imports no torch."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).parent / "lora" / "shipped"
"""A folder for each model that an edit-following adapter comes with the package for."""

ABOUT: Final = "about.json"
"""What an adapter's folder says of it."""


class AdapterName(StrEnum):
    """The adapters that need no folder to be named."""

    AUTO = "auto"
    """The edit-following adapter that comes with the package for a model, else the edits in context."""
    IN_CONTEXT = "in-context"
    CODEBOOK = "codebook"
    """The values that `memedit codebook train` learnt for the edits of the memory."""
    BANK = "bank"
    """The LoRAs that `memedit consolidate` trained for clusters of edits of the memory."""


def told(name: str, model: str) -> str:
    """Say in words what answers for the model called `model`."""
    if name != AdapterName.AUTO:
        return name
    abouts = (json.loads((folder / ABOUT).read_text(encoding="utf-8")) for folder in sorted(SHIPPED.glob("*/")))
    if any(model in about["names"] for about in abouts):
        return "lora, which comes with the package"
    missing = "no adapter comes with the package for this model, `memedit adapter train` makes one"
    return f"{AdapterName.IN_CONTEXT}: {missing}"
