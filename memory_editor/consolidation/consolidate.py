"""Trains a bank for the edits of a memory, verifies it, and puts it in force as a whole or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from shutil import copyfile
from typing import Any, Final, TypeAlias

from memory_editor.adapters.bank.bank import About, Bank, Cluster, said, signature
from memory_editor.adapters.bank.versions import alone, current_bank, publish
from memory_editor.adapters.lora.injection import lora_config
from memory_editor.consolidation.building import Building, Outcome, Plan
from memory_editor.consolidation.clustering import cluster
from memory_editor.consolidation.settings import ConsolidationSettings
from memory_editor.consolidation.training import is_learnable
from memory_editor.edits import Edit
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from memory_editor.store import Vectors

NEEDED: Final = 0.8
"""The share of the edits given to training that must be answered afterwards, or the bank before stays in force."""

_OTHERS: Final = 16
"""How many prompts of edits of other clusters a cluster is trained to leave alone, and is verified with, each."""

_File: TypeAlias = tuple[Path, Cluster]
"""Where the weights of a cluster are, and what it is."""


@dataclass(frozen=True)
class Report:
    """What came of a consolidation."""

    clusters: tuple[Outcome, ...]
    """The clusters that were trained."""
    kept: int
    """How many edits stay in clusters of the bank before."""
    unlearnable: int
    """How many edits no weights can learn: statements, and those with very long prompts."""

    @property
    def learnt(self) -> int:
        """How many edits were learnt."""
        return sum(len(outcome.learnt) for outcome in self.clusters)

    @property
    def trained(self) -> int:
        """How many edits were given to training."""
        return sum(len(outcome.learnt) + len(outcome.failed) for outcome in self.clusters)

    @property
    def is_in_force(self) -> bool:
        """Whether there is a new bank; else all is as it was."""
        return 0 < self.learnt >= NEEDED * self.trained

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        told = {name: getattr(self, name) for name in ("learnt", "trained", "is_in_force")}
        return {**asdict(self), **told}


def consolidate(
    base: LanguageModel,
    edits: Sequence[Edit],
    vectors: Vectors,
    folder: Path,
    settings: ConsolidationSettings,
    *,
    progress: Progress = no_progress,
) -> Report:
    """Make a bank of `edits`, grouped by `vectors`, a row for each, and put it in force in `folder`.

    Clusters of the bank before stay as they are if they are at least half full and all of their edits live on
    unchanged. If fewer than `NEEDED` of the edits in the others are answered, nothing changes. A run that was cut off
    goes on with the cluster that it had begun. Raises `ModelError` while another process consolidates.
    """
    with alone(folder):
        places = [place for place, edit in enumerate(edits) if is_learnable(base, edit, settings.longest)]
        kept = _kept(_usable_bank(folder, base, settings), [edits[place] for place in places], settings.cluster_size)
        held = {id_ for _, one in kept for id_ in one.edits}
        new = [place for place in places if edits[place].id not in held]
        groups = [[edits[new[row]] for row in rows] for rows in cluster(vectors[new], settings.cluster_size)]
        plans = [_plan(group, edits, settings.seed) for group in groups]
        building = Building(folder / "building", base, _about(base, settings), settings)
        outcomes = _outcomes(building, plans, settings.steps, progress)
        report = Report(tuple(outcomes), len(held), len(edits) - len(places))
        if report.is_in_force:
            made = [building.cluster(plan, outcome) for plan, outcome in zip(plans, outcomes, strict=True)]
            _publish(folder, building.about, [*made, *kept])
        building.remove()
        return report


def _about(base: LanguageModel, settings: ConsolidationSettings) -> About:
    config = lora_config(base.model, settings.rank)
    return About(signature(base.model), config.lora_alpha / config.r, asdict(settings), ())


def _usable_bank(folder: Path, base: LanguageModel, settings: ConsolidationSettings) -> Bank | None:
    """Return the bank in force if it can be added to; a broken one is replaced like one of other settings."""
    try:
        bank = current_bank(folder)
    except ModelError:
        return None
    return bank if bank and bank.is_for(base.model) and bank.about.settings == asdict(settings) else None


def _kept(bank: Bank | None, edits: Sequence[Edit], size: int) -> list[_File]:
    if not bank:
        return []
    now = {edit.id: said(edit) for edit in edits}
    kept = [one for one in bank.about.clusters if 2 * len(one.edits) >= size and one.edits.items() <= now.items()]
    return [(bank.folder / one.file, one) for one in kept]


def _plan(group: Sequence[Edit], edits: Sequence[Edit], seed: int) -> Plan:
    own = {edit.id for edit in group}
    others = [edit.prompt for edit in edits if edit.id not in own]
    drawn = Random(f"{seed} {group[0].id}").sample(others, min(len(others), 2 * _OTHERS))
    return Plan(group, drawn[::2], drawn[1::2])


def _outcomes(building: Building, plans: Sequence[Plan], steps: int, progress: Progress) -> list[Outcome]:
    outcomes = []
    with progress("learning", steps * len(plans)) as report:
        for number, plan in enumerate(plans):
            outcomes.append(building.outcome(plan, _after(number * steps, report)))
            report((number + 1) * steps)
    return outcomes


def _after(before: int, report: Callable[[int], None]) -> Callable[[int], None]:
    return lambda done: report(before + done)


def _publish(folder: Path, about: About, files: Sequence[_File]) -> None:
    """Put the clusters of which any edit was learnt in force."""

    def write(target: Path) -> dict[str, Any]:
        filled = [(path, one) for path, one in files if one.edits]
        for path, one in filled:
            copyfile(path, target / one.file)
        return about.of([one for _, one in filled]).to_dict()

    publish(folder, write)
