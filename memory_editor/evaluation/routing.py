"""Asks a router the rows, each over a memory of its edits, and keeps what became of every prompt; knows no files."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from memory_editor.edits import Edit, EditId
from memory_editor.encoder import Encoder
from memory_editor.errors import DataError
from memory_editor.evaluation.live import Live, Owners
from memory_editor.evaluation.metrics import Rate
from memory_editor.evaluation.rows import Probe, ProbeSet, Row, RowName
from memory_editor.memory import Added, EditMemory, Judge
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.route import Kind, Route
from memory_editor.store import Store

RoutePrompts: TypeAlias = Callable[[Sequence[str]], list[Route]]
"""Returns one route a prompt, as `Router.route` does."""

_AT_ONCE: Final = 64


@dataclass(frozen=True)
class Outcome:
    """What became of one probe."""

    probe: Probe
    owners: Owners
    answered: str | None
    """The fact of the edit that answered, or the first of several."""
    kind: Kind | None
    """How the owner was to answer where it is right, else how that edit was."""
    is_right: bool
    score: float
    """The probability given to the owner; without one, the highest given to any edit."""
    word_for_word: Owners
    """The live edits of which it is a prompt, up to spelling."""

    @property
    def is_collision(self) -> bool:
        """Whether live edits cover the prompt although it was written to belong to none."""
        return bool(self.owners) and not self.probe.in_scope

    @property
    def is_exact(self) -> bool:
        """Whether the prompt is an owner's own word for word: finding that takes no classifier."""
        return bool(set(self.owners) & set(self.word_for_word))

    @property
    def is_another_edits(self) -> bool:
        """Whether the prompt is word for word that of another edit than is to answer, which no router can deny."""
        return bool(self.word_for_word) and not self.is_exact


@dataclass(frozen=True)
class Figure:
    """What became of the probes of a set."""

    name: str
    goal: str
    is_pooled: bool
    outcomes: tuple[Outcome, ...]

    @property
    def right(self) -> Rate:
        """How many were routed right."""
        return Rate(sum(outcome.is_right for outcome in self.outcomes), len(self.outcomes))


@dataclass(frozen=True)
class RowResult:
    """What became of a row."""

    row: Row
    live: int
    superseded: int
    figures: tuple[Figure, ...]
    threshold: float
    seconds: float

    @property
    def prompts_a_second(self) -> float:
        """How many prompts were routed a second, encoding included."""
        return sum(len(figure.outcomes) for figure in self.figures) / self.seconds


def evaluate(
    rows: Sequence[Row],
    encoder: Encoder,
    router: Callable[[EditMemory], RoutePrompts],
    *,
    judge: Judge | None = None,
    progress: Progress = no_progress,
) -> list[RowResult]:
    """Ask every row of what `router` makes of the memory of its edits; rows with the same edits share a memory.

    The `judge` says which edits of a row later ones supersede, as it does for imports.
    """
    sharing: dict[tuple[EditId, ...], list[Row]] = defaultdict(list)
    for row in rows:
        sharing[tuple(edit.id for edit in row.edits)].append(row)
    results: dict[RowName, RowResult] = {}
    for alike in sharing.values():
        with _memory(alike[0].edits, encoder, judge, progress) as (memory, added):
            live, route = Live(alike[0].edits, added), router(memory)
            results |= {row.name: _result(row, route, live, progress) for row in alike}
    return [results[row.name] for row in rows]


@contextmanager
def _memory(
    edits: Sequence[Edit], encoder: Encoder, judge: Judge | None, progress: Progress
) -> Iterator[tuple[EditMemory, Added]]:
    with (
        TemporaryDirectory() as folder,
        EditMemory(Store(Path(folder) / "edits.db"), lambda: encoder, judge=judge) as memory,
    ):
        with progress(f"adding {len(edits):,} edits", len(edits)) as report:
            added = memory.add_many(edits, on_progress=report)
        yield memory, added


def _result(row: Row, route: RoutePrompts, live: Live, progress: Progress) -> RowResult:
    sets = [(asked, owners) for part in row.sets for asked, owners in _owned(part, live) if asked.probes]
    prompts = [probe.prompt for asked, _ in sets for probe in asked.probes]
    if not prompts:
        raise DataError(f"row {row.name} has nothing to ask; its files hold no records")
    routes: list[Route] = []
    began = time.perf_counter()
    with progress(row.name, len(prompts)) as report:
        for start in range(0, len(prompts), _AT_ONCE):
            routes += route(prompts[start : start + _AT_ONCE])
            report(len(routes))
    seconds = time.perf_counter() - began
    following = iter(routes)
    figures = tuple(_figure(asked, owners, following, live) for asked, owners in sets)
    return RowResult(row, live.count, live.superseded, figures, routes[0].threshold, seconds)


def _owned(asked: ProbeSet, live: Live) -> Iterator[tuple[ProbeSet, list[Owners]]]:
    """Yield the probes that count, with the owners of each; those that collide make a set of their own."""
    probes = [probe for probe in asked.probes if live.asks(probe)]
    covering = [live.covering(probe) for probe in probes]
    apart = [probe for probe, edits in zip(probes, covering, strict=True) if edits]
    rest = [probe for probe, edits in zip(probes, covering, strict=True) if not edits]
    yield replace(asked, probes=tuple(rest)), [live.owners(probe) for probe in rest]
    yield ProbeSet(f"{asked.name}: collisions", tuple(apart), is_pooled=False), [*filter(None, covering)]


def _figure(asked: ProbeSet, owners: Iterable[Owners], routes: Iterator[Route], live: Live) -> Figure:
    outcomes = [
        _outcome(probe, edits, next(routes), asked.among, live)
        for probe, edits in zip(asked.probes, owners, strict=True)
    ]
    return Figure(asked.name, asked.goal, asked.is_pooled, tuple(outcomes))


def _outcome(probe: Probe, owners: Owners, route: Route, among: bool, live: Live) -> Outcome:
    wanted = {edit.id for edit in owners}
    counted = route.edits if among else route.edits[:1]
    found = [scored for scored in counted if scored.edit.id in wanted]
    seen = [*route.edits, *filter(None, [route.runner_up])]
    return Outcome(
        probe=probe,
        owners=owners,
        answered=route.edits[0].edit.fact if route.edits else None,
        kind=next((scored.kind for scored in (*found, *counted)), None),
        is_right=bool(found) if owners else not route.in_scope,
        score=max((scored.probability for scored in seen if not owners or scored.edit.id in wanted), default=0.0),
        word_for_word=live.word_for_word(probe.prompt),
    )
