"""Edits are applied, timed, kept and undone without a trace, or it is said that one is left."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import torch

from memory_editor.backends import serac
from memory_editor.backends.delta import Delta
from memory_editor.backends.routed_undo import RoutedUndo
from memory_editor.backends.serac import Serac
from memory_editor.edits import Edit
from memory_editor.evaluation.comparison.applying import APPLIED, UNDONE, applied, briefly_applied, timed
from memory_editor.evaluation.comparison.lines import read_value
from memory_editor.evaluation.comparison.unedited import Unedited
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from tests.evaluation.comparison.methods import WEIGHT, Forgetful, Named, Shifted
from tests.fakes import FakeEncoder
from tests.tiny import tiny_model

EDITS = [Edit("The capital of Japan is", "Rome", subject="Japan"), Edit("The capital of Peru is", "Rome")]


@pytest.fixture
def base() -> LanguageModel:
    return tiny_model()


def weight(base: LanguageModel) -> torch.Tensor:
    return base.model.get_parameter(WEIGHT).detach().clone()


def test_what_was_made_of_weights_is_kept(base: LanguageModel, tmp_path: Path) -> None:
    before, method = weight(base), Shifted(by=0.5)

    def interrupted() -> None:
        with applied(method, base, EDITS, tmp_path, no_progress) as edited:
            assert not edited.decides
            assert torch.equal(weight(base)[:2], before[:2] + 0.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.equal(weight(base), before)
    with applied(method, base, EDITS, tmp_path, no_progress):
        assert torch.equal(weight(base)[:2], before[:2] + 0.5)
    assert torch.equal(weight(base), before)
    assert method.calls == [2]  # what was kept need not be computed again
    cost = read_value(tmp_path / APPLIED)
    assert (cost["edits"], cost["bytes"]) == (
        2,
        sum(one.size for one in Delta.load(tmp_path / "delta").changes.values()),
    )
    assert min(cost["seconds"], cost["cpu_seconds"], cost["peak_bytes"]) > 0
    assert read_value(tmp_path / UNDONE) is True


def test_a_method_that_changes_no_weights_stands_until_the_end(base: LanguageModel, tmp_path: Path) -> None:
    with applied(Named(), base, EDITS, tmp_path, no_progress) as edited:
        assert edited.decides
        ids = torch.tensor([base.encode(EDITS[0].prompt)])
        assert edited.model.generate_routed(ids, max_new_tokens=1)[1][0].in_scope
        assert not (tmp_path / UNDONE).exists()
    assert read_value(tmp_path / UNDONE) is True
    assert read_value(tmp_path / APPLIED)["bytes"] == 20


def test_an_undo_that_leaves_a_trace_is_found_out(base: LanguageModel, tmp_path: Path) -> None:
    with applied(Forgetful(), base, EDITS, tmp_path, no_progress):
        pass
    assert read_value(tmp_path / UNDONE) is False


@dataclass(frozen=True)
class Stubborn(Named):
    """Answers by its edits even when they are undone."""

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> RoutedUndo:
        undo = super().edit(base, edits, progress=progress)
        undo.undo = lambda: None  # type: ignore[method-assign]
        return undo


def test_a_model_that_still_answers_by_an_edit_is_found_out(base: LanguageModel, tmp_path: Path) -> None:
    with applied(Stubborn(), base, EDITS, tmp_path, no_progress):
        pass
    assert read_value(tmp_path / UNDONE) is False


def test_what_is_loaded_once_is_not_what_an_edit_takes(base: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()  # at every look another second has gone by
    monkeypatch.setattr(serac, "load_encoder", lambda name: (next(clock), FakeEncoder(name))[1])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert timed(Serac(), base, EDITS, no_progress)[1]["seconds"] == 1


def test_single_edits_leave_nothing(base: LanguageModel) -> None:
    before = weight(base)
    with briefly_applied(Shifted(), base, EDITS[:1]) as (edited, cost):
        assert not edited.decides
        assert cost["edits"] == 1
        assert not torch.equal(weight(base), before)
    assert torch.equal(weight(base), before)


def test_the_untouched_model_is_a_method_too(base: LanguageModel, tmp_path: Path) -> None:
    ids = torch.tensor([base.encode(EDITS[0].prompt)])
    expected = base.model(ids).logits
    with applied(Unedited(), base, EDITS, tmp_path, no_progress) as edited:
        assert torch.equal(edited.model(ids).logits, expected)
    assert read_value(tmp_path / UNDONE) is True
