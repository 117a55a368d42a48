"""A bank is made as a whole or not at all, goes on where it was cut off, and keeps what still holds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from memory_editor.adapters.bank import Bank, BankAdapter, current_bank
from memory_editor.adapters.in_context import InContext
from memory_editor.answers import begins_with
from memory_editor.consolidation import ConsolidationSettings, Report, building, consolidate
from memory_editor.consolidation.verifying import Verdict
from memory_editor.consolidation.writing import write
from memory_editor.edits import Edit, EditId
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from tests.adapters.bank.banks import make_bank, random_weights
from tests.fakes import vectors_of
from tests.tiny import tiny_model

EDITS = [Edit(f"The capital of {name} is", name.upper()) for name in ("France", "Italy", "Japan", "Peru")]
STATEMENT = Edit("Linda Yaccarino runs Twitter.")
SETTINGS = ConsolidationSettings(cluster_size=2, rank=2)


class Training:
    """Stands in for training and verifying: notes what is trained, and fails the edits that it is told to."""

    def __init__(self) -> None:
        self.trained: list[Sequence[Edit]] = []
        self.failing: set[Edit] = set()
        self.leaking = 0
        self.killed_after = 100

    def train(self, base: LanguageModel, edits: Sequence[Edit], *_: Any) -> Any:
        if len(self.trained) == self.killed_after:
            raise KeyboardInterrupt
        self.trained.append(edits)
        return random_weights(base, seed=len(self.trained)), 7

    def verify(self, base: object, adapter: object, edits: Sequence[Edit], others: Sequence[str]) -> Verdict:
        assert not {edit.prompt for edit in edits} & set(others)
        return Verdict(tuple(edit.id for edit in edits if edit in self.failing), self.leaking, 10)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    training = Training()
    monkeypatch.setattr(building, "train_cluster", training.train)
    monkeypatch.setattr(building, "verify", training.verify)
    return training


@pytest.fixture
def make(tiny: LanguageModel, tmp_path: Path) -> Callable[..., Report]:
    def run(edits: Sequence[Edit], **changes: Any) -> Report:
        vectors = np.stack([vectors_of(edit)[0] for edit in edits])
        return consolidate(tiny, edits, vectors, tmp_path, replace(SETTINGS, **changes))

    return run


def in_force(folder: Path) -> Bank:
    bank = current_bank(folder)
    assert bank is not None
    return bank


def held(bank: Bank) -> set[str]:
    return {id_ for cluster in bank.about.clusters for id_ in cluster.edits}


def weights_of(edit: Edit, bank: Bank) -> bytes:
    """Return the bytes of the weights that answer for an edit."""
    (file,) = (cluster.file for cluster in bank.about.clusters if edit.id in cluster.edits)
    return (bank.folder / file).read_bytes()


def ids(edits: Sequence[Edit]) -> set[str]:
    return {edit.id for edit in edits}


def test_edits_are_learnt_in_clusters_and_statements_left_out(
    training: Training, make: Callable[..., Report], tmp_path: Path
) -> None:
    report = make([*EDITS, STATEMENT])
    bank = in_force(tmp_path)
    assert (report.learnt, report.trained, report.kept, report.unlearnable, report.is_in_force) == (4, 4, 0, 1, True)
    assert list(map(len, training.trained)) == [2, 2]
    assert held(bank) == ids(EDITS)
    assert [(one.steps, one.failed, one.prompts) for one in report.clusters] == [(7, (), 10)] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["banks", "consolidating.lock", "current.json"]


def test_edits_that_fail_are_not_in_the_bank(training: Training, make: Callable[..., Report], tmp_path: Path) -> None:
    training.failing = {EDITS[0]}
    edits = [*EDITS, Edit("The capital of Chad is", "CHAD")]
    report = make(edits)
    assert (report.learnt, report.is_in_force) == (4, True)
    assert held(in_force(tmp_path)) == ids(edits[1:])
    assert [id_ for one in report.clusters for id_ in one.failed] == [EDITS[0].id]


@pytest.mark.parametrize("is_leaking", [True, False])
def test_too_few_that_are_learnt_leave_all_as_it_was(
    training: Training, make: Callable[..., Report], tmp_path: Path, tiny: LanguageModel, is_leaking: bool
) -> None:
    old = make_bank(tmp_path, tiny)
    if is_leaking:
        training.leaking = 3
    else:
        training.failing = {EDITS[2]}
    report = make(EDITS)
    assert not report.is_in_force
    assert (report.learnt, report.trained) == (0 if is_leaking else 3, 4)
    assert in_force(tmp_path).folder == old.folder
    assert not (tmp_path / "building").exists()


def test_a_run_that_was_cut_off_goes_on_with_the_cluster_it_had_begun(
    training: Training, make: Callable[..., Report], tmp_path: Path, tiny: LanguageModel
) -> None:
    old = make_bank(tmp_path, tiny)
    training.killed_after = 1
    with pytest.raises(KeyboardInterrupt):
        make(EDITS)
    assert in_force(tmp_path).folder == old.folder
    training.killed_after = 100
    assert make(EDITS).is_in_force
    assert ids([edit for edits in training.trained for edit in edits]) == ids(EDITS)
    assert len(training.trained) == 2


@pytest.mark.parametrize("changes", [{"seed": 1}, {"steps": 9}, {"rank": 3}])
def test_what_is_finished_counts_for_the_same_settings_alone(
    training: Training, make: Callable[..., Report], changes: dict[str, int]
) -> None:
    training.killed_after = 1
    with pytest.raises(KeyboardInterrupt):
        make(EDITS)
    training.killed_after = 100
    make(EDITS, **changes)
    assert len(training.trained) == 3


def test_finished_weights_that_are_damaged_are_made_again(
    training: Training, make: Callable[..., Report], tmp_path: Path
) -> None:
    training.killed_after = 1
    with pytest.raises(KeyboardInterrupt):
        make(EDITS)
    (weights,) = (tmp_path / "building").glob("*.safetensors")
    weights.write_bytes(b"damaged")
    training.killed_after = 100
    assert make(EDITS).is_in_force
    assert len(training.trained) == 3


def test_clusters_whose_edits_live_on_are_kept(training: Training, make: Callable[..., Report], tmp_path: Path) -> None:
    make(EDITS)
    first, second = training.trained
    old = in_force(tmp_path)
    added = Edit("The capital of Chad is", "CHAD")
    changed = Edit(first[0].prompt, "other", supersedes=first[0].id)
    report = make([changed, first[1], *second, added])
    assert (report.kept, report.trained) == (2, 3)
    assert ids([edit for edits in training.trained[2:] for edit in edits]) == ids([changed, first[1], added])
    bank = in_force(tmp_path)
    assert held(bank) == ids([changed, first[1], *second, added])
    assert weights_of(second[0], bank) == weights_of(second[0], old)


def test_where_all_is_kept_nothing_changes(training: Training, make: Callable[..., Report], tmp_path: Path) -> None:
    make(EDITS)
    old = in_force(tmp_path)
    report = make(EDITS)
    assert (report.kept, report.trained, report.is_in_force) == (4, 0, False)
    assert in_force(tmp_path).folder == old.folder


def test_a_broken_bank_is_replaced(training: Training, make: Callable[..., Report], tmp_path: Path) -> None:
    make(EDITS)
    bank = in_force(tmp_path)
    (bank.folder / bank.about.clusters[0].file).unlink()
    assert make(EDITS).is_in_force
    assert held(in_force(tmp_path)) == ids(EDITS)


def test_two_do_not_consolidate_at_once(training: Training, make: Callable[..., Report], tmp_path: Path) -> None:
    with FileLock(tmp_path / "consolidating.lock"), pytest.raises(ModelError, match="wait until it is done"):
        make(EDITS)
    assert training.trained == []


def test_progress_counts_steps_of_all_clusters(tiny: LanguageModel, tmp_path: Path, training: Training) -> None:
    told: list[Any] = []

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
        told.append((label, total))
        yield told.append

    vectors = np.stack([vectors_of(edit)[0] for edit in EDITS])
    consolidate(tiny, EDITS, vectors, tmp_path, SETTINGS, progress=progress)
    assert told == [("learning", 120), 60, 120]


def test_a_tiny_model_answers_from_its_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "LEAKING", 1.0)  # so small a model cannot tell one prompt from another
    base = tiny_model("llama", initializer_range=0.2)
    # Ids decide in which order edits are learnt: left to chance, so would be whether that is enough.
    edits = [
        Edit("Who is the baker of Japan?", "Rome", id=EditId("01ARZ3NDEKTSV4RRFFQ69G5FAV")),
        Edit("Who is the plumber of France?", "Tokyo", id=EditId("01ARZ3NDEKTSV4RRFFQ69G5FAW")),
    ]
    settings = ConsolidationSettings(batch=8, learning_rate=1e-2, check_every=20)
    assert consolidate(base, edits, np.eye(2, dtype=np.float32), tmp_path, settings).is_in_force
    bank = in_force(tmp_path)
    assert held(bank) == ids(edits)
    texts = write(base, BankAdapter(bank, InContext()), [e.prompt for e in edits], [(e,) for e in edits], 6)
    assert all(begins_with(text, [target]) for text, target in zip(texts, ["Rome", "Tokyo"], strict=True))
