"""Whether a text that a model wrote gives an answer; knows no models."""

from collections.abc import Iterable, Iterator
from typing import Final

from memory_editor.text import normalised, words

_ARTICLES: Final = frozenset({"a", "an", "the"})


def begins_with(text: str, answers: Iterable[str]) -> bool:
    """Say whether `text` begins with one of `answers`, word for word; case, punctuation and articles do not count.

    Of an answer that consists of nothing else they do.
    """
    return any(said[: len(wanted)] == wanted for said, wanted in _compared(text, answers))


def contains(text: str, answers: Iterable[str]) -> bool:
    """Say whether one of `answers` occurs in `text` as whole words; case, punctuation and articles do not count."""
    found = ((f" {' '.join(said)} ", wanted) for said, wanted in _compared(text, answers))
    return any(f" {' '.join(wanted)} " in said for said, wanted in found)


def _compared(text: str, answers: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield for each answer what counts of the text and of the answer."""
    for answer in answers:
        for read in (_without_articles, words, _pieces):
            if wanted := read(answer):
                yield read(text), wanted
                break


def _without_articles(text: str) -> list[str]:
    return [word for word in words(text) if word not in _ARTICLES]


def _pieces(text: str) -> list[str]:
    return normalised(text).split()
