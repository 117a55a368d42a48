"""Texts are read one after the other and cut to windows, however they come."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.backends.text_windows import text_windows
from memory_editor.errors import ConfigError, DataError
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model, tiny_tokenizer

LINES = [f"Number {number} is the answer to the question of the day.\n" for number in range(20)]


def test_windows_follow_one_another(tiny: LanguageModel) -> None:
    windows = text_windows(tiny, LINES, 100_000)
    assert [token for window in windows for token in window] == tiny.encode("".join(LINES))
    assert {len(window) for window in windows[:-1]} == {256}
    assert 0 < len(windows[-1]) < 256


def test_a_window_fits_the_model() -> None:
    base = tiny_model(max_position_embeddings=50)
    assert max(map(len, text_windows(base, LINES, 100_000))) == 50


@given(st.lists(st.integers(0, 20), max_size=4))
@settings(max_examples=20, deadline=None)
def test_lines_documents_and_blank_lines_are_the_same_text(tiny: LanguageModel, sizes: list[int]) -> None:
    texts = [LINES[0]]
    for size in sizes:
        texts += ["".join(LINES[:size]).rstrip(), " \n", ""]
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    assert text_windows(tiny, texts, 100_000) == text_windows(tiny, lines, 100_000)


def test_no_more_is_read_than_is_asked_for(tiny: LanguageModel) -> None:
    def texts() -> Iterator[str]:
        yield from LINES
        raise AssertionError

    assert [len(window) for window in text_windows(tiny, texts(), 300)] == [256, 44]
    with pytest.raises(AssertionError):
        text_windows(tiny, texts(), 100_000)


def test_every_window_begins_as_the_tokenizer_begins_a_text(tiny: LanguageModel) -> None:
    tokenizer = tiny_tokenizer(add_bos_token=True)
    tokenizer.update_post_processor()  # type: ignore[no-untyped-call]
    windows = text_windows(LanguageModel(tiny.model, tokenizer), LINES, 300)
    ids, bos = tiny.encode("".join(LINES)), tokenizer.bos_token_id
    assert windows == [[bos, *ids[:255]], [bos, *ids[255:298]]]


def test_too_little_text_is_refused(tiny: LanguageModel) -> None:
    with pytest.raises(ConfigError, match="10 tokens of text are too few; give at least 256"):
        text_windows(tiny, LINES, 10)
    with pytest.raises(DataError, match="there is no text to read"):
        text_windows(tiny, [" ", "\n"], 300)
