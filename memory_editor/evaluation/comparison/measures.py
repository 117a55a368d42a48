"""The measures of a run, each with an interval, from what was answered; knows no models.

Intervals are 95 % by bootstrap over cases: prompts of one case are drawn together.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from memory_editor.evaluation.comparison.asking import Answered
from memory_editor.evaluation.comparison.cases import LOCALITY, PORTABILITY, Kind
from memory_editor.evaluation.metrics import Scores, roc

DRAWS: Final = 1_000

Value: TypeAlias = Callable[[Answered], float | None]

_IN_SCOPE: Final[dict[str, Value]] = {
    "begins": lambda one: one.begins,
    "exact": lambda one: one.is_exact,
    "contains": lambda one: one.contains,
    "forced tokens": lambda one: one.forced_matched,
    "forced probability": lambda one: one.forced_probability,
}
_OUT_OF_SCOPE: Final[dict[str, Value]] = {"same": lambda one: one.is_same}


@dataclass(frozen=True)
class Estimate:
    """A mean over prompts, with what it was in each draw of cases; shape (draws,), NaN where a draw has no prompt."""

    value: float
    prompts: int
    drawn: NDArray[np.float64]

    def to_dict(self) -> dict[str, float]:
        """Return the value, its interval and the number of prompts."""
        drawn = self.drawn[~np.isnan(self.drawn)]
        low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (self.value, self.value)
        return {"value": self.value, "low": float(low), "high": float(high), "prompts": self.prompts}


class Bootstrap:
    """Draws of as many cases as there are, with replacement."""

    def __init__(self, places: Iterable[int], seed: int) -> None:
        self._order = {place: number for number, place in enumerate(sorted(set(places)))}
        count = len(self._order)
        generator = np.random.default_rng(seed)
        self._weights = generator.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)

    def mean(self, answered: Iterable[Answered], value: Value) -> Estimate | None:
        """Return the mean of a value over the prompts that have it; none if none has."""
        sums, counts = np.zeros((2, len(self._order)))
        for one in answered:
            if (found := value(one)) is not None:
                sums[self._order[one.place]] += found
                counts[self._order[one.place]] += 1
        if not counts.any():
            return None
        with np.errstate(invalid="ignore"):  # a draw without such a prompt
            drawn = (self._weights @ sums) / (self._weights @ counts)
        return Estimate(float(sums.sum() / counts.sum()), int(counts.sum()), drawn)


def harmonic(parts: Sequence[Estimate | None]) -> Estimate | None:
    """Return the harmonic mean of estimates over the same draws; none unless there are all."""
    there = [part for part in parts if part is not None]
    if len(there) < len(parts):
        return None
    drawn = _harmonic(np.stack([part.drawn for part in there]))
    value = _harmonic(np.array([[part.value] for part in there]))[0]
    return Estimate(float(value), min(part.prompts for part in there), drawn)


def measures(answered: Sequence[Answered], edited_cases: int, seed: int) -> dict[str, Any]:
    """Return all measures by name; `edited_cases` is of how many cases the edits are applied, asked or not."""
    bootstrap = Bootstrap((one.place for one in answered), seed)
    found: dict[str, dict[str, Estimate | None]] = {}

    def measure(name: str, chosen: Iterable[Answered], values: dict[str, Value]) -> None:
        kept = list(chosen)
        found[name] = {column: bootstrap.mean(kept, value) for column, value in values.items()}

    apart = [one for one in answered if one.is_collision]
    counted = [one for one in answered if not one.is_collision]
    for kind in Kind:
        measure(kind, _of(counted, kind), _IN_SCOPE if kind.in_scope else _OUT_OF_SCOPE)
    measure("locality", _of(counted, *LOCALITY), _OUT_OF_SCOPE)
    measure("collisions", apart, _OUT_OF_SCOPE)
    measure("portability", _of(counted, *PORTABILITY), _IN_SCOPE)
    oldest = [one for one in counted if one.place < edited_cases / 10]
    measure("retention", _of(oldest, Kind.RELIABILITY), _IN_SCOPE)
    parts = [found[Kind.RELIABILITY]["begins"], found[Kind.GENERALITY]["begins"], found["locality"]["same"]]
    found["harmonic mean"] = {"mean": harmonic(parts)}
    values = {
        name: {column: one.to_dict() for column, one in columns.items() if one is not None}
        for name, columns in found.items()
    }
    return {name: columns for name, columns in values.items() if columns} | routing(counted)


def routing(answered: Sequence[Answered]) -> dict[str, Any]:
    """Return how well prompts were routed, if the method routes; edits' own prompts, which are easy, do not count."""
    decided = [one for one in answered if one.score is not None and one.kind is not Kind.RELIABILITY]
    inside = [one for one in decided if one.kind is Kind.GENERALITY]
    outside = [one for one in decided if one.kind in LOCALITY]
    everyday = [one for one in decided if one.kind is Kind.EVERYDAY]
    if not (inside and outside):
        return {}
    curve = roc(Scores.of([(one.score or 0.0, one.kind is Kind.GENERALITY) for one in (*inside, *outside)]))
    values = {
        "auroc": curve.area,
        "false_accepts_at_95": curve.false_accepts_at(0.95),
        "accepted": _share(inside),
        "to_own_edit": sum(bool(one.is_own) for one in inside) / len(inside),
        "false_accepts": _share(outside),
    }
    return {"routing": values | ({"everyday_accepts": _share(everyday)} if everyday else {})}


def _share(answered: Sequence[Answered]) -> float:
    return sum(bool(one.is_routed) for one in answered) / len(answered)


def _of(answered: Iterable[Answered], *kinds: Kind) -> list[Answered]:
    return [one for one in answered if one.kind in kinds]


def _harmonic(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the harmonic mean of each column, which is 0 where a part is."""
    with np.errstate(divide="ignore"):
        return np.asarray(len(parts) / (1 / parts).sum(0))
