"""Batches keep to an order, and what comes of a prompt says how it was judged."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from memory_editor.edits import Edit
from memory_editor.evaluation.comparison import asking
from memory_editor.evaluation.comparison.asking import Answered, Answerer, Item, batches, live_edits
from memory_editor.evaluation.comparison.base_answers import BaseAnswers
from memory_editor.evaluation.comparison.cases import Asked, Case, Kind
from memory_editor.language_model import LanguageModel
from memory_editor.progress import no_progress
from memory_editor.scope.route import Route
from tests.evaluation.comparison.methods import COUNTRIES, Named, case

CASES = [case(number, country) for number, country in enumerate(COUNTRIES)]
ITEMS = [Item(place, number, one) for place, one in enumerate(CASES) for number in range(len(one.asked))]


def test_batches_hold_like_prompts_in_an_order_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_TOGETHER", 5)
    found = [*batches(ITEMS)]
    assert found == [*batches(ITEMS[::-1])]
    assert sorted(item.key for batch in found for item in batch) == [item.key for item in ITEMS]
    assert [len(batch) for batch in found] == [5, 5, 2, 5, 5, 2]
    assert all(len({item.asked.kind.in_scope for item in batch}) == 1 for batch in found)
    lengths = [len(item.asked.prompt) for batch in found[:3] for item in batch]
    assert lengths == sorted(lengths)


def test_what_comes_of_prompts_in_scope_and_out(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {"The capital of Peru is": "Rome, of course", "Peru is governed from": "rome."}
    peru = CASES[3]
    items = [Item(0, number, peru) for number in range(4)]
    undo = Named().edit(tiny, [CASES[0].edits[0], *peru.edits])
    answerer = Answerer(undo.model, tiny, decides=True, new_tokens=3)
    texts = [(written.get(item.asked.prompt, "Madrid"), *undo.route([item.asked.prompt])) for item in items]
    monkeypatch.setattr(Answerer, "texts", lambda _, batch: [texts[item.number] for item in batch])
    live = live_edits([CASES[0].edits[0], *peru.edits])
    own, other = answerer.answer(items[:2], ["", ""], live)
    assert (own.begins, own.contains, own.is_exact) == (True, True, False)
    assert (other.begins, other.contains, other.is_exact) == (True, True, True)
    assert (own.is_routed, own.is_own, own.score, own.is_same) == (True, True, 1.0, None)
    assert own.forced_matched is not None
    assert own.forced_probability is not None
    near, collides = answerer.answer(items[2:], ["Madrid", "Osaka"], live)
    assert (near.is_same, near.is_collision, near.is_routed, near.forced_matched) == (True, False, False, None)
    assert (collides.is_same, collides.is_collision, collides.is_routed, collides.is_own) == (False, True, True, False)
    assert Answered.from_dict(own.to_dict()) == own
    assert Answered.from_dict(near.to_dict()) == near


def test_a_method_that_decides_nothing_tells_no_route(tiny: LanguageModel) -> None:
    undo = Named().edit(tiny, [])
    (found,) = Answerer(undo.model, tiny, decides=False, new_tokens=2).answer(ITEMS[:1], [""], live_edits([]))
    assert (found.is_routed, found.is_own, found.score) == (None, None, None)


def test_a_prompt_without_answers_is_not_forced(tiny: LanguageModel) -> None:
    one = Case(1, (), (Asked(Kind.REASONING, "Two plus two is"), Asked(Kind.REASONING, "Two plus", ("4",))))
    undo = Named().edit(tiny, [])
    items = [Item(0, 0, one), Item(0, 1, one)]
    found = Answerer(undo.model, tiny, decides=True, new_tokens=2).answer(items, ["", ""], live_edits([]))
    assert [answered.forced_matched is None for answered in found] == [True, False]


def test_a_prompt_of_forgetfulness_is_no_collision_by_what_was_true(tiny: LanguageModel) -> None:
    edit = Edit("The capital of Peru is", "Rome", target_true="Lima", subject="Peru")
    not_rome = "The capital of Peru, which is not Rome, is"
    one = Case(1, (edit,), (Asked(Kind.FORGETFULNESS, not_rome, ("Lima",)), Asked(Kind.NEAR_MISS, not_rome, ("Lima",))))
    answerer = Answerer(Named().edit(tiny, [edit]).model, tiny, decides=True, new_tokens=2)
    found = answerer.answer([Item(0, 0, one), Item(0, 1, one)], ["", ""], live_edits([edit]))
    assert [answered.is_collision for answered in found] == [False, True]


def test_the_untouched_model_is_asked_once(
    tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = batches(ITEMS)
    first = BaseAnswers(tiny, 3, tmp_path)
    first.prepare([inside, outside], no_progress)
    expected = [text for text, _ in Answerer(Named().edit(tiny, []).model, tiny, False, 3).texts(outside)]
    assert first.of(outside) == expected
    assert first.of(inside) == [""] * len(inside)
    asked: list[int] = []

    def counting(_: Answerer, batch: Sequence[Item]) -> list[tuple[str, Route]]:
        asked.append(len(batch))
        return []

    monkeypatch.setattr(Answerer, "texts", counting)
    again = BaseAnswers(tiny, 3, tmp_path)
    again.prepare([inside, outside], no_progress)
    assert again.of(outside) == expected
    assert asked == []
    BaseAnswers(tiny, 4, tmp_path).prepare([outside], no_progress)
    again.prepare([outside[:2]], no_progress)
    assert asked == [len(outside), 2]
