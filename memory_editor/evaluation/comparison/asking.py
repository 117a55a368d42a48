"""Asks a model what its cases ask, batch by batch, and judges what it wrote; knows no methods and no files."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from memory_editor.answers import begins_with, contains
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit, EditId
from memory_editor.evaluation.answering import Question, ask
from memory_editor.evaluation.comparison.cases import Asked, Case, Kind
from memory_editor.evaluation.comparison.forced import Forced, forced
from memory_editor.evaluation.live import Live
from memory_editor.evaluation.rows import Probe
from memory_editor.language_model import LanguageModel
from memory_editor.memory import Added
from memory_editor.scope.route import Route
from memory_editor.text import normalised

_TOGETHER: Final = 32


@dataclass(frozen=True)
class Item:
    """One prompt of a case: the case's place among those whose edits are applied, and the prompt's within the case."""

    place: int
    number: int
    case: Case

    @property
    def asked(self) -> Asked:
        """The prompt with its answers."""
        return self.case.asked[self.number]

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from all others of a run."""
        return self.place, self.number


@dataclass(frozen=True)
class Answered:
    """What became of one prompt. Decoding was free and greedy; what is teacher-forced says so."""

    place: int
    number: int
    case: int
    """The record's place in its file."""
    kind: Kind
    prompt: str
    text: str
    is_exact: bool = False
    """Whether the text is a right answer and nothing else, as far as spelling goes."""
    begins: bool = False
    """Whether it begins with one."""
    contains: bool = False
    """Whether it holds one."""
    forced_matched: float | None = None
    """In scope: the share of the target's tokens that come out teacher-forced."""
    forced_probability: float | None = None
    """In scope: the probability of the target."""
    is_same: bool | None = None
    """Out of scope: whether the text is that of the untouched model."""
    is_collision: bool = False
    """Out of scope: whether an applied edit covers the prompt although it was written to be covered by none."""
    is_routed: bool | None = None
    """Whether an edit answered, where the method decides that."""
    is_own: bool | None = None
    """Whether it was one of the case."""
    score: float | None = None
    """The highest probability that the method gave to any edit."""

    @property
    def key(self) -> tuple[int, int]:
        """The key of its item."""
        return self.place, self.number

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, leaving out what is not set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        return cls(**{**raw, "kind": Kind(raw["kind"])})


def batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield items in batches of prompts of like length, those in scope apart from the others."""
    order = sorted(items, key=lambda item: (len(item.asked.prompt), item.key))
    for in_scope in (True, False):
        alike = [item for item in order if item.asked.kind.in_scope is in_scope]
        for start in range(0, len(alike), _TOGETHER):
            yield alike[start : start + _TOGETHER]


@dataclass(frozen=True)
class Answerer:
    """A model that is asked, over the base model `base`; `decides` says that it routes by a method of its own."""

    model: EditedModel
    base: LanguageModel
    decides: bool
    new_tokens: int

    def texts(self, batch: Sequence[Item]) -> list[tuple[str, Route]]:
        """Return what the model writes for each item of a batch, and by which route."""
        questions = [Question(item.asked.prompt, item.asked.answers) for item in batch]
        return [(one.text, one.route) for one in ask(self.model, self.base, questions, max_new_tokens=self.new_tokens)]

    def answer(self, batch: Sequence[Item], before: Sequence[str], live: Live) -> list[Answered]:
        """Ask a batch; `before` is what the untouched model wrote for each, read where items are out of scope."""
        targets = [(item.asked.prompt, item.asked.answers[0]) for item in batch if _is_targeted(item.asked)]
        scores = iter(forced(self.model, self.base, targets))
        found = []
        for place, (item, (text, route)) in enumerate(zip(batch, self.texts(batch), strict=True)):
            common = _common(item, text, route if self.decides else None)
            if item.asked.kind.in_scope:
                judged = _judged(item.asked, text, next(scores) if _is_targeted(item.asked) else None)
            else:
                judged = _compared(item.asked, text == before[place], live)
            found.append(Answered(**common, **judged))
        return found


def live_edits(edits: Sequence[Edit]) -> Live:
    """Return edits as those that are live."""
    return Live(edits, Added(tuple(edits), (), (), ()))


def batch_key(batch: Sequence[Item]) -> str:
    """Return what stands for the prompts of a batch in their order, on which rounding depends."""
    return hashlib.sha256(json.dumps([item.asked.prompt for item in batch]).encode()).hexdigest()


def _is_targeted(asked: Asked) -> bool:
    return asked.kind.in_scope and bool(asked.answers)


def _judged(asked: Asked, text: str, score: Forced | None) -> dict[str, Any]:
    return {
        "is_exact": normalised(text) in map(normalised, asked.answers),
        "begins": begins_with(text, asked.answers),
        "contains": contains(text, asked.answers),
        "forced_matched": score and score.matched,
        "forced_probability": score and score.probability,
    }


def _compared(asked: Asked, is_same: bool, live: Live) -> dict[str, Any]:
    # What is no answer to a prompt of forgetfulness is always what was true of the edit: no sign of a collision.
    truths = () if asked.kind is Kind.FORGETFULNESS else asked.answers
    return {"is_same": is_same, "is_collision": bool(live.covering(Probe(asked.prompt, truths=truths)))}


def _common(item: Item, text: str, route: Route | None) -> dict[str, Any]:
    common = {
        "place": item.place,
        "number": item.number,
        "case": item.case.number,
        "kind": item.asked.kind,
        "prompt": item.asked.prompt,
        "text": text,
    }
    if route is None:
        return common
    own: set[EditId] = {edit.id for edit in item.case.edits}
    seen = [*route.edits, *filter(None, [route.runner_up])]
    return common | {
        "is_routed": route.in_scope,
        "is_own": any(scored.edit.id in own for scored in route.edits),
        "score": max((scored.probability for scored in seen), default=0.0),
    }
