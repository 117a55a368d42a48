"""memedit eval."""

import json
from pathlib import Path
from typing import Any

import pytest

from memory_editor.backends import registry
from memory_editor.backends.base import Backend
from memory_editor.errors import ConfigError
from memory_editor.evaluation.comparison import general
from tests.cli.conftest import Memedit
from tests.evaluation.comparison.methods import Named, Shifted
from tests.evaluation.comparison.summaries import estimate, summary
from tests.evaluation.data import write


@pytest.fixture(autouse=True)
def given(memedit: Memedit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, Any]]:
    """The methods that were asked for and their settings; fakes stand in for the real ones."""
    del memedit  # takes the environment's settings away, so it comes first
    asked: list[tuple[str, Any]] = []

    def backend(name: str, settings: Any) -> Backend:
        asked.append((name, settings))
        if name == "odd":
            raise ConfigError("no method 'odd'")
        numbers = {field: float(text) for field, text in settings.items()}
        return Named(**numbers) if name == "named" else Shifted(**numbers)

    monkeypatch.setattr(registry, "backend", backend)
    monkeypatch.setenv("MEMEDIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(general, "LONG", 4)
    monkeypatch.setattr(general, "_QUERIES", 1)
    return asked


@pytest.fixture
def run(tmp_path: Path) -> tuple[str, ...]:
    root = write(tmp_path / "data")
    options = ("--root", str(root), "--output", str(tmp_path / "runs"), "--max-new-tokens", "2")
    return ("eval", "run", "--data", "counterfact:dev", *options)


def test_run_measures_each_method_with_each_number_of_edits(
    memedit: Memedit, run: tuple[str, ...], given: list[tuple[str, Any]], tmp_path: Path
) -> None:
    options = ("--methods", "named,unedited", "--edits", "1,3", "--set", "named.strength=0.75")
    found = memedit.json(*run, *options)
    assert given == [("named", {"strength": "0.75"})]
    assert [(one["method"], one["edits"]) for one in found] == [
        *(("named", 1), ("unedited", 1), ("named", 3), ("unedited", 3)),
    ]
    assert found[2]["measures"]["routing"]["to_own_edit"] == 1.0
    assert json.loads((tmp_path / "runs/counterfact-dev/named/3/summary.json").read_bytes()) == found[2]
    lines = memedit(*run, *options).splitlines()
    assert lines[0] == "counterfact:dev, tiny-llama-0: Quality, %"
    assert lines[1].startswith("method\tedits\tcases asked\treliability\t")
    assert [line.split("\t")[:2] for line in lines[2:6]] == [
        *(["named", "1"], ["unedited", "1"], ["named", "3"], ["unedited", "3"]),
    ]


def test_what_a_method_cannot_do_is_said_and_the_others_go_on(
    memedit: Memedit, run: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(*_: Any, **__: Any) -> None:
        raise ConfigError("no such\nlayer")

    monkeypatch.setattr(Shifted, "edit", edit)
    result = memedit.run(*run, "--methods", "shifted,unedited", "--edits", "2", "--json")
    assert result.exit_code == 1
    assert [one["method"] for one in json.loads(result.stdout)] == ["unedited"]
    assert result.stderr.splitlines() == ["memedit: error: shifted, 2 edits: no such layer"]
    assert memedit.error(*run, "--methods", "odd", "--edits", "2") == "no method 'odd'"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--methods", "named", "--edits", "0"), "--edits takes numbers from 1 on"),
        (("--methods", "named", "--edits", "1", "--set", "rag.x=1"), "must be METHOD.NAME=VALUE"),
        (("--methods", "named", "--edits", "1", "--set", "named.strength"), "must be METHOD.NAME=VALUE"),
    ],
)
def test_wrong_usage_is_refused(memedit: Memedit, run: tuple[str, ...], options: tuple[str, ...], told: str) -> None:
    result = memedit.run(*run, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in " ".join(result.stderr.replace("│", " ").split())


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, locality in (("a", 0.9), ("b", 0.2)):
        one = summary()
        one["measures"]["locality"] = {"same": estimate(locality)}
        (tmp_path / name / "run").mkdir(parents=True)
        (tmp_path / name / "run" / "summary.json").write_text(json.dumps(one))
    return tmp_path


def test_report_writes_what_is_finished(memedit: Memedit, runs: Path) -> None:
    printed = memedit("eval", "report", str(runs / "a"), "--output", str(runs / "report"))
    assert printed.startswith("capitals:dev, tiny: Quality, %\n")
    assert (runs / "report" / "comparison.md").exists()
    found = memedit.json("eval", "report", str(runs / "a"), str(runs / "b"), "--output", str(runs / "report"))
    assert [one["measures"]["locality"]["same"]["value"] for one in found] == [0.9, 0.2]
    assert memedit.error("eval", "report", str(runs / "c"), "--output", str(runs)).startswith("no finished run in ")


def test_compare_names_regressions_and_fails(memedit: Memedit, runs: Path) -> None:
    result = memedit.run("eval", "compare", str(runs / "a"), str(runs / "b"))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == ["worse\tcapitals:dev, ours, 10 edits\tlocality, same\t0.9\t0.2"]
    (found,) = memedit.json("eval", "compare", str(runs / "b"), str(runs / "a"))
    assert not found["is_worse"]
    same = memedit.run("eval", "compare", str(runs / "a"), str(runs / "a"))
    assert (same.exit_code, same.stdout) == (0, "")
    assert same.stderr == "memedit: nothing differs beyond the intervals\n"
