"""memedit bench."""

import json
from pathlib import Path
from typing import Any

import pytest

from memory_editor import encoder
from memory_editor.cli import opening
from memory_editor.evaluation.scale import measuring
from tests.cli.conftest import Memedit
from tests.fakes import FakeClassifier, FakeEncoder

ROW = dict.fromkeys(
    [
        *(f"{step} p{percent}, ms" for step in ("encode", "nearest", "candidates", "route") for percent in (50, 95)),
        *("right candidate, %", "memory held, GB", "memory at its peak, GB"),
    ],
    1.0,
)
FOUND = {
    "prompts": 5,
    "everyday": 5,
    "encoding": {"texts": 20, "wall s": 2.0, "processor s": 3.0},
    "rows": [{"edits": 10} | ROW, {"edits": 20} | ROW],
    "ratios": {"10": {name: [1.0, 0.9, 1.1] for name in ("p50", "p95", "mean")}},
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """With what the measurement was called; it takes no time here."""
    calls: list[Any] = []

    def measure(*given: Any) -> dict[str, Any]:
        calls.append(given[:4])
        return FOUND

    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.setattr(opening, "classifier", lambda _: FakeClassifier())
    monkeypatch.setattr(encoder, "load_encoder", lambda _: FakeEncoder())
    return calls


def test_bench_prints_a_column_a_size_and_writes_the_report(memedit: Memedit, asked: list[Any], tmp_path: Path) -> None:
    work, report = tmp_path / "work", tmp_path / "report"
    given = ("bench", str(tmp_path), "--work", str(work), "--output", str(report), "--sizes", "20,10", "--prompts", "5")
    printed = memedit(*given)
    assert asked == [(tmp_path, work, [10, 20], 5)]
    assert printed.splitlines()[0] == "\t10 edits\t20 edits"
    assert "1.00 (0.90 to 1.10) times as long (p95) as with 10 edits" in printed
    values = memedit.json(*given)
    assert values == FOUND | {
        "command": "memedit bench DATA --work DIR --output DIR --sizes 20,10 --prompts 5",
        "encoder": "all-minilm-l6-v2",
        "scope": "as shipped",
    }
    assert json.loads((report / "scale.json").read_bytes()) == values


@pytest.mark.parametrize("sizes", ["", "10,x", "0", "-5"])
def test_sizes_are_numbers(memedit: Memedit, asked: list[Any], tmp_path: Path, sizes: str) -> None:
    given = ("bench", str(tmp_path), "--work", str(tmp_path / "w"), "--output", str(tmp_path / "r"))
    assert "--sizes takes numbers from 1 on" in memedit.usage_error(*given, f"--sizes={sizes}")
    assert not asked
