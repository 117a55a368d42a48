"""Files of prompts to trace, and the traces of those whose answer a model knows; knows no averages."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch

from memory_editor.backends.target_tokens import request_of
from memory_editor.datasets.records import Record, data_error, read_json, read_jsonl
from memory_editor.errors import DataError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from memory_editor.tracing.trace import Trace, TraceSettings, subject_noise, trace


class TracePrompt(NamedTuple):
    """A prompt, its subject, and what is to come next, if it is known."""

    prompt: str
    subject: str
    target: str | None = None


def read_prompts(path: Path) -> list[TracePrompt]:
    """Return the prompts of a `.json` list or of a file with one object a line; raises `DataError` at the first bad.

    Records have `prompt` and `subject`, and may have `target`, which known facts (Meng et al. 2022) call `attribute`.
    """
    read = read_json if path.suffix.lower() == ".json" else read_jsonl
    try:
        return [_prompt(path, record) for record in read(path)]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def trace_each(
    base: LanguageModel,
    prompts: Sequence[TracePrompt],
    settings: TraceSettings | None = None,
    *,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> list[Trace]:
    """Trace the first prompts, `limit` at most, leaving out those with a target that the model does not answer.

    As published, one noise is for all: by default three times the standard deviation of all their subjects' embeddings.
    """
    settings = settings or TraceSettings()
    chosen = [*islice(known(base, prompts), limit)]
    if chosen and settings.noise is None:
        settings = replace(settings, noise=subject_noise(base, [(prompt, subject) for prompt, subject, _ in chosen]))
    traces = []
    with progress("Tracing", len(chosen)) as show:
        for done, (prompt, subject, target) in enumerate(chosen, 1):
            traces.append(trace(base, prompt, subject, target=target, settings=settings))
            show(done)
    return traces


@torch.no_grad()
def known(base: LanguageModel, prompts: Sequence[TracePrompt]) -> Iterator[TracePrompt]:
    """Yield the prompts after which the model's next token is the target's first, and those without a target."""
    for prompt in prompts:
        if prompt.target is None:
            yield prompt
            continue
        ids, target = request_of(base, prompt.prompt, prompt.target)
        if int(base.model(torch.tensor([ids], device=base.device)).logits[0, -1].argmax()) == target[0]:
            yield prompt


def _prompt(path: Path, record: Record) -> TracePrompt:
    prompt, subject = record.fields.get("prompt"), record.fields.get("subject")
    target = record.fields.get("target", record.fields.get("attribute"))
    if not isinstance(prompt, str) or not isinstance(subject, str) or subject.casefold() not in prompt.casefold():
        rule = "a record needs a `prompt` and a `subject` that is a part of it"
        raise data_error(path, record.unit, record.number, f"{rule}, got {prompt!r} and {subject!r}")
    if target is not None and not isinstance(target, str):
        raise data_error(path, record.unit, record.number, f"target must be text, got {target!r}")
    return TracePrompt(prompt, subject, target)
