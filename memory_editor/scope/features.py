"""What of a prompt and a candidate edit tells whether the edit is in scope, in numbers; knows no weights."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from heapq import nlargest
from operator import attrgetter
from typing import Final

import numpy as np

from memory_editor.scope.candidates import Candidate
from memory_editor.scope.weighing import Matrix
from memory_editor.text import STOP_WORDS, normalised, words

_NAME = re.compile(r"(?<=[^.?!:\n] )[A-ZÀ-Þ]\w+|\d+")
_MASK_WORD: Final = "mask"


@dataclass(frozen=True)
class Features:
    """What was seen of a prompt and one of its candidates."""

    similarity: float
    """Cosine similarity of the prompt and the nearest of the edit's keys."""
    lead: float
    """By how much that exceeds the greatest similarity of another candidate that says something else."""
    share: float
    """The share of the subject's words that the prompt mentions."""
    is_within_name: float
    """Whether the mention may be part of a longer name: one that has words which the fact has not."""
    rivals: float
    """How many other candidates' subjects are mentioned in full, as log(1 + n)."""
    overlap: float
    """The share of the words of prompt and fact, subject aside, that both have."""
    others_named: float
    """How many names and numbers of the prompt the fact does not have, at most three."""
    answer_named: float
    """The share of the new answer's words that the prompt has already."""
    is_statement: float


NAMES: Final = tuple(field.name for field in fields(Features))
_VALUES: Final = attrgetter(*NAMES)


def features(candidates: Sequence[Candidate]) -> list[Features]:
    """Return the features of all candidates of one prompt."""
    said = [(one.edit.subject_key, one.edit.target_new and normalised(one.edit.target_new)) for one in candidates]
    greatest: dict[object, float] = {}
    for candidate, says in zip(candidates, said, strict=True):
        greatest[says] = max(candidate.similarity, greatest.get(says, -1.0))
    leaders = nlargest(2, greatest, key=greatest.__getitem__)
    mentioned = sum(candidate.mention.share == 1 for candidate in candidates)
    return [
        _features(candidate, next((greatest[other] for other in leaders if other != says), 0.0), mentioned)
        for candidate, says in zip(candidates, said, strict=True)
    ]


def matrix(rows: Sequence[Features]) -> Matrix:
    """Return features as numbers, in the order of `NAMES`."""
    return np.array([_VALUES(row) for row in rows], dtype=np.float64).reshape(len(rows), len(NAMES))


def _features(candidate: Candidate, rival: float, mentioned: int) -> Features:
    edit, mention = candidate.edit, candidate.mention
    said, fact = _content(mention.masked), _content(candidate.masked_fact)
    answer = _content(edit.target_new or "")
    names = {name.casefold() for name in _NAME.findall(mention.masked)}
    return Features(
        similarity=candidate.similarity,
        lead=candidate.similarity - rival,
        share=mention.share,
        is_within_name=float(not mention.beside <= fact),
        rivals=float(np.log1p(mentioned - (mention.share == 1))),
        overlap=len(said & fact) / len(said | fact) if said | fact else 0.0,
        others_named=float(min(3, len(names - fact))),
        answer_named=len(answer & said) / len(answer) if answer else 0.0,
        is_statement=float(edit.is_statement),
    )


@lru_cache(maxsize=1024)
def _content(text: str) -> frozenset[str]:
    return frozenset(words(text)) - STOP_WORDS - {_MASK_WORD}
