"""Tracing a prompt: the noise, the windows, the target, and a trace as JSON."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from memory_editor.errors import ConfigError, InvalidEdit
from memory_editor.language_model import LanguageModel
from memory_editor.tracing import Kind, Trace, TraceSettings, kind_named, subject_noise, trace
from memory_editor.tracing.located import locate
from memory_editor.tracing.trace import _window
from tests.tiny import tiny_model

PROMPT, SUBJECT = "The capital of France is", "France"
FEW = TraceSettings(samples=2)


@pytest.fixture(scope="module")
def base() -> LanguageModel:
    """A model that is less indifferent than the others."""
    return tiny_model("gpt2", initializer_range=0.3)


@pytest.fixture(scope="module")
def traced(base: LanguageModel) -> Trace:
    return trace(base, PROMPT, SUBJECT)


@torch.no_grad()
def test_a_trace_has_the_probabilities_of_the_models_own_answer(base: LanguageModel, traced: Trace) -> None:
    probabilities = base.model(torch.tensor([base.encode(PROMPT)])).logits[0, -1].softmax(-1)
    assert traced.target == base.decode([int(probabilities.argmax())], keep_special=True)
    assert traced.clean == pytest.approx(probabilities.max().item(), rel=1e-5)
    assert 0 < traced.corrupted < traced.clean
    assert "".join(traced.tokens) == PROMPT
    assert [traced.tokens[column] for column in traced.subject_tokens] == [" France"]
    assert traced.settings == replace(TraceSettings(), noise=subject_noise(base, [(PROMPT, SUBJECT)]))


def test_effects_are_of_every_token_and_layer(traced: Trace) -> None:
    assert {kind: effects.shape for kind, effects in traced.effects.items()} == dict.fromkeys(Kind, (5, 2))
    for effects in traced.effects.values():
        assert np.array_equal(effects[:3], np.zeros((3, 2)))  # before the subject
        assert effects[3:].any()
    layer = traced.effects[Kind.LAYER]
    assert layer[-1, -1] == pytest.approx(traced.clean - traced.corrupted, rel=1e-4)  # all there is
    assert layer[3, -1] == pytest.approx(0, abs=1e-7)  # nobody reads it


def test_noise_is_drawn_from_the_seed(base: LanguageModel, traced: Trace) -> None:
    assert trace(base, PROMPT, SUBJECT).to_dict() == traced.to_dict()
    other = trace(base, PROMPT, SUBJECT, settings=TraceSettings(seed=1))
    assert other.clean == pytest.approx(traced.clean)
    assert other.settings.noise == traced.settings.noise
    assert other.corrupted != traced.corrupted


def test_no_noise_to_speak_of_changes_nothing(base: LanguageModel) -> None:
    found = trace(base, PROMPT, SUBJECT, settings=replace(FEW, noise=1e-9))
    assert found.corrupted == pytest.approx(found.clean, rel=1e-4)
    assert all(np.abs(effects).max() < 1e-5 for effects in found.effects.values())


def test_the_noise_is_three_standard_deviations_of_all_the_subjects(base: LanguageModel) -> None:
    prompts = [(PROMPT, SUBJECT), ("Rome is in", "Rome")]
    ids = [one for prompt, subject in prompts for one in _subject_ids(base, prompt, subject)]
    weight: Any = base.model.get_input_embeddings().weight
    assert subject_noise(base, prompts) == pytest.approx(3 * weight[ids].std().item())


def _subject_ids(base: LanguageModel, prompt: str, subject: str) -> list[int]:
    ids, columns = locate(base, prompt, subject)
    return list(ids[columns.start : columns.stop])


def test_a_target_is_followed_by_its_first_token(base: LanguageModel) -> None:
    found = trace(base, PROMPT, SUBJECT, target=" Paris. ", settings=replace(FEW, kinds=(Kind.LAYER,)))
    assert found.target == base.decode([base.encode(" Paris")[0]])
    assert found.clean == pytest.approx(base.log_probabilities(PROMPT, " Paris")[0].exp().item(), rel=1e-5)
    assert [*found.effects] == [Kind.LAYER]


def test_a_trace_comes_back_from_json(traced: Trace) -> None:
    back = Trace.from_dict(json.loads(json.dumps(traced.to_dict())))
    assert back.to_dict() == traced.to_dict()
    assert (back.subject_tokens, back.settings, back.tokens) == (traced.subject_tokens, traced.settings, traced.tokens)
    assert all(np.array_equal(back.effects[kind], effects) for kind, effects in traced.effects.items())


def test_the_window_lies_around_the_layer_as_published() -> None:
    assert _window(Kind.LAYER, 7, 30, 10) == range(7, 8)
    assert [_window(Kind.MLP, layer, 30, 10) for layer in (0, 7, 28)] == [range(5), range(2, 12), range(23, 30)]
    assert _window(Kind.ATTENTION, 7, 30, 1) == range(7, 8)
    assert _window(Kind.ATTENTION, 7, 30, 3) == range(6, 9)


def test_progress_is_told(base: LanguageModel) -> None:
    told: list[tuple[str, int]] = []

    class Show:
        def __enter__(self) -> Any:
            return lambda done: told.append(("done", done))

        def __exit__(self, *_: object) -> None:
            told.append(("end", 0))

    def progress(label: str, total: int) -> Show:
        told.append((label, total))
        return Show()

    trace(base, PROMPT, SUBJECT, settings=FEW, progress=progress)
    assert told == [("Tracing", 5), ("done", 4), ("done", 5), ("end", 0)]


def test_a_subject_that_is_not_there_is_refused(base: LanguageModel) -> None:
    with pytest.raises(InvalidEdit, match="does not name the subject 'Spain'"):
        trace(base, PROMPT, "Spain")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kinds": ()}, "kinds is empty; name one or more of layer, mlp, attention"),
        ({"kinds": ("mpl",)}, "kind 'mpl' is unknown; choose of layer, mlp, attention"),
        ({"samples": 0}, "samples must be 1 or more, got 0"),
        ({"window": 0}, "window must be 1 or more, got 0"),
        ({"noise": 0.0}, "noise must be a number above 0, got 0.0"),
        ({"noise": float("nan")}, "noise must be a number above 0, got nan"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TraceSettings(**settings)


def test_kinds_are_known_by_name() -> None:
    assert [kind_named(name) for name in ("layer", "mlp", "attention")] == [*Kind]
    assert TraceSettings(kinds=("mlp", "mlp")).kinds == (Kind.MLP,)  # type: ignore[arg-type]


@pytest.mark.model
def test_the_bundled_model_recalls_at_the_end_of_the_prompt(smollm2: LanguageModel) -> None:
    found = trace(smollm2, "The capital of France is", "France", settings=TraceSettings(samples=1, kinds=(Kind.LAYER,)))
    assert found.target == " Paris"
    assert found.effects[Kind.LAYER][-1, -1] == pytest.approx(found.clean - found.corrupted, rel=1e-3)
    # The subject's states matter below, the last token's above.
    assert found.effects[Kind.LAYER][3, :5].min() > found.effects[Kind.LAYER][4, :5].max()
    assert found.effects[Kind.LAYER][4, -5:].min() > found.effects[Kind.LAYER][3, -5:].max()
