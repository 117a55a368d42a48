"""The harness gets the edited model and its tokenizer, where it is installed."""

import importlib.machinery
import sys
from types import ModuleType
from typing import Any

import pytest

from memory_editor.errors import MissingDependency
from memory_editor.evaluation import lm_eval
from memory_editor.evaluation.lm_eval import harness_model
from memory_editor.language_model import LanguageModel
from tests.edited_model.routing import edited


def test_the_harness_gets_the_model_and_its_tokenizer(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(**given: Any) -> dict[str, Any]:
        return given

    for name in ("lm_eval", "lm_eval.models", "lm_eval.models.huggingface"):
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.HFLM = taken  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    model = edited(tiny)
    found = harness_model(model, tiny, batch_size=2)
    assert found["pretrained"] is model
    assert {name: found[name] for name in ("tokenizer", "backend", "batch_size")} == {
        "tokenizer": tiny.tokenizer,
        "backend": "causal",
        "batch_size": 2,
    }


def test_without_the_harness_it_is_said_how_to_get_it(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm_eval, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'memory-editor\[lm-eval\]'"):
        harness_model(edited(tiny), tiny)
