"""Training from start to end, small: what comes out is a classifier, the same for the same seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from memory_editor.errors import ConfigError
from memory_editor.scope import files
from memory_editor.scope.files import Parts, load_classifier, save_classifier
from memory_editor.scope.router import Router
from memory_editor.scope.training import train as training
from memory_editor.scope.training.examples import Example, Label
from memory_editor.scope.training.fitting import THRESHOLDS
from memory_editor.scope.training.material import Sizes
from memory_editor.scope.training.sources import Sources
from memory_editor.scope.training.train import accuracy, train
from tests.fakes import FakeEncoder, open_memory
from tests.scope.trained import ToldPairModel
from tests.scope.training.test_examples import TWITTER
from tests.tiny_bert import write_tiny_bert

SIZES = Sizes(
    catalogue=250,
    counterfact=12,
    zsre=12,
    claims=50,
    held_back=60,
    attributes=40,
    beside=8,
    everyday=40,
    simulated_catalogue=400,
    simulated_claims=150,
    queries=150,
)
LEFT_OUT = ("capital", "spouse")

Told = list[tuple[str, int, list[int]]]


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny BERT in the place of the bundled one."""
    folder = write_tiny_bert(tmp_path_factory.mktemp("bert"))
    with pytest.MonkeyPatch.context() as patch:
        for module in (training, files):
            patch.setattr(module, "default_encoder_folder", lambda: folder)
        yield folder


def trained(sources: Sources, seed: int = 0, told: Told | None = None) -> Parts:
    @contextmanager
    def progress(label: str, total: int) -> Iterator[object]:
        reports: list[int] = []
        yield reports.append
        if told is not None:
            told.append((label, total, reports))

    return train(sources, FakeEncoder(), seed=seed, leave_out=LEFT_OUT, sizes=SIZES, progress=progress)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def told() -> Told:
    return []


@pytest.fixture(scope="module")
def parts(sources: Sources, told: Told) -> Parts:
    return trained(sources, told=told)


def test_what_comes_out_is_loaded_and_routes(parts: Parts, tmp_path: Path) -> None:
    save_classifier(parts, tmp_path / "scope")
    classifier = load_classifier(tmp_path / "scope", max_false_accept=1.0)
    assert classifier.threshold == THRESHOLDS[0]
    with open_memory(tmp_path / "memory.db") as memory:
        edit = TWITTER.as_edit(0)
        memory.add(edit)
        own, other = Router(memory, classifier).route([edit.prompt, "Anything else at all?"])
    assert own.edits[0].edit == edit
    assert own.edits[0].probability == 1
    assert other.runner_up or other.edits


def test_the_seed_decides_every_part(parts: Parts, sources: Sources) -> None:
    same = trained(sources)
    assert (same.glance.to_dict(), same.reading.to_dict()) == (parts.glance.to_dict(), parts.reading.to_dict())
    assert same.false_accepts == parts.false_accepts
    assert all(torch.equal(same.adapter[name], tensor) for name, tensor in parts.adapter.items())
    assert same.about == parts.about


def test_another_seed_gives_another_classifier(parts: Parts, sources: Sources) -> None:
    other = trained(sources, seed=1)
    assert other.about["seed"] == 1
    assert not torch.equal(other.adapter["head.weight"], parts.adapter["head.weight"])
    assert other.glance.to_dict() != parts.glance.to_dict()


def test_what_it_was_trained_on_is_said(parts: Parts) -> None:
    about = parts.about
    assert (about["seed"], about["left_out"]) == (0, [*LEFT_OUT])
    assert "MiniLM" in about["base"]
    assert "CounterFact (MIT)" in about["data"]
    assert about["held_back"]["examples"] == about["on_left_out"]["examples"] == 60
    assert 0 <= about["held_back"]["right"] <= 1
    assert sum(size for source, size in about["trained_on"].items() if source.startswith("catalogue")) > 150
    assert any(group.startswith("left out: catalogue") for group in about["simulated"])


def test_false_accepts_fall_with_the_threshold(parts: Parts) -> None:
    shares = [parts.false_accepts[threshold] for threshold in THRESHOLDS]
    assert shares == sorted(shares, reverse=True)
    assert 0 <= shares[-1] <= shares[0] <= 1


def test_progress_is_told_of_every_step(parts: Parts, told: Told) -> None:
    labels = [label for label, _, _ in told]
    assert labels[:3] == ["making examples", "training the pair model", "refining it"]
    assert [label.split(" memory")[0] for label in labels[3:7]] == ["asking a"] * 4
    assert labels[7:] == ["fitting", "calibrating"]
    assert all(reports for _, _, reports in told)
    assert all(reports[-1] == total for _, total, reports in told)
    assert told[1][1] + told[2][1] == sum(parts.about["trained_on"].values())


def test_a_relation_that_is_not_there_is_refused_before_any_work(sources: Sources) -> None:
    with pytest.raises(ConfigError, match=r"^no relation 'birthplace'; the relations are place of birth, "):
        train(sources, FakeEncoder(), leave_out=["place of birth", "birthplace"])


def test_accuracy_is_the_share_that_is_told_in_or_out_rightly() -> None:
    examples = [
        Example("in", TWITTER, Label.DIRECT, "b"),
        Example("in", TWITTER, Label.CONSEQUENCE, "b"),
        Example("in", TWITTER, Label.OUT, "b"),
        Example("out", TWITTER, Label.OUT, "a"),
    ]
    pair_model = ToldPairModel(lambda pair: (0.0, 1.0, -9.0) if pair[0] == "in" else (1.0, 0.0, -9.0))
    assert accuracy(examples, pair_model) == {"examples": 4, "right": 0.75, "by_source": {"a": 1.0, "b": 0.6667}}
    assert accuracy([], pair_model) == {"examples": 0, "right": None, "by_source": {}}
    assert np.array_equal(pair_model.logits([]), np.empty((0, 3), np.float32))
