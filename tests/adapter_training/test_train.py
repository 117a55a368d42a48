"""A run gives the same for the same seed, goes on bit for bit where it was cut off, and learns."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memory_editor.adapter_training import train as train_module
from memory_editor.adapter_training.checkpoint import NAME
from memory_editor.adapter_training.loss import loss_of
from memory_editor.adapter_training.train import TrainingSettings, train
from memory_editor.adapters.lora.files import LoraFiles, load_files
from memory_editor.errors import ModelError
from memory_editor.progress import no_progress
from memory_editor.scope.training.sources import Sources
from tests.tiny import tiny_model

SETTINGS = TrainingSettings(
    steps=6, batch=4, rank=2, longest=200, validate_every=2, validated=8, learning_rate=1e-2, patience=9
)


class CutOff(Exception):
    pass


def run(
    sources: Sources, folder: Path, settings: TrainingSettings = SETTINGS, *, until: int | None = None
) -> LoraFiles:
    @contextmanager
    def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
        def report(done: int) -> None:
            if done == until:
                raise CutOff

        yield report

    return train(tiny_model("llama"), sources, folder, settings, progress=progress)


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(sources: Sources, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = run(sources, whole)
    with pytest.raises(CutOff):
        run(sources, parts, until=5)
    assert (parts / NAME).exists()
    resumed = run(sources, parts)
    assert resumed.about == expected.about
    assert all(torch.equal(resumed.weights[name], value) for name, value in expected.weights.items())
    assert not (parts / NAME).exists()


def test_the_best_weights_are_kept_and_the_run_ends_when_none_gets_better(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two batches a validation: the second validation is the best, the third is not.
    told = iter([3.0, 3.0, 2.0, 2.0, 4.0, 4.0])
    seen: list[dict[str, torch.Tensor]] = []

    def loss(student: Any, *rest: Any) -> torch.Tensor:
        if torch.is_grad_enabled():
            return loss_of(student, *rest)
        named = {name: value for name, value in student.named_parameters() if "lora_" in name}
        seen.append({name.replace(".default", ""): value.clone() for name, value in named.items()})
        return torch.tensor(next(told))

    monkeypatch.setattr(train_module, "loss_of", loss)
    files = run(sources, tmp_path, replace(SETTINGS, steps=40, patience=1))
    assert files.about["losses"] == [3.0, 2.0, 4.0]
    best = {name.removeprefix("base_model.model."): value for name, value in files.weights.items()}
    assert best.keys() == seen[2].keys()
    assert all(torch.equal(best[name], value) for name, value in seen[2].items())


def test_it_learns_to_follow_facts(sources: Sources, tmp_path: Path) -> None:
    longer = TrainingSettings(**vars(SETTINGS) | {"steps": 30, "validate_every": 5, "learning_rate": 3e-3})
    first, *later = run(sources, tmp_path, longer).about["losses"]
    assert min(later) < first


def test_a_checkpoint_of_other_settings_or_a_broken_one_is_refused(sources: Sources, tmp_path: Path) -> None:
    with pytest.raises(CutOff):
        run(sources, tmp_path, until=3)
    with pytest.raises(ModelError, match=r"is of a run with other settings; remove it, or give another --output"):
        run(sources, tmp_path, TrainingSettings(**vars(SETTINGS) | {"seed": 1}))
    (tmp_path / NAME).write_bytes(b"no tensors")
    with pytest.raises(ModelError, match=r"is no checkpoint: .*; remove it to train from the start"):
        run(sources, tmp_path)


def test_what_was_trained_is_saved_and_loaded(sources: Sources, tmp_path: Path) -> None:
    base = tiny_model("gpt2")
    files = train(base, sources, tmp_path, SETTINGS, progress=no_progress)
    files.save(tmp_path)
    loaded = load_files(tmp_path)
    assert loaded.is_for(base.model)
    assert loaded.about["model"] == base.name
    assert loaded.about["settings"]["steps"] == 6
