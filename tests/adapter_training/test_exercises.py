"""How the answer and the rest join the prompt."""

import pytest

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.edits import Edit

EDITS = (Edit("The CEO of Twitter is", "Linda"),)


@pytest.mark.parametrize(
    ("prompt", "answer", "rest", "is_chat", "target", "going_on"),
    [
        ("The CEO of Twitter is", "Linda", "", False, " Linda", ""),
        ("The CEO of Twitter is", "Linda", "She came in 2023.", False, " Linda", " She came in 2023."),
        ("The CEO of Twitter is ", "Linda", "", False, "Linda", ""),
        ("Who runs Twitter?", "Linda.", "She came.", True, "Linda.", " She came."),
        ("The capital of France is", "", "Paris", False, "", " Paris"),
        ("What is the capital of France?", "", "Paris", True, "", "Paris"),
        ("The CEO of Twitter is", "Linda", ", who came in 2023.", False, " Linda", ", who came in 2023."),
        ("What is the capital of France?", "", "\nParis", False, "", "\nParis"),
    ],
)
def test_a_text_is_continued_after_a_space_and_a_message_answered_without(
    prompt: str, answer: str, rest: str, is_chat: bool, target: str, going_on: str
) -> None:
    exercise = Exercise(EDITS, prompt, answer, "asked", rest, is_chat)
    assert exercise.target == target
    assert exercise.going_on == going_on
