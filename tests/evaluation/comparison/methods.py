"""Methods without learning, and a small task, for tests of the comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch

from memory_editor.adapters.in_context import InContext
from memory_editor.backends.routed_undo import RoutedUndo
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.evaluation.answering import Question
from memory_editor.evaluation.comparison.cases import Asked, Case, CaseSet, Kind
from memory_editor.evaluation.comparison.protocol import Plan, Task
from memory_editor.evaluation.comparison.reading import Extras
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.route import Kind as RouteKind
from memory_editor.scope.route import Route, ScoredEdit
from memory_editor.text import mentions

WEIGHT = "model.layers.1.mlp.down_proj.weight"
COUNTRIES = ("Japan", "France", "Italy", "Peru", "Chile", "Ghana")


class Counting:
    """Remembers how many edits it was given, call by call, beside its hyper-parameters."""

    @cached_property
    def calls(self) -> list[int]:
        return []


@dataclass(frozen=True)
class Named(Counting):
    """Routes prompts that mention an edit's subject to it."""

    name: ClassVar[str] = "named"

    strength: float = 1.0

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> RoutedUndo:
        self.calls.append(len(edits))

        def route(prompts: Sequence[str]) -> list[Route]:
            return [Route(prompt, _about(prompt, edits, self.strength), None, 0.5) for prompt in prompts]

        return RoutedUndo(base, route, InContext(), size=10 * len(edits))


@dataclass(frozen=True)
class Shifted(Counting):
    """Changes a weight by an amount for each edit."""

    name: ClassVar[str] = "shifted"

    by: float = 0.5

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        self.calls.append(len(edits))
        with undoable(base, [WEIGHT]) as undo, torch.no_grad():
            base.model.get_parameter(WEIGHT)[: len(edits)] += self.by
        return undo


@dataclass(frozen=True)
class Forgetful(Shifted):
    """Leaves its change behind."""

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        undo = super().edit(base, edits, progress=progress)
        undo.before = {}
        return undo


def _about(prompt: str, edits: Sequence[Edit], strength: float) -> tuple[ScoredEdit, ...]:
    found = [edit for edit in edits if mentions(prompt, edit.subject or "")]
    return tuple(ScoredEdit(edit, strength, RouteKind.DIRECT, ()) for edit in found[:1])


def case(number: int, country: str) -> Case:
    """Return a case about a country's capital, with a near miss that collides where Japan's edit is live."""
    edit = Edit(f"The capital of {country} is", "Rome", subject=country, target_true="Tokyo")
    asked = (
        Asked(Kind.RELIABILITY, edit.prompt, ("Rome",)),
        Asked(Kind.GENERALITY, f"{country} is governed from", ("Rome",)),
        Asked(Kind.NEAR_MISS, "The capital of Spain is", ("Madrid",)),
        Asked(Kind.NEAR_MISS, f"{number} towns of Japan are", ("Tokyo",)),
    )
    return Case(number, (edit,), asked)


def task(base: LanguageModel, cache: Path, **plan: Any) -> Task:
    """Return a task over six cases."""
    about = {"name": "capitals", "form": "jsonl", "version": "1", "sha256": "0"}
    cases = tuple(case(number, country) for number, country in enumerate(COUNTRIES, 1))
    extras = Extras(
        everyday=(Asked(Kind.EVERYDAY, "who wrote hamlet"), Asked(Kind.EVERYDAY, "what is a genus")),
        text="The capital of France is Paris. " * 60,
        facts=(Question("The capital of France is", ("Paris",)),),
    )
    return Task(CaseSet(about, cases), extras, Plan(**{"edits": 6, "cases": 6, "new_tokens": 3, **plan}), base, cache)
