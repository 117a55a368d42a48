"""Traces of many prompts as one: indirect effects by what a token is to the subject; knows no models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from memory_editor.errors import DataError
from memory_editor.tracing.states import Kind
from memory_editor.tracing.trace import Effects, Trace


class Role(StrEnum):
    """What a token is to the subject, as in the paper's figure 2.

    The last token of a prompt is always that, and the only one of a subject is its last.
    """

    FIRST_SUBJECT = "first subject token"
    MIDDLE_SUBJECT = "middle subject tokens"
    LAST_SUBJECT = "last subject token"
    FIRST_AFTER = "first subsequent token"
    FURTHER = "further tokens"
    LAST = "last token"


@dataclass(frozen=True, eq=False)
class AverageTrace:
    """The mean over several prompts, in which every token of a role counts the same."""

    model: str
    prompts: int
    clean: float
    corrupted: float
    tokens: Mapping[Role, int]
    """How many tokens there are of each role; roles without any are left out."""
    effects: Mapping[Kind, Effects] = field(repr=False)
    """Of shape (roles, layers) for each kind."""

    def to_dict(self) -> dict[str, Any]:
        """Return the average as JSON values."""
        return {
            "model": self.model,
            "prompts": self.prompts,
            "clean": self.clean,
            "corrupted": self.corrupted,
            "tokens": {role.value: count for role, count in self.tokens.items()},
            "effects": {kind.value: effects.tolist() for kind, effects in self.effects.items()},
        }


def roles_of(trace: Trace) -> list[Role | None]:
    """Return the role of each token; those before the subject have none."""
    end = len(trace.tokens) - 1
    return [Role.LAST if column == end else _role(column, trace.subject_tokens) for column in range(end + 1)]


def average(traces: Sequence[Trace]) -> AverageTrace:
    """Return the average of traces that one model gave for the same kinds; raises `DataError` for none."""
    if not traces:
        raise DataError("there is no trace to average; give prompts whose target the model answers")
    roles = [role for trace in traces for role in roles_of(trace)]
    tokens = {role: roles.count(role) for role in Role if role in roles}
    is_of = np.array([[own is role for own in roles] for role in tokens])
    effects = {kind: np.concatenate([trace.effects[kind] for trace in traces]) for kind in traces[0].effects}
    return AverageTrace(
        model=traces[0].model,
        prompts=len(traces),
        clean=float(np.mean([trace.clean for trace in traces])),
        corrupted=float(np.mean([trace.corrupted for trace in traces])),
        tokens=tokens,
        effects={kind: np.stack([each[chosen].mean(0) for chosen in is_of]) for kind, each in effects.items()},
    )


def _role(column: int, subject: range) -> Role | None:
    if column < subject.start:
        return None
    if column < subject.stop - 1:
        return Role.FIRST_SUBJECT if column == subject.start else Role.MIDDLE_SUBJECT
    return {subject.stop - 1: Role.LAST_SUBJECT, subject.stop: Role.FIRST_AFTER}.get(column, Role.FURTHER)
