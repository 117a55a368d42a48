"""Every kind of exercise holds what it promises, whatever is drawn."""

from random import Random

import pytest

from memory_editor.adapter_training import makers
from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.makers import MAKERS, Maker
from memory_editor.adapter_training.pool import Pool
from tests.scope.training.data import NEVER


def drawn(maker: Maker, pool: Pool, count: int = 60) -> list[Exercise]:
    rng = Random(0)
    return [exercise for _ in range(count) if (exercise := maker(pool, rng))]


def test_the_shares_make_a_whole() -> None:
    assert sum(MAKERS.values()) == pytest.approx(1)


@pytest.mark.parametrize("maker", MAKERS)
def test_every_kind_can_be_made_and_never_from_what_is_for_evaluation(maker: Maker, pool: Pool) -> None:
    found = drawn(maker, pool)
    assert found
    for exercise in found:
        assert exercise.edits
        assert exercise.prompt.strip()
        assert "{" not in exercise.prompt + exercise.answer
        assert NEVER not in str(exercise)


@pytest.mark.parametrize(
    "maker",
    [makers.near_miss, makers.other_subject, makers.other_relation, makers.rival, makers.qualified, makers.plain_text],
)
def test_what_the_edits_do_not_answer_has_no_answer_to_learn(maker: Maker, pool: Pool) -> None:
    assert {(exercise.answer, exercise.ends) for exercise in drawn(maker, pool)} == {("", False)}


@pytest.mark.parametrize("maker", [makers.own_prompt, makers.paraphrase, makers.asked, makers.wrapped])
def test_what_the_edit_answers_is_answered_with_its_target(maker: Maker, pool: Pool) -> None:
    for exercise in drawn(maker, pool):
        (edit,) = exercise.edits
        assert exercise.answer.rstrip(".") in edit.fact


def test_a_reversed_question_names_the_target_and_is_answered_with_the_subject(pool: Pool) -> None:
    for exercise in drawn(makers.reverse, pool):
        (edit,) = exercise.edits
        assert exercise.answer == edit.subject
        assert edit.target_new is None or edit.target_new in exercise.prompt


def test_a_conclusion_neither_names_the_target_nor_has_it_for_an_answer(pool: Pool) -> None:
    for exercise in drawn(makers.conclusion, pool, 200):
        edit = exercise.edits[0]
        assert edit.subject is not None
        assert edit.subject in exercise.prompt
        assert exercise.answer in {object_ for facts in pool.lexicon.facts.values() for _, object_ in facts}


def test_a_claim_is_judged_by_the_edit(pool: Pool) -> None:
    for exercise in drawn(makers.claim, pool, 200):
        assert exercise.answer in {"Yes", "No", "True", "False"}
    told = {exercise.answer for exercise in drawn(makers.sentence, pool, 200)}
    assert told == {"Yes", "No", "True", "False"}


def test_what_an_edit_denies_is_denied_rightly_and_claimed_wrongly(pool: Pool) -> None:
    found = set()
    for exercise in drawn(makers.claim, pool, 400):
        (edit,) = exercise.edits
        if " not " in edit.prompt:
            asked = exercise.prompt.replace(str(edit.subject), "")  # which may say "Don't" itself
            found.add((" not " in asked or "n't " in asked, exercise.answer in {"Yes", "True"}))
    assert found == {(True, True), (False, False)}


def test_of_two_questions_both_are_answered(pool: Pool) -> None:
    for exercise in drawn(makers.both, pool):
        first, second = exercise.edits
        assert first.subject == second.subject
        answers = [part for part in exercise.answer.split(". ") if part]
        assert answers[0].rstrip(".") in first.fact
        assert answers[-1].rstrip(".") in second.fact
