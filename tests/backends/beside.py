"""Stand-ins for what the methods that change no weights load, and what all of them are asked."""

from pathlib import Path
from typing import Any

import pytest
import torch

from memory_editor.backends import grace, rag, routed, serac
from memory_editor.backends.base import Backend
from memory_editor.backends.grace import Grace
from memory_editor.backends.rag import Rag
from memory_editor.backends.routed import Routed, RoutedInContext
from memory_editor.backends.serac import Serac
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from tests.fakes import FakeClassifier, FakeEncoder

JAPAN = Edit("The capital of Japan is", "Paris")
TWITTER = Edit("Who runs Twitter?", "new")
OUT = "Once upon a time there was"

METHODS: tuple[Backend, ...] = (Routed(), RoutedInContext(), Serac(), Rag(), Grace(steps=3))


def use_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put fakes in the place of the encoder and the scope classifier."""
    for module in (grace, rag, routed, serac):
        monkeypatch.setattr(module, "load_encoder", FakeEncoder)
    monkeypatch.setattr(routed, "load_classifier", lambda folder, budget: FakeClassifier())


def logits(model: Any, base: LanguageModel, prompt: str) -> torch.Tensor:
    with torch.no_grad():
        values: torch.Tensor = model(torch.tensor([base.encode(prompt)])).logits
    return values


def left_behind(folder: Path) -> list[str]:
    """Return what lies in a folder for temporary files."""
    return [path.name for path in folder.iterdir()]
