"""Features weighed into a probability, by one logistic regression for each way in which a subject is mentioned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memory_editor.scope.mention import PART

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
"""Shape (candidates, features)."""


class Mentioned(StrEnum):
    """How much of an edit's subject a prompt mentions: it decides what the other features are worth."""

    WHOLE = "whole"
    PART = "part"
    NOT = "not"


def mentioned(share: float) -> Mentioned:
    """Return how a subject is mentioned of which this share of words is."""
    return Mentioned.WHOLE if share == 1 else Mentioned.PART if share >= PART else Mentioned.NOT


@dataclass(frozen=True)
class Regression:
    """Log-odds that are linear in the features."""

    bias: float
    weights: Vector
    means: Vector
    """What the features were on average where the regression was fitted."""

    def log_odds(self, row: Vector) -> float:
        """Return the log-odds of one row of features."""
        return float(self.bias + self.weights @ row)

    def contributions(self, row: Vector) -> Vector:
        """Return by how much each feature moves the log-odds away from those of average features."""
        moved: Vector = self.weights * (row - self.means)
        return moved


@dataclass(frozen=True)
class Weighing:
    """A regression for each way of mention, over the same features."""

    names: tuple[str, ...]
    regressions: Mapping[Mentioned, Regression]

    def probabilities(self, shares: Sequence[float], rows: Matrix) -> Vector:
        """Return the probability of each row of features, whose subjects are mentioned to these shares."""
        odds = [self.of(share).log_odds(row) for share, row in zip(shares, rows, strict=True)]
        return 1 / (1 + np.exp(-np.clip(np.array(odds, dtype=np.float64), -50, 50)))

    def of(self, share: float) -> Regression:
        """Return the regression for a share of the subject's words."""
        return self.regressions[mentioned(share)]

    def to_dict(self) -> dict[str, Any]:
        """Return the weights as JSON values."""
        return {
            str(kind): {
                "bias": regression.bias,
                "weights": dict(zip(self.names, regression.weights.tolist(), strict=True)),
                "means": dict(zip(self.names, regression.means.tolist(), strict=True)),
            }
            for kind, regression in self.regressions.items()
        }

    @classmethod
    def from_dict(cls, names: tuple[str, ...], raw: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave; raises `KeyError` for weights of other features."""
        return cls(
            names,
            {
                kind: Regression(
                    float(raw[kind]["bias"]),
                    np.array([raw[kind]["weights"][name] for name in names], np.float64),
                    np.array([raw[kind]["means"][name] for name in names], np.float64),
                )
                for kind in Mentioned
            },
        )
