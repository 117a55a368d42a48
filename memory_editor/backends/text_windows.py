"""Ordinary text as rows of token ids, to take statistics of a model on; knows no edits."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from memory_editor.errors import ConfigError, DataError
from memory_editor.language_model import LanguageModel
from memory_editor.text import encodable

WINDOW: Final = 256
"""How many tokens are read together."""


def read_lines(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the lines of text files, one file after the other; raises `DataError` for one that cannot be read."""
    for path in paths:
        try:
            with path.open(encoding="utf-8") as lines:
                yield from lines
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is no UTF-8 text: {error}; save it as UTF-8") from error


def text_windows(base: LanguageModel, texts: Iterable[str], tokens: int) -> list[list[int]]:
    """Return the ids of the first tokens of texts, one after the other, cut to windows.

    Texts are lines or documents, each ended by one line end; no more are read than needed. A window begins as the
    tokenizer begins a text, and these tokens count. Raises `DataError` where there is no text.
    """
    if tokens < WINDOW:
        raise ConfigError(f"{tokens} tokens of text are too few; give at least {WINDOW}")
    start = base.encode("")
    room = min(WINDOW, base.context_window or WINDOW) - len(start)
    ids = (token for text in texts if text.strip() for token in _ids(base, text))
    windows: list[list[int]] = []
    while tokens > len(start) and (window := list(islice(ids, min(room, tokens - len(start))))):
        windows.append([*start, *window])
        tokens -= len(windows[-1])
    if not windows:
        raise DataError("there is no text to read; give some of any kind")
    return windows


def _ids(base: LanguageModel, text: str) -> list[int]:
    line = f"{encodable(text).rstrip()}\n"
    ids: list[int] = base.tokenizer(line, add_special_tokens=False, verbose=False)["input_ids"]
    return ids
