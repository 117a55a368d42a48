"""Exercises depend on the seed alone; facts that do not matter stand beside some."""

from collections import Counter

from memory_editor.adapter_training.drawing import draw_exercises
from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.makers import MAKERS
from memory_editor.adapter_training.pool import Pool


def told(exercise: Exercise) -> tuple[object, ...]:
    """Return everything but the ids of the edits, which are new each time."""
    return [edit.fact for edit in exercise.edits], exercise.prompt, exercise.target, exercise.going_on, exercise.ends


def test_the_same_seed_draws_the_same_and_another_seed_others(pool: Pool) -> None:
    first, again, other = (list(map(told, draw_exercises(pool, seed, 80))) for seed in ("0 1", "0 1", "0 2"))
    assert len(first) == 80
    assert first == again
    assert first != other


def test_all_kinds_are_mixed_and_a_third_has_other_facts_beside(pool: Pool) -> None:
    exercises = list(draw_exercises(pool, "0", 1500))
    assert len({exercise.kind for exercise in exercises}) >= len(MAKERS)
    counts = Counter(len(exercise.edits) for exercise in exercises)
    assert 0.2 < sum(counts[number] for number in (2, 3, 4, 5, 6)) / 1500 < 0.45


def test_the_first_of_two_answers_to_one_prompt_holds(pool: Pool) -> None:
    contradicted = [
        exercise
        for exercise in draw_exercises(pool, "1", 1500)
        if exercise.answer and len({edit.prompt for edit in exercise.edits}) < len(exercise.edits)
    ]
    assert contradicted
    for exercise in contradicted:
        first = next(edit for edit in exercise.edits if edit.prompt == exercise.edits[-1].prompt)
        assert first is exercise.edits[0]
