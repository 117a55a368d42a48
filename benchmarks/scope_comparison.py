"""Compare scope classifiers on the published data sets: python benchmarks/scope_comparison.py DATA [--limit N]

DATA is the folder that `memedit scope eval` takes. Every classifier sees the same candidates: plain cosine similarity,
SERAC's formula on the same vectors, the shipped features alone, the pair model alone, and both. A formula without a
threshold of its own is given the one at which accepts and refusals are right equally often over all rows, which
flatters it. Prints a table and writes benchmarks/results/scope_comparison.json.
"""

import argparse
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from memory_editor.encoder import default_encoder_folder, load_encoder
from memory_editor.evaluation.metrics import Scores, roc
from memory_editor.evaluation.published import Published
from memory_editor.evaluation.routing import RowResult, evaluate
from memory_editor.evaluation.rows import RowName
from memory_editor.evaluation.scope_rows import read_row
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.features import features, matrix
from memory_editor.scope.files import load_classifier, load_parts
from memory_editor.scope.pair_model import PairModel
from memory_editor.scope.route import Kind, ScoredEdit
from memory_editor.scope.router import Router
from memory_editor.scope.weighing import Weighing

RESULTS = Path(__file__).parent / "results" / "scope_comparison.json"
READ = 3


class Formula(ABC):
    """A classifier that scores every candidate by itself; a prompt that is an edit's own is certain."""

    threshold = 0.5

    @abstractmethod
    def probabilities(self, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return a score from 0 to 1 for each candidate."""

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        """Return the scored edits in the order of the candidates."""
        return [
            [
                ScoredEdit(candidate.edit, 1.0 if candidate.is_exact else float(probability), Kind.DIRECT, ())
                for candidate, probability in zip(candidates, self.probabilities(candidates), strict=True)
            ]
            for candidates in found
        ]


class Cosine(Formula):
    """Cosine similarity, 0 where it is negative."""

    def probabilities(self, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return a score from 0 to 1 for each candidate."""
        return [max(0.0, candidate.similarity) for candidate in candidates]


class Serac(Formula):
    """exp(-d² · scale) of the squared distance (Mitchell et al. 2022, section 3), on vectors not trained for it."""

    def probabilities(self, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return a score from 0 to 1 for each candidate."""
        return [float(np.exp(-2 * (1 - candidate.similarity))) for candidate in candidates]


@dataclass(frozen=True)
class FeaturesAlone(Formula):
    """The first stage for every candidate."""

    glance: Weighing

    def probabilities(self, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return a score from 0 to 1 for each candidate."""
        shares = [candidate.mention.share for candidate in candidates]
        return [*self.glance.probabilities(shares, matrix(features(candidates)))]


@dataclass(frozen=True)
class PairModelAlone(Formula):
    """What the pair model reads from the candidates most similar to the prompt."""

    pair_model: PairModel

    def probabilities(self, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return a score from 0 to 1 for each candidate."""
        read = sorted(range(len(candidates)), key=lambda i: -candidates[i].similarity)[:READ]
        found = np.zeros(len(candidates))
        if read:
            pairs = [(candidates[i].mention.masked, candidates[i].masked_fact) for i in read]
            odds = np.exp(self.pair_model.logits(pairs).astype(np.float64))
            found[read] = 1 - odds[:, 0] / odds.sum(axis=1)
        return [*found]


def pooled(results: Sequence[RowResult]) -> Scores:
    """Return the scores of all that counts, each row weighing the same, edits' own prompts aside."""
    parts = [
        Scores.of(
            (outcome.score, bool(outcome.owners))
            for figure in result.figures
            if figure.is_pooled
            for outcome in figure.outcomes
            if not outcome.word_for_word
        )
        for result in results
    ]
    return Scores.pooled([part for part in parts if len(part.probabilities)])


def figures(results: Sequence[RowResult]) -> dict[str, Any]:
    scores = pooled(results)
    curve = roc(scores)
    balanced = (curve.true_accepts + 1 - curve.false_accepts) / 2
    at = int(np.argmax(balanced))
    return {
        "AUROC": curve.area,
        "false accepts at 95 % true accepts": curve.false_accepts_at(0.95),
        "best single threshold: true accepts": float(curve.true_accepts[at]),
        "best single threshold: kept out": float(1 - curve.false_accepts[at]),
        "prompts a second": float(np.mean([result.prompts_a_second for result in results])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--split", default="dev")
    given = parser.parse_args()
    parts = load_parts()
    classifiers: dict[str, ScopeClassifier] = {
        "plain cosine": Cosine(),
        "SERAC's formula": Serac(),
        "features alone": FeaturesAlone(parts.glance),
        "pair model alone": PairModelAlone(PairModel(default_encoder_folder(), parts.adapter)),
        "both (shipped)": load_classifier(),
    }
    published, encoder = Published(given.data, given.split, given.limit), load_encoder()
    rows = [read_row(name, published) for name in RowName]
    found = {}
    for name, classifier in classifiers.items():
        found[name] = figures(evaluate(rows, encoder, lambda memory, by=classifier: Router(memory, by).route))  # type: ignore[misc]
    RESULTS.write_text(json.dumps({"limit": given.limit, "classifiers": found}, indent=1) + "\n")
    table = Table("classifier", *next(iter(found.values())))
    for name, values in found.items():
        table.add_row(name, *(f"{value:.4f}" if value < 2 else f"{value:.0f}" for value in values.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
