"""Why an edit is held to be in scope or not, in words: the features that moved the decision most."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from memory_editor.scope.candidates import Candidate
from memory_editor.scope.weighing import Regression, Vector

MOST: Final = 3
"""How many reasons are given."""

_LEAST: Final = 0.3
"""Log-odds below which a feature decided nothing worth saying."""


def reasons(candidate: Candidate, names: tuple[str, ...], row: Vector, regression: Regression) -> tuple[str, ...]:
    """Return what decided, most decisive first; each reason says in brackets which way it spoke, for or against."""
    moved = regression.contributions(row)
    ranked = [int(i) for i in np.argsort(-np.abs(moved))[:MOST] if abs(moved[i]) >= _LEAST]
    values = dict(zip(names, row.tolist(), strict=True))
    said = [f"{_WORDS[names[i]](candidate, values)} ({'for' if moved[i] > 0 else 'against'})" for i in ranked]
    subject = _subject(candidate)
    return (subject, *said) if subject else tuple(said)


def _subject(candidate: Candidate) -> str:
    subject, share = candidate.edit.subject, candidate.mention.share
    if subject is None:
        return "the edit has no subject to be mentioned"
    if share == 1:
        return f"the subject {subject!r} is mentioned"
    return f"the subject {subject!r} is {'mentioned in part' if share > 0 else 'not mentioned'}"


_Say = Callable[[Candidate, Mapping[str, float]], str]

_WORDS: Final[Mapping[str, _Say]] = {
    "similarity": lambda _, row: f"similarity {row['similarity']:.2f}",
    "lead": lambda _, row: f"similarity {row['lead']:+.2f} against the next candidate, if there is one",
    "share": lambda _, row: f"{row['share']:.0%} of the subject's words occur",
    "is_within_name": lambda _, row: (
        "the subject may be part of a longer name" if row["is_within_name"] else "the subject's name stands alone"
    ),
    "rivals": lambda _, row: (
        f"{round(np.expm1(row['rivals']))} other edits' subjects are mentioned"
        if row["rivals"]
        else "no other edit's subject is mentioned"
    ),
    "overlap": lambda _, row: f"{row['overlap']:.0%} of the other words are shared",
    "others_named": lambda _, row: (
        "the prompt has names or numbers that the edit has not"
        if row["others_named"]
        else "the prompt names nothing that the edit does not"
    ),
    "answer_named": lambda candidate, row: (
        f"the prompt {'mentions' if row['answer_named'] else 'does not mention'} {candidate.edit.target_new!r}"
        if candidate.edit.target_new
        else "the edit has no answer to be mentioned"
    ),
    "is_statement": lambda _, row: "the edit is a statement" if row["is_statement"] else "the edit answers a prompt",
    "asks_for_it": lambda _, row: (
        f"the prompt {'asks for' if row['asks_for_it'] > 0 else 'does not ask for'} what the edit says"
    ),
    "follows_from_it": lambda _, row: (
        "what is asked follows from the edit" if row["follows_from_it"] > 0 else "what is asked is the edit itself"
    ),
}
"""How each feature speaks of its value."""
