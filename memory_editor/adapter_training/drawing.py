"""Exercises in any number, the same for the same seed: mixed, and with facts that do not matter put beside."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.makers import MAKERS
from memory_editor.adapter_training.pool import Pool, as_edit
from memory_editor.edits import Edit, new_edit_id

_DISTRACTED: Final = 0.3
"""How often other facts stand beside those that matter."""

_FIRST: Final = 0.75
"""How often these come after them: a router passes the most probable edit first."""

_CONTRADICTED: Final = 0.2
"""How often, where they do, one of them gives the edit's own prompt another answer: the first one holds."""


def draw_exercises(pool: Pool, seed: str, count: int) -> Iterator[Exercise]:
    """Yield `count` exercises that depend on the pool, the seed and nothing else."""
    rng = Random(seed)
    makers, shares = [*MAKERS], [*MAKERS.values()]
    while count:
        (maker,) = rng.choices(makers, shares)
        if exercise := maker(pool, rng):
            yield _distracted(exercise, pool, rng)
            count -= 1


def _distracted(exercise: Exercise, pool: Pool, rng: Random) -> Exercise:
    if rng.random() >= _DISTRACTED:
        return exercise
    others = [_beside(exercise, pool, rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    edits = [*exercise.edits, *others]
    if rng.random() >= _FIRST:
        rng.shuffle(edits)
    elif exercise.edits[0].target_new and rng.random() < _CONTRADICTED:
        edits.append(replace(exercise.edits[0], target_new=rng.choice(pool.counterfact).target_new, id=new_edit_id()))
    return replace(exercise, edits=tuple(edits))


def _beside(exercise: Exercise, pool: Pool, rng: Random) -> Edit:
    """Return another edit: often one in the very words of the exercise's own, about another subject."""
    own = exercise.edits[0]
    if own.target_new and own.subject and own.subject in own.prompt and rng.random() < 0.4:
        other = rng.choice(pool.lexicon.names)
        target = rng.choice(pool.counterfact).target_new
        return Edit(own.prompt.replace(own.subject, other), target, subject=other)
    return as_edit(pool.topic(rng).fact)
