"""Files of prompts to trace, and which of them are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memory_editor.errors import DataError
from memory_editor.language_model import LanguageModel
from memory_editor.tracing import (
    Kind,
    TracePrompt,
    TraceSettings,
    known,
    read_prompts,
    subject_noise,
    trace,
    trace_each,
)
from tests.tiny import tiny_model

FEW = TraceSettings(samples=2, kinds=(Kind.MLP,))
FACT = {
    "subject": "France",
    "prompt": "The capital of France is",
    "attribute": "Paris",
    "known_id": 0,
    "template": "{}",
}


def test_known_facts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps([FACT, {"subject": "Rome", "prompt": "rome is in"}]))
    assert read_prompts(path) == [
        TracePrompt("The capital of France is", "France", "Paris"),
        TracePrompt("rome is in", "Rome"),
    ]


def test_a_line_is_a_prompt(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text('{"subject": "Rome", "prompt": "Rome is in", "target": "Italy"}\n')
    assert read_prompts(path) == [TracePrompt("Rome is in", "Rome", "Italy")]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": "Rome is in"}, "record 2: a record needs a `prompt` and a `subject` that is a part of it"),
        ({"prompt": "Rome is in", "subject": "Paris"}, "got 'Rome is in' and 'Paris'"),
        ({"prompt": "Rome is in", "subject": "Rome", "target": 3}, "record 2: target must be text, got 3"),
    ],
)
def test_the_first_bad_record_is_named(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps([FACT, record]))
    with pytest.raises(DataError, match=message):
        read_prompts(path)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"facts\.json cannot be read: No such file"):
        read_prompts(tmp_path / "facts.json")


def test_only_what_the_model_answers_is_traced() -> None:
    base = tiny_model("phi")
    model: Any = base.model
    model.lm_head.bias.data[base.encode(" Paris")[0]] = 100
    prompts = [
        TracePrompt("The capital of Italy is", "Italy", "Rome"),
        TracePrompt("The capital of France is", "France", "Paris"),
        TracePrompt("Rome is in", "Rome"),
        TracePrompt("Paris is", "Paris"),
    ]
    assert [*known(base, prompts)] == prompts[1:]
    found = trace_each(base, prompts, FEW, limit=2)
    assert [(one.prompt, one.target) for one in found] == [
        ("The capital of France is", " Paris"),
        ("Rome is in", " Paris"),
    ]


def test_one_noise_is_for_all(tiny: LanguageModel) -> None:
    prompts = [TracePrompt("Rome is in", "Rome"), TracePrompt("The capital of France is", "France")]
    noise = subject_noise(tiny, [one[:2] for one in prompts])
    assert [one.settings for one in trace_each(tiny, prompts, FEW)] == [replace(FEW, noise=noise)] * 2
    (found,) = trace_each(tiny, prompts[:1], replace(FEW, noise=0.25))
    expected = trace(tiny, *prompts[0][:2], settings=replace(FEW, noise=0.25))
    assert found.to_dict() == expected.to_dict()


def test_no_prompts_have_no_traces(tiny: LanguageModel) -> None:
    assert trace_each(tiny, []) == []
