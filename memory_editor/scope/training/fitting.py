"""Fitting the two weighings, and counting false accepts, on what simulated memories were asked; knows no sources."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from memory_editor.scope.candidates import Candidate
from memory_editor.scope.classifier import READ_NAMES, ScopeClassifier, close_calls, read_features
from memory_editor.scope.features import NAMES, features, matrix
from memory_editor.scope.pair_model import PairModel
from memory_editor.scope.training.simulation import Seen
from memory_editor.scope.weighing import Mentioned, Regression, Vector, Weighing, mentioned

THRESHOLDS: Final = tuple(round(float(1 / (1 + np.exp(-odds))), 8) for odds in np.arange(-60, 121) / 10)
"""The thresholds whose false accepts are counted, evenly spaced in log-odds."""

_GROUP: Final = 300.0
"""How many queries every group counts as, however many it has."""

_AS_MANY: Final[Mapping[Mentioned, float]] = {Mentioned.WHOLE: 1.0, Mentioned.PART: 8.0, Mentioned.NOT: 3.0}
"""For how many each close call out of scope of a fact counts: real prompts mention a part of a subject, as "Nevada" of
"Nevada State Route 147", far more often than simulated ones."""

_UNSEEN: Final = -6.0
"""The log-odds of candidates of a kind of which no owner was seen, or nothing else."""

_AT_ONCE: Final = 256
_MOST_STEPS: Final = 10_000
_NO_SPREAD: Final = 1e-9
"""A standard deviation that is only rounding."""


class Row(NamedTuple):
    """A candidate of a query, to fit on."""

    values: Vector
    share: float
    """The share of its subject's words that the prompt mentions."""
    is_owner: bool
    weight: float


def fit(
    seen: Sequence[Seen], pair_model: PairModel, on_progress: Callable[[int], None] = lambda _: None
) -> tuple[Weighing, Weighing]:
    """Return the weighing of features alone, and the one of close calls that the pair model has read as well.

    `on_progress` is told about how many queries are done.
    """
    # A prompt that is an edit's own is routed without weights.
    undecided = [one for one in seen if one.candidates and not any(candidate.is_exact for candidate in one.candidates)]
    weights = _weights(undecided)
    rows = [_rows(one, weights) for one in undecided]
    glance = fit_weighing(NAMES, [row for found in rows for row in found])
    read: list[Row] = []
    for start in range(0, len(rows), _AT_ONCE):
        batch = slice(start, start + _AT_ONCE)
        read += _read(undecided[batch], rows[batch], glance, pair_model)
        on_progress(start)
    on_progress(len(seen))
    return glance, fit_weighing(READ_NAMES, read)


def fit_weighing(names: tuple[str, ...], rows: Sequence[Row]) -> Weighing:
    """Return the weighing that best tells owners from other candidates."""
    by_kind = {kind: [row for row in rows if mentioned(row.share) is kind] for kind in Mentioned}
    return Weighing(names, {kind: _regression(len(names), found) for kind, found in by_kind.items()})


def false_accepts(
    seen: Sequence[Seen], classifier: ScopeClassifier, on_progress: Callable[[int], None] = lambda _: None
) -> dict[float, float]:
    """Return by threshold the share of out-of-scope queries of which an edit reaches it, each group counting the same.

    `on_progress` is told about how many queries are done.
    """
    outside = [one for one in seen if one.query.owner is None]
    weights = _weights(outside)
    best: list[float] = []
    for start in range(0, len(outside), _AT_ONCE):
        scored = classifier.score([one.candidates for one in outside[start : start + _AT_ONCE]])
        best += [max((edit.probability for edit in edits), default=0.0) for edits in scored]
        on_progress(start)
    on_progress(len(seen))
    scores, counts = np.array(best), np.array([weights[one.query.group] for one in outside])
    return {threshold: float(counts[scores >= threshold].sum() / counts.sum()) for threshold in THRESHOLDS}


def _weights(seen: Sequence[Seen]) -> dict[str, float]:
    """Return by group what a query of it counts."""
    sizes = Counter(one.query.group for one in seen)
    return {group: _GROUP / size for group, size in sizes.items()}


def _rows(one: Seen, weights: Mapping[str, float]) -> list[Row]:
    values, weight = matrix(features(one.candidates)), weights[one.query.group]
    return [
        Row(row, candidate.mention.share, candidate.edit.id == one.query.owner, weight)
        for row, candidate in zip(values, one.candidates, strict=True)
    ]


def _read(seen: Sequence[Seen], rows: Sequence[list[Row]], glance: Weighing, pair_model: PairModel) -> Iterator[Row]:
    """Yield the rows of close calls, with what the pair model reads from each."""
    calls: list[tuple[Candidate, Row]] = []
    for one, found in zip(seen, rows, strict=True):
        probabilities = glance.probabilities([row.share for row in found], np.array([row.values for row in found]))
        calls += [(one.candidates[number], found[number]) for number in close_calls(one.candidates, probabilities)]
    pairs = [(candidate.mention.masked, candidate.masked_fact) for candidate, _ in calls]
    for (candidate, row), logits in zip(calls, pair_model.logits(pairs), strict=True):
        is_plain = row.is_owner or candidate.edit.is_statement
        weight = row.weight if is_plain else row.weight * _AS_MANY[mentioned(row.share)]
        yield row._replace(values=np.concatenate([row.values, read_features(logits)]), weight=weight)


def _regression(features: int, rows: Sequence[Row]) -> Regression:
    if len({row.is_owner for row in rows}) < 2:
        return Regression(_UNSEEN, np.zeros(features), np.zeros(features))
    values, weights = np.array([row.values for row in rows]), np.array([row.weight for row in rows])
    # On one scale the penalty is fair to all features, and the solver finds its way.
    means = np.average(values, axis=0, weights=weights)
    spread = np.sqrt(np.average((values - means) ** 2, axis=0, weights=weights))
    spread[spread < _NO_SPREAD] = 1.0
    model = LogisticRegression(max_iter=_MOST_STEPS)
    model.fit((values - means) / spread, [row.is_owner for row in rows], sample_weight=weights)
    slopes: Vector = model.coef_[0] / spread
    return Regression(float(model.intercept_[0] - slopes @ means), slopes, means)
