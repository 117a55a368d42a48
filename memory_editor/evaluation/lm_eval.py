"""Edited models in EleutherAI's lm-evaluation-harness, for its many tasks; knows no edits."""

from importlib.util import find_spec
from typing import Any

from memory_editor.errors import MissingDependency
from memory_editor.language_model import LanguageModel


def harness_model(model: Any, base: LanguageModel, *, batch_size: int = 8) -> Any:
    """Return an edited model, such as `Undo.model`, as the harness takes it: `lm_eval.simple_evaluate(model=…)`.

    The harness scores a prompt and its continuation in one call, so a model that routes decides on both together.
    Raises `MissingDependency` where the harness is not installed.
    """
    if find_spec("lm_eval") is None:
        raise MissingDependency("the harness is not installed; run `pip install 'memory-editor[lm-eval]'`")
    from lm_eval.models.huggingface import HFLM  # noqa: PLC0415 - takes seconds, and need not be there

    return HFLM(pretrained=model, tokenizer=base.tokenizer, backend="causal", batch_size=batch_size)
