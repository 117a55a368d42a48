"""Tables say what the summaries say, and charts show it."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from memory_editor.evaluation.comparison.report import sections, tables, write_report
from tests.evaluation.comparison.summaries import estimate, summary

RUNS = [summary("ours", 100), summary("rag", 10, measures={"locality": {"same": estimate(0.0)}}), summary("ours", 10)]


def test_sections_are_by_data_set_and_model_with_the_best_of_few_edits_first() -> None:
    other = summary(model="another")
    first, second = sections([*RUNS, other])
    assert [(run["method"], run["edits"]) for run in first.runs] == [("ours", 10), ("rag", 10), ("ours", 100)]
    assert (first.slug, second.runs) == ("capitals-dev-tiny", [other])


def test_tables_show_shares_with_intervals_and_leave_out_what_no_run_has() -> None:
    found = {table.title: table for table in tables(sections(RUNS)[0].runs)}
    assert list(found) == [
        "Quality, %",
        "Reliability by how it is judged, %",
        "Generality by how it is judged, %",
        "Routing",
        "What else changes",
        "Cost",
    ]
    quality = found["Quality, %"]
    assert quality.columns == (
        *("method", "edits", "cases asked", "reliability", "generality", "locality", "harmonic mean"),
    )
    assert quality.rows[0][3:] == ("80.0 (70.0–90.0)", "70.0 (60.0–80.0)", "90.0 (80.0–100.0)", "79.0 (69.0–89.0)")
    assert quality.rows[1][3:] == ("–", "–", "0.0 (-10.0–10.0)", "–")
    assert found["Reliability by how it is judged, %"].columns[3:] == ("begins", "contains")
    assert found["Routing"].rows[0] == ("ours", "10", "10", "0.9750", "25.0")
    assert found["What else changes"].rows[0][3:] == ("50.0", "yes")
    assert dict(zip(found["Cost"].columns, found["Cost"].rows[2], strict=True)) == {
        "method": "ours",
        "edits": "100",
        "cases asked": "10",
        "s an edit": "0.2",
        "CPU s an edit": "0.1",
        "KiB an edit": "2.0",
        "peak GiB, editing": "1.00",
        "query, ms, p50": "100",
        "untouched, p50": "90",
    }


def test_the_report_is_written_with_its_charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    save = Figure.savefig

    def savefig(figure: Figure, path: Path) -> None:
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(Figure, "savefig", savefig)
    write_report(RUNS, tmp_path / "report")
    assert json.loads((tmp_path / "report" / "comparison.json").read_bytes()) == RUNS
    text = (tmp_path / "report" / "comparison.md").read_text()
    names = [f"capitals-dev-tiny-{name}.png" for name in ("10", "100", "scale", "cost")]
    for name, title in zip(
        names, ("measures with 10 edits", "", "over the number of edits", "quality with 10 edits"), strict=True
    ):
        assert f"{title}]({name})" in text
        assert float(np.ptp(imread(tmp_path / "report" / name))) == 1.0
    assert "| ours | 10 | 10 | 80.0 (70.0–90.0) |" in text
    bars, _, curves, costs = figures
    widths = [[round(bar.get_width(), 6) for bar in one.patches if isinstance(bar, Rectangle)] for one in bars.axes]
    assert widths == [[80], [70], [90, 0], [79]]
    assert [line.get_xydata().tolist() for line in curves.axes[0].lines] == [[[10, 80], [100, 80]], []]  # type: ignore[union-attr]
    assert [text.get_text() for text in costs.axes[0].texts] == ["ours"]


def test_single_edits_are_called_so(tmp_path: Path) -> None:
    write_report([summary(edits=1)], tmp_path)
    text = (tmp_path / "comparison.md").read_text()
    assert "![measures with single edits](capitals-dev-tiny-1.png)" in text
    assert "scale" not in text
