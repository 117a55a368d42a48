"""Edits and what is asked about them, as data; knows no files and no models."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ulid import ULID

from memory_editor.edits import Edit, EditId
from memory_editor.text import fingerprint, normalised


class Kind(StrEnum):
    """What a prompt is to the edits of its case."""

    RELIABILITY = "reliability"
    """An edit's own prompt."""
    GENERALITY = "generality"
    """The same in other words."""
    REASONING = "reasoning"
    """What follows from it in one step."""
    ALIAS = "alias"
    """The same of its subject by another name."""
    MULTI_HOP = "multi-hop"
    """What follows from several facts, of which edits change some."""
    NEAR_MISS = "near miss"
    """The same of another subject, or another statement."""
    SAME_SUBJECT = "same subject"
    """Something else of its subject."""
    FORGETFULNESS = "forgetfulness"
    """Which other answer holds beside the new one."""
    UNRELATED = "unrelated"
    """Something else altogether, by the data set."""
    EVERYDAY = "everyday"
    """A question that people asked."""

    @property
    def in_scope(self) -> bool:
        """Whether the right answer depends on the edits; otherwise the base model's answer is right."""
        return self in IN_SCOPE


PORTABILITY = (Kind.REASONING, Kind.ALIAS, Kind.MULTI_HOP)
IN_SCOPE = (Kind.RELIABILITY, Kind.GENERALITY, *PORTABILITY)
LOCALITY = (Kind.NEAR_MISS, Kind.SAME_SUBJECT, Kind.UNRELATED)
"""What the data set itself asks out of scope and what decides locality; the other kinds are reported apart."""


@dataclass(frozen=True)
class Asked:
    """A prompt and its answers: in scope the right ones, out of scope what is true where that is known."""

    kind: Kind
    prompt: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """The edits of one record, and what is asked about them; `number` is its place in the file, from 1."""

    number: int
    edits: tuple[Edit, ...]
    asked: tuple[Asked, ...]


@dataclass(frozen=True)
class CaseSet:
    """The cases of a file; `about` says which file in which form, by which version of its loader."""

    about: dict[str, str]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Selection:
    """Cases whose edits are applied together, oldest first, and how many were left out for contradicting one of them.

    Of edits that contradict each other none is answered rightly by every method, so the cases of one of them only are
    selected. The edits' ids are those of their order, so that nothing is left to the moment of reading.
    """

    cases: tuple[Case, ...]
    superseded: int

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits of all cases, each once."""
        return tuple({edit.id: edit for case in self.cases for edit in case.edits}.values())


def select(cases: Sequence[Case], count: int, seed: int) -> Selection:
    """Return cases in an order that `seed` draws, with `count` edits in all, or as many as there are.

    What is selected with a smaller count comes first with a larger one.
    """
    order = list(cases)
    random.Random(seed).shuffle(order)
    held: dict[bytes | tuple[str, str], str] = {}
    ids: dict[tuple[bytes, str], EditId] = {}
    kept: list[Case] = []
    superseded = 0
    for case in order:
        if len(ids) >= count:
            break
        claims = [(key, _answer(edit)) for edit in case.edits for key in _keys(edit)]
        if any(held.get(key, answer) != answer for key, answer in claims):
            superseded += 1
            continue
        held |= claims
        edits = {_identity(edit): edit for edit in case.edits}
        for identity in edits:
            ids.setdefault(identity, EditId(str(ULID.from_int(len(ids) + 1))))
        named = tuple(replace(edit, id=ids[identity]) for identity, edit in edits.items())
        kept.append(replace(case, edits=named))
    return Selection(tuple(kept), superseded)


def limited(case: Case, prompts: int) -> Case:
    """Return a case that asks at most so many prompts of each kind, the first ones, none of them twice."""
    once: dict[tuple[Kind, bytes], Asked] = {}
    for asked in case.asked:
        once.setdefault((asked.kind, fingerprint(asked.prompt)), asked)
    kept = [asked for kind in Kind for asked in [one for one in once.values() if one.kind is kind][:prompts]]
    return replace(case, asked=tuple(kept))


def with_questions(cases: Sequence[Case], questions: Sequence[Asked], seed: int) -> Iterator[Case]:
    """Yield each case with one more question, in an order that `seed` draws, over and over."""
    order = list(questions)
    random.Random(seed).shuffle(order)
    for place, case in enumerate(cases):
        more = (order[place % len(order)],) if order else ()
        yield replace(case, asked=(*case.asked, *more))


def _keys(edit: Edit) -> Iterator[bytes | tuple[str, str]]:
    yield fingerprint(edit.prompt)
    if edit.subject_key and not edit.is_statement:
        yield edit.subject_key, edit.relation


def _answer(edit: Edit) -> str:
    return normalised(edit.target_new or "")


def _identity(edit: Edit) -> tuple[bytes, str]:
    return fingerprint(edit.prompt), _answer(edit)
