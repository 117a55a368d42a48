"""memedit scope."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memory_editor.cli import opening
from memory_editor.config import Settings
from memory_editor.scope.classifier import READ_NAMES
from memory_editor.scope.features import NAMES
from memory_editor.scope.files import Parts, load_parts
from memory_editor.scope.training import train as training
from memory_editor.scope.weighing import Mentioned, Regression, Weighing
from tests.cli.conftest import Memedit
from tests.evaluation.data import write
from tests.fakes import FakeClassifier, FakeEncoder
from tests.scope.training import data as training_data


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings by which a classifier was loaded, a fake one in the place of each."""
    settings: list[Settings] = []

    def classifier(chosen: Settings) -> FakeClassifier:
        settings.append(chosen)
        return FakeClassifier()

    monkeypatch.setattr(opening, "classifier", classifier)
    return settings


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write(tmp_path / "data"))


def test_eval_prints_the_tables_and_writes_the_report(memedit: Memedit, data: str, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    printed = memedit("scope", "eval", data, "--output", str(folder), "--row", "fever", "--row", "counterfact")
    lines = printed.splitlines()
    assert lines[:2] == ["Prompts routed right", "row\tfigure\tprompts\tright, %\t95 %\tat most, %\tany edit, %\tgoal"]
    assert [line.split("\t")[:2] for line in lines[2:8]] == [
        ["fever", "edit prompt"],
        ["fever", "in-scope claim"],
        ["fever", "out-of-scope claim"],
        ["counterfact", "edit prompt"],
        ["counterfact", "paraphrase"],
        ["counterfact", "locality prompt"],
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["calibration.png", "roc.png", "scope.json", "scope.md"]
    values = json.loads((folder / "scope.json").read_bytes())
    assert values["command"] == (
        "memedit scope eval DATA --output DIR --split dev --max-false-accept 0.03 --row fever --row counterfact"
    )
    assert values["encoder"] == "all-minilm-l6-v2"
    assert not memedit.path.exists()


def test_eval_prints_json(memedit: Memedit, data: str, tmp_path: Path) -> None:
    values = memedit.json("scope", "eval", data, "--output", str(tmp_path), "--limit", "2", "--encoder", "other")
    assert [row["name"] for row in values["rows"]] == [
        *("counterfact", "counterfact+train", "counterfact-hard", "zsre", "wiki-recent", "wiki-counterfact"),
        *("fever", "everyday", "qualified"),
    ]
    assert values["command"].endswith(" --limit 2")
    assert values["encoder"] == "other"
    assert values == json.loads((tmp_path / "scope.json").read_bytes())


def test_eval_takes_a_classifier_and_a_budget_and_names_no_path(
    memedit: Memedit, data: str, tmp_path: Path, chosen: list[Settings]
) -> None:
    given = ("--row", "fever", "--scope", str(tmp_path / "mine"), "--max-false-accept", "0.002")
    values = memedit.json("scope", "eval", data, "--output", str(tmp_path), *given)
    assert [(one.scope, one.max_false_accept) for one in chosen] == [(str(tmp_path / "mine"), 0.002)]
    assert values["max_false_accept"] == 0.002
    assert values["command"] == (
        "memedit scope eval DATA --output DIR --split dev --max-false-accept 0.002 --scope SCOPE --row fever"
    )


def test_what_cannot_be_read_or_written_is_said_in_one_line(memedit: Memedit, data: str, tmp_path: Path) -> None:
    missing = memedit.error("scope", "eval", data, "--output", str(tmp_path / "new"), "--split", "test")
    assert missing.startswith(f"there is no counterfact/edit_test.json in '{data}'; give the folder")
    (tmp_path / "file").touch()
    assert "cannot be a folder to write to" in memedit.error("scope", "eval", data, "--output", str(tmp_path / "file"))


def test_a_row_that_is_not_there_is_wrong_usage(memedit: Memedit, data: str, tmp_path: Path) -> None:
    error = memedit.usage_error("scope", "eval", data, "--output", str(tmp_path), "--row", "squad")
    assert "'squad' is not one of 'counterfact', 'counterfact+train'" in error


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What training was asked for, which is not done."""
    asked: list[dict[str, Any]] = []

    def parts(sources: object, encoder: FakeEncoder, **options: Any) -> Parts:
        asked.append({"sources": sources, "encoder": encoder.name, **options})
        glance, reading = (
            Weighing(names, dict.fromkeys(Mentioned, Regression(0.0, *np.zeros((2, len(names))))))
            for names in (NAMES, READ_NAMES)
        )
        told = {"examples": 1_000, "right": 0.9876, "by_source": {}}
        left_out = sorted(options["leave_out"])
        unseen = told if left_out else {"examples": 0, "right": None, "by_source": {}}
        about = {"seed": options["seed"], "held_back": told, "left_out": left_out, "on_left_out": unseen}
        return Parts(glance, reading, {0.5: 0.25}, {"head.bias": torch.zeros(3)}, about)

    monkeypatch.setattr(training, "train", parts)
    return asked


def test_train_writes_a_classifier_and_says_how_good_it_is(
    memedit: Memedit, trained: list[dict[str, Any]], tmp_path: Path
) -> None:
    data, folder = str(training_data.write(tmp_path / "sets")), tmp_path / "new" / "mine"
    printed = memedit("scope", "train", data, "--output", str(folder))
    assert printed == "98.8% of 1,000 pairs held back told right\n"
    (asked,) = trained
    assert (asked["seed"], tuple(asked["leave_out"]), asked["encoder"]) == (0, (), "all-minilm-l6-v2")
    assert len(asked["sources"].counterfact) == 12
    assert load_parts(folder).about["seed"] == 0
    assert not memedit.path.exists()


def test_train_takes_a_seed_relations_to_leave_out_and_an_encoder(
    memedit: Memedit, trained: list[dict[str, Any]], tmp_path: Path
) -> None:
    data = str(training_data.write(tmp_path / "sets"))
    given = ("--seed", "7", "--leave-out", "spouse", "--leave-out", "place of birth", "--encoder", "other")
    printed = memedit("scope", "train", data, "--output", str(tmp_path / "mine"), *given)
    assert printed.splitlines()[1:] == ["98.8% of 1,000 pairs of relations left out told right"]
    (asked,) = trained
    assert (asked["seed"], asked["leave_out"], asked["encoder"]) == (7, ["spouse", "place of birth"], "other")
    values = memedit.json("scope", "train", data, "--output", str(tmp_path / "mine"), *given)
    assert values == load_parts(tmp_path / "mine").about
    assert values["left_out"] == ["place of birth", "spouse"]


@pytest.mark.usefixtures("trained")
def test_train_says_in_one_line_what_is_missing(memedit: Memedit, data: str, tmp_path: Path) -> None:
    error = memedit.error("scope", "train", data, "--output", str(tmp_path / "mine"))
    assert error == f"there is no lre/*.json in {data!r}; give the folder of the published data sets"


def test_train_refuses_unknown_relations_before_any_work(memedit: Memedit, tmp_path: Path) -> None:
    data = str(training_data.write(tmp_path / "sets"))
    error = memedit.error("scope", "train", data, "--output", str(tmp_path / "mine"), "--leave-out", "birthplace")
    assert error.startswith("no relation 'birthplace'; the relations are place of birth, ")
