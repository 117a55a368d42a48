"""Edits are applied, timed, kept and undone without a trace, or it is said that one is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from memory_editor.backends.delta import Delta
from memory_editor.backends.weights import WeightUndo
from memory_editor.edits import Edit
from memory_editor.evaluation.comparison.applying import APPLIED, UNDONE, applied, briefly_applied
from memory_editor.evaluation.comparison.lines import read_value
from memory_editor.evaluation.comparison.unedited import Unedited
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from tests.evaluation.comparison.methods import WEIGHT, Named, Shifted
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


@dataclass(frozen=True)
class Forgetful(Shifted):
    """Leaves its change behind."""

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        undo = super().edit(base, edits, progress=progress)
        undo.before = {}
        return undo


def test_an_undo_that_leaves_a_trace_is_found_out(base: LanguageModel, tmp_path: Path) -> None:
    with applied(Forgetful(), base, EDITS, tmp_path, no_progress):
        pass
    assert read_value(tmp_path / UNDONE) is False


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
