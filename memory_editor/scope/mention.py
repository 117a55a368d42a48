"""How a text speaks of a subject: in full, in part, or not at all; knows no edits and no models."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import Levenshtein

from memory_editor.text import STOP_WORDS, word_spans

MASK: Final = "[MASK]"
"""Stands where a text speaks of the subject, so that what is left is what the text says of it."""

_ALIKE: Final = 0.75
"""Share of letters from which two words of four letters or more are one, misspelt or inflected."""

PART: Final = 0.3
"""Share of a subject's words from which a text speaks of it in part."""

_CAPITALISED = re.compile(r"[A-ZÀ-Þ0-9]")


@dataclass(frozen=True)
class Mention:
    """What of a subject a text mentions."""

    masked: str
    """The text with every mention of the subject replaced by `MASK`."""
    share: float
    """The share of the subject's words that are mentioned, function words aside; 1 only for all of them in a row."""
    beside: frozenset[str] = frozenset()
    """Capitalised words and numbers, in lower case, that stand right beside the mention as in a longer name."""

    @property
    def is_masked(self) -> bool:
        """Whether enough of the subject is mentioned to be masked."""
        return self.share >= PART


@lru_cache(maxsize=1024)
def find_mention(text: str, subject: str | None) -> Mention:
    """Return how `text` mentions `subject`: in a row, else word by word, letting single letters differ."""
    text = unicodedata.normalize("NFKC", text)
    wanted = [word for word, _, _ in word_spans(unicodedata.normalize("NFKC", subject or ""))]
    found = word_spans(text)
    if not wanted or not found:
        return Mention(text, 0.0)
    said = [word for word, _, _ in found]
    if runs := _runs(said, wanted):
        return _mention(text, found, runs, 1.0)
    parts = _parts(said, wanted)
    weights = {word: 0.0 if word in STOP_WORDS else 1.0 for word in wanted}
    total = sum(weights.values())
    share = sum(weights[word] for word in set(parts.values())) / total if total else 0.0
    if share < PART:
        return Mention(text, share)
    return _mention(text, found, _joined(sorted(parts), said), min(share, 0.99))


def _runs(said: list[str], wanted: list[str]) -> list[range]:
    """Return where all the words wanted stand in a row, none of them counted twice."""
    runs: list[range] = []
    for start in range(len(said)):
        if said[start : start + len(wanted)] == wanted and not (runs and start < runs[-1].stop):
            runs.append(range(start, start + len(wanted)))
    return runs


def _parts(said: list[str], wanted: list[str]) -> dict[int, str]:
    """Return which words of the text are which of the subject's."""
    content = [word for word in dict.fromkeys(wanted) if word not in STOP_WORDS]
    parts = {}
    for position, word in enumerate(said):
        if word in STOP_WORDS:
            continue
        best = max(content, key=lambda other: _likeness(word, other), default="")
        if best and _likeness(word, best) >= _ALIKE:
            parts[position] = best
    return parts


def _likeness(word: str, other: str) -> float:
    if word == other:
        return 1.0
    if min(len(word), len(other)) < 4 or word[0] != other[0]:
        return 0.0
    return float(Levenshtein.normalized_similarity(word, other, score_cutoff=_ALIKE))


def _joined(positions: list[int], said: list[str]) -> list[range]:
    """Join positions between which only function words stand."""
    runs: list[range] = []
    for position in positions:
        if runs and all(word in STOP_WORDS for word in said[runs[-1].stop : position]):
            runs[-1] = range(runs[-1].start, position + 1)
        else:
            runs.append(range(position, position + 1))
    return runs


def _mention(text: str, found: tuple[tuple[str, int, int], ...], runs: list[range], share: float) -> Mention:
    pieces: list[str] = []
    beside: set[str] = set()
    end = 0
    for run in runs:
        start, stop = found[run.start][1], found[run.stop - 1][2]
        # What opens a prompt is capitalised for that alone.
        if run.start > 1 and _is_beside(text, found[run.start - 1][1], found[run.start - 1][2], start):
            beside.add(found[run.start - 1][0])
        if run.stop < len(found) and _is_beside(text, found[run.stop][1], stop, found[run.stop][1]):
            beside.add(found[run.stop][0])
        pieces += [text[end:start], MASK]
        end = stop
    return Mention("".join([*pieces, text[end:]]), share, frozenset(beside))


def _is_beside(text: str, word: int, gap_from: int, gap_to: int) -> bool:
    return text[gap_from:gap_to] in (" ", "-") and bool(_CAPITALISED.match(text, word))
