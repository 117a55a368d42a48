"""Charts are PNG files that show what they are given."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from memory_editor.evaluation.charts import draw_calibration, draw_roc
from memory_editor.evaluation.metrics import Scores, calibration, roc

SCORES = Scores.of([(0.9, True), (0.8, False), (0.7, True), (0.1, False)])


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved as files."""
    figures: list[Figure] = []
    save = Figure.savefig

    def savefig(figure: Figure, path: Path) -> None:
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures


def is_drawn(path: Path) -> bool:
    image = imread(path)
    return image.shape[:2] == (600, 840) and float(np.ptp(image)) == 1.0


def points(figure: Figure, line: int) -> NDArray[np.float64]:
    """Return what a line joins, of shape (points, 2)."""
    return np.asarray(figure.axes[0].lines[line].get_xydata(), np.float64)


def test_the_characteristics_are_drawn_over_a_logarithm(tmp_path: Path, saved: list[Figure]) -> None:
    draw_roc(roc(SCORES), {"one": roc(SCORES), "two": roc(SCORES)}, tmp_path / "roc.png")
    assert is_drawn(tmp_path / "roc.png")
    (axes,) = saved[0].axes
    assert [line.get_label() for line in axes.lines] == ["one", "two", "pooled"]
    assert axes.get_xscale() == "log"
    assert points(saved[0], 0).tolist() == [[1e-4, 0], [1e-4, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]


def test_only_bins_with_prompts_are_points_of_the_calibration(tmp_path: Path, saved: list[Figure]) -> None:
    draw_calibration(calibration(SCORES, bins=2), tmp_path / "calibration.png")
    draw_calibration(calibration(SCORES), tmp_path / "fine.png")
    assert is_drawn(tmp_path / "calibration.png")
    assert points(saved[0], 1) == pytest.approx(np.array([[0.1, 0], [0.8, 2 / 3]]))
    assert len(points(saved[1], 1)) == 4


def test_no_figure_outlives_its_file(tmp_path: Path) -> None:
    draw_calibration(calibration(SCORES), tmp_path / "calibration.png")
    assert pyplot.get_fignums() == []
