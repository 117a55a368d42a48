"""Where clusters are trained and verified, one after another; what is finished there is not made again."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from memory_editor.adapters.bank import Bank, BankAdapter
from memory_editor.adapters.bank.bank import About, Cluster, said, write_weights
from memory_editor.consolidation.nothing import Nothing
from memory_editor.consolidation.settings import ConsolidationSettings
from memory_editor.consolidation.training import train_cluster
from memory_editor.consolidation.verifying import verify
from memory_editor.edits import Edit, EditId
from memory_editor.language_model import LanguageModel
from memory_editor.models.cache import sha256

LEAKING: Final = 0.25
"""The share of regressions from which no edit of a cluster is taken as learnt."""


@dataclass(frozen=True)
class Plan:
    """The edits of a cluster to be trained, and prompts of other edits, to train on and to verify with."""

    edits: Sequence[Edit]
    trained: Sequence[str]
    held_back: Sequence[str]

    def cluster(self, file: str, learnt: Collection[EditId]) -> Cluster:
        """Return those edits that were learnt as a cluster of a bank, with its weights in `file`."""
        return Cluster(file, {edit.id: said(edit) for edit in self.edits if edit.id in learnt})


@dataclass(frozen=True)
class Outcome:
    """What came of a cluster."""

    learnt: tuple[EditId, ...]
    failed: tuple[EditId, ...]
    """The edits for which the fallback goes on to answer."""
    regressions: int
    prompts: int
    """How many regression prompts there were."""
    steps: int
    seconds: float


class Building:
    """A folder of clusters, two files each; the second, JSON, is there once the cluster is finished."""

    def __init__(self, folder: Path, base: LanguageModel, about: About, settings: ConsolidationSettings) -> None:
        self._folder = folder
        self._base = base
        self.about = about
        self._settings = settings
        folder.mkdir(parents=True, exist_ok=True)

    def outcome(self, plan: Plan, report: Callable[[int], None]) -> Outcome:
        """Train and verify a cluster, unless that is done already; `report` is told the steps done."""
        weights, told = self.weights(plan), self._folder / f"{self._key(plan)}.json"
        if told.exists():
            raw = json.loads(told.read_text(encoding="utf-8"))
            if weights.exists() and raw.pop("sha256") == sha256(weights):
                return Outcome(tuple(raw.pop("learnt")), tuple(raw.pop("failed")), **raw)
        outcome = self._made(plan, weights, report)
        temporary = told.with_suffix(".new")
        temporary.write_text(json.dumps({**asdict(outcome), "sha256": sha256(weights)}), encoding="utf-8")
        temporary.replace(told)
        return outcome

    def weights(self, plan: Plan) -> Path:
        """Return the file of a cluster's weights."""
        return self._folder / f"{self._key(plan)}.safetensors"

    def cluster(self, plan: Plan, outcome: Outcome) -> tuple[Path, Cluster]:
        """Return the file of a finished cluster, and what it is."""
        path = self.weights(plan)
        return path, plan.cluster(path.name, outcome.learnt)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder)

    def _made(self, plan: Plan, path: Path, report: Callable[[int], None]) -> Outcome:
        began = time.perf_counter()
        weights, steps = train_cluster(self._base, plan.edits, plan.trained, self._settings, report)
        write_weights(weights, path)
        verdict = verify(self._base, self._adapter(plan, path), plan.edits, plan.held_back)
        failed = {edit.id for edit in plan.edits} if verdict.leaks > LEAKING else set(verdict.failed)
        return Outcome(
            tuple(edit.id for edit in plan.edits if edit.id not in failed),
            tuple(edit.id for edit in plan.edits if edit.id in failed),
            verdict.regressions,
            verdict.prompts,
            steps,
            time.perf_counter() - began,
        )

    def _adapter(self, plan: Plan, path: Path) -> BankAdapter:
        """Return what answers from the weights just as it will once the bank is in force."""
        cluster = plan.cluster(path.name, {edit.id for edit in plan.edits})
        return BankAdapter(Bank(self._folder, self.about.of([cluster])), Nothing())

    def _key(self, plan: Plan) -> str:
        """Return what stands for everything that decides what a cluster becomes."""
        edits = [(edit.id, said(edit), edit.exclusions) for edit in plan.edits]
        told = [self._base.fingerprint(), asdict(self._settings), edits, list(plan.trained), list(plan.held_back)]
        return hashlib.blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()
