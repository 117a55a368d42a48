"""Exercises ask for the edit in ways that fit it, and keep what none of the edits answers."""

from random import Random

from memory_editor.consolidation.variations import Variations
from memory_editor.edits import Edit
from memory_editor.scope.training.phrasings import read_phrasings

PHRASINGS = read_phrasings()
CLOZE = Edit("The favourite colour of Japan is", "red", exclusions=("The colour of ancient Japan was",))
QUESTION = Edit("Who runs Twitter?", "Linda Yaccarino", paraphrases=("The CEO of Twitter is",))
BORN = Edit("The birthplace of Ada Lovelace is", "Rome", subject="Ada Lovelace")


def prompts(edit: Edit) -> set[str]:
    variations, rng = Variations([edit], [], PHRASINGS), Random(0)
    return {variations.answered(edit, rng).prompt for _ in range(400)}


def test_every_exercise_asks_about_the_subject_and_wants_the_target() -> None:
    variations, rng = Variations([CLOZE, QUESTION], [], PHRASINGS), Random(0)
    for edit in (CLOZE, QUESTION):
        for _ in range(300):
            exercise = variations.answered(edit, rng)
            assert str(edit.subject).lower() in exercise.prompt.lower()
            assert exercise.answer.rstrip(".") == edit.target_new
            assert exercise.edits == (edit,)
            assert exercise.ends == ("?" in exercise.prompt)


def test_what_is_completed_has_nothing_behind_it() -> None:
    assert all(prompt.lower().endswith(CLOZE.prompt.lower()) for prompt in prompts(CLOZE))
    assert CLOZE.prompt in prompts(CLOZE)
    assert set(QUESTION.keys) <= prompts(QUESTION)


def test_other_forms_of_a_relation_that_is_worded_alike_are_asked_too() -> None:
    assert {"Where was Ada Lovelace born?", "Ada Lovelace birthplace"} <= prompts(BORN)
    reworded = Edit("Ada Lovelace, whose birthplace is", "Rome", subject="Ada Lovelace")
    assert prompts(reworded) - {reworded.prompt} >= {"Where was Ada Lovelace born?", "Ada Lovelace birthplace"}
    assert "Where was Ada Lovelace born?" not in prompts(Edit("Ada Lovelace likes", "tea", subject="Ada Lovelace"))


def test_what_is_kept_is_about_others_or_excluded() -> None:
    variations, rng = Variations([CLOZE], ["Two plus two is"], PHRASINGS), Random(0)
    kept = [variations.kept(rng) for _ in range(100)]
    asked = {exercise.prompt for exercise in kept if exercise}
    assert {"Two plus two is", *CLOZE.exclusions} <= asked
    assert CLOZE.prompt not in asked
    assert all(exercise and not exercise.answer and not exercise.edits for exercise in kept)


def test_where_there_is_nothing_to_keep_there_is_no_exercise() -> None:
    assert Variations([Edit("who is it?", "me")], [], PHRASINGS).kept(Random(0)) is None


def test_the_same_seed_draws_the_same() -> None:
    variations = Variations([CLOZE], [], PHRASINGS)
    first, second = ([variations.answered(CLOZE, rng) for _ in range(20)] for rng in (Random("one"), Random("one")))
    assert first == second
