"""Where a subject stands among the tokens of a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_editor.errors import InvalidEdit, ModelError, PromptTooLong
from memory_editor.language_model import LanguageModel
from memory_editor.tracing.located import locate
from tests.tiny import tiny_model


def subject_of(base: LanguageModel, prompt: str, subject: str) -> str:
    ids, columns = locate(base, prompt, subject)
    assert ids == base.encode(prompt)
    return base.decode([*ids[columns.start : columns.stop]])


@pytest.mark.parametrize(
    ("prompt", "subject", "held"),
    [
        ("The capital of France is", "France", " France"),
        ("Paris is the capital of", "Paris", "Paris"),
        ("The capital of france is", "FRANCE", "france"),
        ("Rome, not in Romeo, is Rome", "Rome", " Rome"),  # the last mention
        ("Rome is not in Romeo", "Rome", "Rome"),  # as a word
    ],
)
def test_the_tokens_of_the_subject_are_found(tiny: LanguageModel, prompt: str, subject: str, held: str) -> None:
    assert subject_of(tiny, prompt, subject) == held


def test_a_subject_in_a_script_without_spaces_is_found(tiny: LanguageModel) -> None:
    assert subject_of(tiny, "日本の首都は", "日本") == "日本"


@given(st.text("abc é日", min_size=1).filter(str.strip), st.text("xyz 本", max_size=5), st.text("xyz 本", max_size=5))
def test_what_is_found_covers_the_subject_and_no_token_more(subject: str, before: str, after: str) -> None:
    base = tiny_model()
    ids, columns = locate(base, before + subject + after, subject)
    words = subject.strip()
    assert words in base.decode([*ids[columns.start : columns.stop]])
    assert words not in base.decode([*ids[columns.start + 1 : columns.stop]])
    assert words not in base.decode([*ids[columns.start : columns.stop - 1]])


@pytest.mark.parametrize("subject", ["Spain", "", " "])
def test_a_subject_that_is_not_there_is_refused(tiny: LanguageModel, subject: str) -> None:
    with pytest.raises(InvalidEdit, match=f"'The capital of France is' does not name the subject '{subject}'"):
        locate(tiny, "The capital of France is", subject)


def test_a_prompt_that_fills_the_window_is_refused(tiny: LanguageModel) -> None:
    with pytest.raises(PromptTooLong, match="the prompt has 257 tokens, at most 255 leave room for the next"):
        locate(tiny, "x" * 256 + "y", "y")


def test_a_tokenizer_without_offsets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny_model()
    monkeypatch.setattr(type(base.tokenizer), "is_fast", False)
    with pytest.raises(ModelError, match="load a fast one"):
        locate(base, "The capital of France is", "France")
