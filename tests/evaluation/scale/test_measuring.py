"""The whole measurement on a small folder, its report, and that it goes on where it stopped."""

import json
from pathlib import Path
from typing import Any

import pytest

from memory_editor.errors import DataError
from memory_editor.evaluation.scale import measuring, memories
from memory_editor.evaluation.scale.measuring import measure
from memory_editor.evaluation.scale.report import table, told, write_report
from memory_editor.progress import no_progress
from tests.fakes import FakeClassifier, FakeEncoder

COLD = {"memory held, GB": 0.5, "memory at its peak, GB": 0.75}


@pytest.fixture(autouse=True)
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "opened_anew", lambda *_: COLD)
    monkeypatch.setattr(memories, "_SINGLE", 2)


def measured(data: Path, work: Path, encoder: FakeEncoder | None = None) -> dict[str, Any]:
    work.mkdir(exist_ok=True)
    return measure(data, work, [4, 40], 3, (encoder or FakeEncoder(), FakeClassifier()), no_progress)


def test_every_size_has_a_row_of_the_same_figures(data: Path, tmp_path: Path) -> None:
    values = measured(data, tmp_path / "work")
    assert (values["prompts"], values["everyday"]) == (3, 3)
    assert [row["edits"] for row in values["rows"]] == [4, 40]
    assert [*values["rows"][0]] == [*values["rows"][1]]
    assert values["rows"][1]["memory held, GB"] == 0.5
    assert [*values["ratios"]] == ["4"]
    assert values["encoding"]["texts"] == 40


def test_a_second_run_makes_nothing_anew(data: Path, tmp_path: Path) -> None:
    first = measured(data, tmp_path / "work")
    encoder = FakeEncoder()
    again = measured(data, tmp_path / "work", encoder)
    assert not any("Moe Koffman" in text for text in encoder.encoded)
    assert [row["added at once, edits/s"] for row in again["rows"]] == [
        row["added at once, edits/s"] for row in first["rows"]
    ]


def test_the_report_has_the_figures_the_words_and_the_curves(data: Path, tmp_path: Path) -> None:
    values = {"command": "memedit bench DATA"} | measured(data, tmp_path / "work")
    write_report(values, tmp_path)
    assert json.loads((tmp_path / "scale.json").read_bytes()) == values
    page = (tmp_path / "scale.md").read_text("utf-8")
    assert "`memedit bench DATA`, 3 paraphrases and 3 everyday questions." in page
    assert "|  | 4 edits | 40 edits |" in page
    assert told(values) in page
    assert "times as long (p95) as with 4 edits" in told(values)
    assert ("memory held, GB", "0.5", "0.5") in table(values).rows
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_questions_is_told_before_anything_is_encoded(data: Path, tmp_path: Path) -> None:
    (data / "questions" / "squad2.json").unlink()
    encoder = FakeEncoder()
    with pytest.raises(DataError, match=r"there is no questions/squad2\.json"):
        measured(data, tmp_path / "work", encoder)
    assert encoder.encoded == []
