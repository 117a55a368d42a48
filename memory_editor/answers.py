"""Whether a text that a model wrote gives an answer; knows no models."""

from collections.abc import Iterable
from typing import Final

from memory_editor.text import words

_ARTICLES: Final = frozenset({"a", "an", "the"})


def begins_with(text: str, answers: Iterable[str]) -> bool:
    """Say whether `text` begins with one of `answers`, word for word; case, punctuation and articles do not count."""
    said = _counted(text)
    return any(wanted and said[: len(wanted)] == wanted for wanted in map(_counted, answers))


def contains(text: str, answers: Iterable[str]) -> bool:
    """Say whether one of `answers` occurs in `text` as whole words; case, punctuation and articles do not count."""
    said = f" {' '.join(_counted(text))} "
    return any(wanted and f" {' '.join(wanted)} " in said for wanted in map(_counted, answers))


def _counted(text: str) -> list[str]:
    return [word for word in words(text) if word not in _ARTICLES]
