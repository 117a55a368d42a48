"""What every test may use: tiny models, the bundled model, the shipped classifier, the published data; no test reaches
a network."""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while they wait starve a busy machine

import pytest
import torch

from memory_editor.language_model import LanguageModel
from memory_editor.models.bundled import BUNDLED
from memory_editor.models.files import converted_folder
from memory_editor.scope.files import SHIPPED
from tests.tiny import ARCHITECTURES, tiny_model

torch.set_num_threads(2)


@pytest.fixture(scope="session")
def tiny() -> LanguageModel:
    """A tiny random Llama in float32; shared, so a test that changes weights makes its own with `tiny_model`."""
    return tiny_model("llama")


@pytest.fixture(scope="session", params=ARCHITECTURES)
def tiny_of_each(request: pytest.FixtureRequest) -> LanguageModel:
    """A tiny random model of each architecture in turn."""
    return tiny_model(request.param)


@pytest.fixture(scope="session")
def smollm2() -> LanguageModel:
    """The bundled SmolLM2-135M-Instruct on the CPU, converted once a cache."""
    model = BUNDLED["smollm2-135m"]
    if not model.installed and not converted_folder(model).is_dir():
        pytest.skip(f"no {model.alias}; install it with `{model.install}`")
    return LanguageModel.from_pretrained(model.alias, device="cpu")


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The folder of the scope classifier that comes with the package."""
    if not SHIPPED.is_dir():
        pytest.skip(f"no scope classifier in {SHIPPED.name}; `memedit scope train` makes one")
    return SHIPPED


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The published data sets."""
    folder = Path(os.environ.get("MEMEDIT_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no published data sets at {folder}; set MEMEDIT_DATA to their folder")
    return folder
