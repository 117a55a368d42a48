"""How probable it is that a prompt is in scope of its candidates: features of all, a pair model for close calls."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from memory_editor.scope.candidates import Candidate
from memory_editor.scope.features import NAMES, features, matrix
from memory_editor.scope.pair_model import PairModel
from memory_editor.scope.reasons import reasons
from memory_editor.scope.route import Kind, ScoredEdit
from memory_editor.scope.weighing import Matrix, Vector, Weighing

CLOSE_CALLS: Final = 3
"""How many candidates of a prompt the pair model reads at most."""

READ_FROM: Final = 0.01
"""The probability by features alone from which a candidate is worth reading."""

READ_NAMES: Final = (*NAMES, "asks_for_it", "follows_from_it")
"""The features of the second stage: those of the first, and log-odds from the pair model."""


class ScopeClassifier(Protocol):
    """What turns candidates into calibrated probabilities, with the reasons in words."""

    @property
    def threshold(self) -> float:
        """The probability from which an edit answers."""
        ...

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        """Return for each prompt's candidates how probable it is that the right answer depends on their edits."""
        ...


class TrainedClassifier:
    """Two stages: features weigh every candidate, then the pair model reads those that may be in scope.

    An exact prompt is certain, and one closer to an exclusion than to the edit never in scope.
    """

    def __init__(self, glance: Weighing, reading: Weighing, pair_model: PairModel, threshold: float) -> None:
        self.threshold = threshold
        self._glance = glance
        self._reading = reading
        self._pair_model = pair_model

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        """Return the scored edits in the order of the candidates."""
        seen = [self._seen(candidates) for candidates in found]
        calls = [
            (prompt, number)
            for prompt, (candidates, (_, probabilities)) in enumerate(zip(found, seen, strict=True))
            for number in close_calls(candidates, probabilities)
        ]
        pairs = [(found[i][k].mention.masked, found[i][k].masked_fact) for i, k in calls]
        read = dict(zip(calls, self._pair_model.logits(pairs), strict=True)) if pairs else {}
        return [
            [
                self._scored(candidate, rows[k], float(probabilities[k]), read.get((i, k)))
                for k, candidate in enumerate(candidates)
            ]
            for i, (candidates, (rows, probabilities)) in enumerate(zip(found, seen, strict=True))
        ]

    def _seen(self, candidates: Sequence[Candidate]) -> tuple[Matrix, Vector]:
        rows = matrix(features(candidates))
        return rows, self._glance.probabilities([candidate.mention.share for candidate in candidates], rows)

    def _scored(self, candidate: Candidate, row: Vector, glance: float, read: Vector | None) -> ScoredEdit:
        if candidate.is_exact:
            return ScoredEdit(candidate.edit, 1.0, Kind.DIRECT, ("the prompt is the edit's own",))
        if candidate.exclusion_similarity >= candidate.similarity:
            excluded = f"it is closer to an exclusion of the edit ({candidate.exclusion_similarity:.2f})"
            return ScoredEdit(candidate.edit, 0.0, Kind.DIRECT, (f"similarity {candidate.similarity:.2f}", excluded))
        share = candidate.mention.share
        if read is None:
            why = reasons(candidate, self._glance.names, row, self._glance.of(share))
            return ScoredEdit(candidate.edit, min(glance, READ_FROM), Kind.DIRECT, why)
        full = np.concatenate([row, read_features(read)])
        probability = float(self._reading.probabilities([share], full[np.newaxis])[0])
        kind = Kind.CONSEQUENCE if read[2] > read[1] else Kind.DIRECT
        return ScoredEdit(
            candidate.edit, probability, kind, reasons(candidate, READ_NAMES, full, self._reading.of(share))
        )


def read_features(logits: Vector) -> Vector:
    """Return what the second stage weighs of one pair's logits (out of scope, direct, consequence)."""
    out, direct, consequence = logits.astype(np.float64)
    return np.array([np.logaddexp(direct, consequence) - out, consequence - direct])


def close_calls(candidates: Sequence[Candidate], probabilities: Vector) -> list[int]:
    """Return which candidates the pair model reads; none where the prompt is an edit's own."""
    if any(candidate.is_exact for candidate in candidates):
        return []
    likely = [i for i in np.argsort(-probabilities, kind="stable").tolist() if probabilities[i] >= READ_FROM]
    return likely[:CLOSE_CALLS]
