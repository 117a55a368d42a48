"""What holds of every method that changes no weights, and what each decides by."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memory_editor.backends import grace, rag, routed, serac
from memory_editor.backends.base import Backend, Loading
from memory_editor.backends.grace import Grace
from memory_editor.backends.nearest import NearestText
from memory_editor.backends.rag import Rag
from memory_editor.backends.routed import Routed, RoutedInContext
from memory_editor.backends.routed_undo import unedited
from memory_editor.backends.serac import Serac
from memory_editor.edits import Edit, new_edit_id
from memory_editor.errors import ConfigError, InvalidEdit
from memory_editor.language_model import LanguageModel
from tests.backends.beside import JAPAN, METHODS, OUT, TWITTER, left_behind, logits, use_fakes
from tests.fakes import FakeEncoder

EDITS = [JAPAN, TWITTER]


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fakes(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_edits_answer_and_undo_leaves_no_trace(method: Backend, tiny: LanguageModel, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in tiny.model.state_dict().items()}
    plain = logits(tiny.model, tiny, JAPAN.prompt)
    undo = method.edit(tiny, EDITS)
    assert not torch.equal(logits(undo.model, tiny, JAPAN.prompt), plain)
    if method.name != "rag":
        assert torch.equal(logits(undo.model, tiny, OUT), logits(tiny.model, tiny, OUT))
    for _ in range(2):
        undo.undo()
        assert torch.equal(logits(undo.model, tiny, JAPAN.prompt), plain)
    assert left_behind(tmp_path) == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in tiny.model.state_dict().items())


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_what_was_loaded_before_is_not_loaded_by_an_edit(
    method: Any, tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = replace(method)
    fresh.load()
    for module in (grace, rag, routed, serac):
        monkeypatch.setattr(module, "load_encoder", None)
    monkeypatch.setattr(routed, "load_classifier", None)
    fresh.edit(tiny, EDITS).undo()
    assert isinstance(fresh, Loading)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_end_of_a_with_block_undoes(method: Backend, tiny: LanguageModel) -> None:
    with method.edit(tiny, EDITS) as undo:
        edited = logits(undo.model, tiny, JAPAN.prompt)
    assert not torch.equal(edited, logits(undo.model, tiny, JAPAN.prompt))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_what_raises_leaves_no_file(
    method: Backend, tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeEncoder, "encode", encode)
    with pytest.raises(KeyboardInterrupt):
        method.edit(tiny, EDITS)
    assert left_behind(tmp_path) == []


def test_ours_routes_by_the_classifier_and_says_why(tiny: LanguageModel) -> None:
    with Routed().edit(tiny, EDITS) as undo:
        own, other = undo.route([TWITTER.prompt, OUT])
        assert [scored.edit for scored in own.edits] == [TWITTER]
        assert own.edits[0].reasons == ("similarity 1.00",)
        assert not other.in_scope
        assert undo.size > 0
    assert not undo.route([TWITTER.prompt])[0].in_scope


def test_serac_answers_from_a_similarity_of_one_half_on(tiny: LanguageModel) -> None:
    near = f"{JAPAN.fact} indeed"
    squared = NearestText([JAPAN.fact], FakeEncoder()).find([near])[0].squared
    assert 0 < squared < math.log(2)
    for scale, is_within in ((math.log(2) / squared * 0.99, True), (math.log(2) / squared * 1.01, False)):
        with Serac(scale=scale, encoder="fake").edit(tiny, EDITS) as undo:
            (route,) = undo.route([near])
        assert route.in_scope is is_within
        scored = route.edits[0] if is_within else route.runner_up
        assert scored
        assert scored.edit == JAPAN
        assert scored.probability == pytest.approx(math.exp(-scale * squared))


def test_rag_always_reads_the_nearest(tiny: LanguageModel) -> None:
    with Rag().edit(tiny, EDITS) as undo:
        routes = undo.route([OUT, "Who runs it?"])
    assert [len(route.edits) for route in routes] == [1, 1]
    assert routes[1].edits[0].edit == TWITTER


def test_the_nearest_text_is_that_of_the_smallest_distance() -> None:
    encoder = FakeEncoder()
    texts = ["one two three", "four five six"]
    first, second = NearestText(texts, encoder).find(["six five four", "one two"])
    assert first == (1, 0.0)
    assert second.place == 0
    expected = float(((encoder.encode(["one two"]) - encoder.encode(texts[:1])) ** 2).sum())
    assert second.squared == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", [Serac(), Rag()], ids=lambda method: method.name)
def test_a_search_needs_edits(method: Backend, tiny: LanguageModel) -> None:
    with pytest.raises(InvalidEdit, match="give at least one"):
        method.edit(tiny, [])


def test_grace_takes_no_statement_and_counts_what_it_keeps(tiny: LanguageModel) -> None:
    with pytest.raises(InvalidEdit, match="is a statement"):
        Grace().edit(tiny, [Edit("Linda runs Twitter.")])
    with Grace(steps=1).edit(tiny, EDITS) as undo:
        assert undo.size == 2 * (64 + 32) * 4
        assert undo.route([TWITTER.prompt])[0].edits[0].edit == TWITTER


def test_of_two_edits_with_one_prompt_the_later_answers_in_grace(tiny: LanguageModel) -> None:
    later = replace(TWITTER, target_new="Elon", id=new_edit_id())
    with Grace(steps=1).edit(tiny, [TWITTER, later]) as undo:
        assert [scored.edit.id for scored in undo.route([TWITTER.prompt])[0].edits] == [later.id]


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_false_accept must lie between 0 and 1, got 0"):
        Routed(max_false_accept=0)
    with pytest.raises(ConfigError, match="adapter 'bank' needs a memory that stays"):
        RoutedInContext(adapter="bank")
    with pytest.raises(ConfigError, match="scale must be above 0, got -1"):
        Serac(scale=-1)


def test_a_model_without_edits_answers_as_the_base_model(tiny: LanguageModel) -> None:
    assert torch.equal(logits(unedited(tiny), tiny, OUT), logits(tiny.model, tiny, OUT))
