"""A run gives the same numbers every time, and goes on where it was killed without doing anything twice."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memory_editor.backends.moments import MomentsFolder
from memory_editor.backends.rome import Rome
from memory_editor.backends.routed import Routed
from memory_editor.edits import Edit
from memory_editor.errors import DataError
from memory_editor.evaluation.comparison import asking, general, protocol
from memory_editor.evaluation.comparison.asking import Answerer
from memory_editor.evaluation.comparison.lines import read_lines, read_value
from memory_editor.evaluation.comparison.protocol import measure, spaced
from memory_editor.evaluation.comparison.reading import Extras
from memory_editor.evaluation.comparison.runs import Run, Values, finished
from memory_editor.language_model import LanguageModel
from tests.evaluation.comparison.methods import WEIGHT, Forgetful, Named, Shifted, task
from tests.tiny import tiny_model


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_TOGETHER", 4)
    for name, value in (("LONG", 4), ("_QUERIES", 1), ("_WINDOW", 16), ("_WINDOWS", 2)):
        monkeypatch.setattr(general, name, value)


@pytest.fixture
def base() -> LanguageModel:
    return tiny_model()


def figures(summary: Values) -> Values:
    """Return what of a summary does not depend on the clock."""
    general = {name: summary["general"].get(name) for name in ("text", "facts", "fluency")}
    return {name: value for name, value in summary.items() if name not in ("cost", "general")} | general


def test_all_edits_are_applied_and_then_everything_is_asked(base: LanguageModel, tmp_path: Path) -> None:
    method = Named()
    summary = measure(task(base, tmp_path / "cache"), method, tmp_path / "run")
    assert method.calls == [6]
    assert (summary["edits"], summary["cases"], summary["superseded"], summary["undone"]) == (6, 6, 0, True)
    rows = [*read_lines(tmp_path / "run" / "answers.jsonl")]
    assert len(rows) == 6 * 5
    found = summary["measures"]
    assert found["near miss"]["same"]["value"] == 1.0  # Spain's, for Japan's collide and count apart
    assert found["collisions"]["same"]["prompts"] == 6
    assert found["everyday"]["same"]["value"] == 1.0
    assert found["routing"]["false_accepts"] == 0.0
    assert found["routing"]["to_own_edit"] == 1.0
    assert set(summary["general"]) == {"text", "facts", "fluency", "query", "routing", "peak_bytes"}
    assert summary["cost"]["bytes"] == 60
    assert summary == read_value(tmp_path / "run" / "summary.json")
    assert finished([tmp_path]) == [summary]


def test_two_runs_with_one_seed_give_the_same_numbers(base: LanguageModel, tmp_path: Path) -> None:
    one, other, third = (
        figures(measure(task(base, tmp_path / "cache", edits=3, seed=seed), Named(), tmp_path / name))
        for name, seed in (("one", 1), ("other", 1), ("third", 2))
    )
    assert one == other
    assert one["measures"] != third["measures"]


@pytest.mark.parametrize("edits", [1, 6])
@pytest.mark.parametrize("after", [1, 4])
def test_a_killed_run_goes_on_without_redoing_what_is_done(
    base: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edits: int, after: int
) -> None:
    expected = figures(measure(task(base, tmp_path / "other", edits=edits), Shifted(), tmp_path / "whole"))
    before = base.model.get_parameter(WEIGHT).detach().clone()
    answer = Answerer.answer
    answered: list[list[tuple[int, int]]] = []

    def counting(self: Answerer, batch: Any, *given: Any) -> Any:
        if len(answered) == after:
            raise KeyboardInterrupt
        answered.append([item.key for item in batch])
        return answer(self, batch, *given)

    monkeypatch.setattr(Answerer, "answer", counting)
    method, folder = Shifted(), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        measure(task(base, tmp_path / "cache", edits=edits), method, folder)
    assert torch.equal(base.model.get_parameter(WEIGHT), before)
    kept = [(row["place"], row["number"]) for row in read_lines(folder / "answers.jsonl")]
    monkeypatch.setattr(Answerer, "answer", answer)
    summary = measure(task(base, tmp_path / "cache", edits=edits), method, folder)
    rows = [(row["place"], row["number"]) for row in read_lines(folder / "answers.jsonl")]
    assert rows[: len(kept)] == kept
    assert len(rows) == len(set(rows)) == 30
    assert figures(summary) == expected
    if edits > 1:
        assert method.calls == [6]


def test_a_finished_run_is_read(base: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = measure(task(base, tmp_path), Named(), tmp_path / "run")
    monkeypatch.setattr(protocol, "select", None)
    assert measure(task(base, tmp_path), Named(), tmp_path / "run") == first


def test_a_run_killed_after_the_last_answer_is_only_summed_up(base: LanguageModel, tmp_path: Path) -> None:
    method = Shifted()
    first = measure(task(base, tmp_path), method, tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    assert measure(task(base, tmp_path), method, tmp_path / "run") == first
    assert method.calls == [6]


def test_single_edits_are_undone_before_the_next(base: LanguageModel, tmp_path: Path) -> None:
    method = Named()
    summary = measure(task(base, tmp_path, edits=1, cases=4), method, tmp_path / "run")
    assert method.calls == [1, 1, 1, 1]
    assert (summary["edits"], summary["cases"], summary["undone"], summary["general"]) == (1, 4, True, {})
    assert "retention" not in summary["measures"]
    assert summary["cost"]["edits"] == 4
    assert summary["measures"]["routing"]["false_accepts"] == 0.0


@pytest.mark.parametrize(("method", "undone"), [(Shifted(), True), (Forgetful(), False)])
def test_of_each_single_edit_it_is_kept_whether_it_was_undone(method: Shifted, undone: bool, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for _ in range(2):
        assert measure(task(tiny_model(), tmp_path, edits=1, cases=2), method, folder)["undone"] is undone
        assert [line["undone"] for line in read_lines(folder / "applied.jsonl")] == [undone] * 2
        (folder / "summary.json").unlink()
    assert method.calls == [1, 1]  # what is answered is not made again


def test_another_setting_takes_another_folder(base: LanguageModel, tmp_path: Path) -> None:
    measure(task(base, tmp_path), Named(), tmp_path / "run")
    with pytest.raises(DataError, match=r"holds a run with plan .*; name another folder, or delete that one"):
        measure(task(base, tmp_path, seed=1), Named(), tmp_path / "run")
    with pytest.raises(DataError, match="holds a run with hyperparameters"):
        measure(task(base, tmp_path), Named(strength=0.7), tmp_path / "run")
    settings = json.loads((tmp_path / "run" / "settings.json").read_bytes())
    assert settings["method"] == "named"
    assert settings["fingerprint"] == base.fingerprint()


def test_files_that_were_trained_anew_make_another_run(base: LanguageModel, tmp_path: Path) -> None:
    adapter, moments = tmp_path / "adapter", tmp_path / "moments"
    for folder in (adapter, moments):
        folder.mkdir()
        (folder / "weights").write_text("first")
    ours, rome = Routed(adapter=str(adapter)), Rome(moments=MomentsFolder(moments))
    asked = task(base, tmp_path)
    before = [asked.settings(method)["files"] for method in (ours, rome)]
    assert [{*files} for files in before] == [{"adapter", "scope"}, {"moments"}]
    (adapter / "weights").write_text("second")
    after = [asked.settings(method)["files"] for method in (ours, rome)]
    assert after[0]["adapter"] != before[0]["adapter"]
    assert (after[0]["scope"], after[1]) == (before[0]["scope"], before[1])
    assert asked.settings(Named())["files"] == {}


def test_a_data_set_that_asks_nothing_is_refused(base: LanguageModel, tmp_path: Path) -> None:
    asked = task(base, tmp_path)
    silent = tuple(replace(case, asked=()) for case in asked.data.cases)
    with pytest.raises(DataError, match="asks nothing; give its records prompts in the field `asked`"):
        measure(replace(asked, data=replace(asked.data, cases=silent), extras=Extras()), Named(), tmp_path / "run")


def test_a_folder_without_a_finished_run_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no finished run in .*; `memedit eval run` makes one"):
        finished([tmp_path])
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be a folder to write to"):
        Run(tmp_path / "file", {})


def test_settings_hold_on_any_machine(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", {"moments": {"folder": tmp_path / "moments"}})
    assert run.settings == read_value(tmp_path / "run" / "settings.json") == {"moments": {"folder": "moments"}}


def test_cases_asked_are_spaced_from_the_oldest_on() -> None:
    assert spaced(10, 4) == [0, 2, 5, 7]
    assert spaced(3, 10) == [0, 1, 2]


def test_single_edits_are_those_of_as_many_cases_as_wanted(base: LanguageModel, tmp_path: Path) -> None:
    one = task(base, tmp_path, edits=1, cases=2)
    pairs = tuple(replace(case, edits=(*case.edits, Edit(f"{case.number} is", "4"))) for case in one.data.cases)
    chosen = replace(one, data=replace(one.data, cases=pairs)).selection
    assert (len(chosen.cases), len(chosen.edits)) == (2, 4)
