"""Rates with intervals, and how well probabilities separate and mean what they say; knows no edits and no routes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import auc, roc_curve

BINS: Final = 15
"""How many bins of equal width the expected calibration error has."""

_Z: Final = NormalDist().inv_cdf(0.975)
_ROUNDING: Final = 1e-9
"""By how much a sum of weights may miss a share that it stands for."""


@dataclass(frozen=True)
class Rate:
    """How many of a number of prompts."""

    hits: int
    total: int

    @property
    def share(self) -> float:
        """The share, from 0 to 1; 0 of nothing is 0."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share, prompts taken as independent; of nothing, everything is possible."""
        if not self.total:
            return 0.0, 1.0
        share, n = self.share, self.total
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        # Rounding must not take the share itself out of its interval, nor the interval out of [0, 1].
        return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


@dataclass(frozen=True)
class Scores:
    """Probabilities with what was true and how much each counts; arrays of shape (prompts,)."""

    probabilities: NDArray[np.float64]
    positives: NDArray[np.bool_]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, scored: Iterable[tuple[float, bool]]) -> Self:
        """Return the scores of pairs of probability and truth, each of weight 1."""
        pairs = np.array([*scored], np.float64).reshape(-1, 2)
        return cls(pairs[:, 0], pairs[:, 1] == 1, np.ones(len(pairs)))

    @classmethod
    def pooled(cls, parts: Sequence[Self]) -> Self:
        """Return the scores of all parts, of which each weighs 1 in all."""
        parts = parts or [cls.of([])]
        return cls(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.positives for part in parts]),
            np.concatenate([part.weights / part.weights.sum() for part in parts]),
        )

    @property
    def has_both(self) -> bool:
        """Whether there are positives and negatives, without which nothing can be told apart."""
        return bool(self.positives.any() and not self.positives.all())


@dataclass(frozen=True)
class Roc:
    """For every threshold, from high to low, the shares of negatives and of positives that it accepts."""

    false_accepts: NDArray[np.float64]
    true_accepts: NDArray[np.float64]

    @property
    def area(self) -> float:
        """The probability that a positive scores higher than a negative; equal scores count half."""
        return float(auc(self.false_accepts, self.true_accepts))

    def false_accepts_at(self, true_accepts: float) -> float:
        """Return the smallest share of false accepts with at least that share of true ones."""
        return float(self.false_accepts[np.argmax(self.true_accepts >= true_accepts - _ROUNDING)])


def roc(scores: Scores) -> Roc:
    """Return the receiver operating characteristic of scores that have positives and negatives."""
    false_accepts, true_accepts, _ = roc_curve(
        scores.positives, scores.probabilities, sample_weight=scores.weights, drop_intermediate=False
    )
    return Roc(false_accepts, true_accepts)


@dataclass(frozen=True)
class Calibration:
    """What was predicted and what was observed in bins of equal width; arrays of shape (bins,).

    `weights` add up to 1; in a bin without weight the other two are 0.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error."""
        return float(self.weights @ np.abs(self.predicted - self.observed))


def calibration(scores: Scores, bins: int = BINS) -> Calibration:
    """Return the calibration of scores, of which there must be some."""
    bin_of = np.minimum((scores.probabilities * bins).astype(int), bins - 1)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(bin_of, values, bins).astype(np.float64)

    weights = total(scores.weights)
    divisor = np.where(weights > 0, weights, 1)
    predicted = total(scores.weights * scores.probabilities) / divisor
    observed = total(scores.weights * scores.positives) / divisor
    return Calibration(predicted, observed, weights / weights.sum())
