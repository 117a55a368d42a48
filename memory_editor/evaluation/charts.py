"""Charts of how well probabilities separate and mean what they say, as PNG files; knows no edits and no routes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memory_editor.evaluation.metrics import Calibration, Roc

_LEAST: Final = 1e-4
"""Where the logarithmic axis of false accepts begins; what is less is drawn there."""


def draw_roc(pooled: Roc, rows: Mapping[str, Roc], path: Path) -> None:
    """Draw the characteristic over all rows and of each."""
    figure, axes = _axes()
    for name, one in rows.items():
        _draw_curve(axes, one, label=name, linewidth=1, alpha=0.8)
    _draw_curve(axes, pooled, label="pooled", linewidth=2.5, color="black")
    axes.set(xscale="log", xlim=(_LEAST, 1), ylim=(0.5, 1.005), xlabel="false accepts", ylabel="true accepts")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4)
    figure.savefig(path)


def draw_calibration(calibration: Calibration, path: Path) -> None:
    """Draw the observed against the predicted share of each bin, and the share of prompts in it."""
    figure, axes = _axes()
    edges = np.linspace(0, 1, len(calibration.weights) + 1)
    filled = calibration.weights > 0
    axes.bar(edges[:-1], calibration.weights, np.diff(edges), align="edge", alpha=0.25, label="share of prompts")
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey", label="as it should be")
    axes.plot(calibration.predicted[filled], calibration.observed[filled], marker="o", color="black", label="observed")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability given", ylabel="share in scope")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(path)


def _axes() -> tuple[Figure, Axes]:
    # Not through pyplot, which keeps figures for the whole process.
    figure = Figure(figsize=(7, 5), dpi=120, layout="constrained")
    return figure, figure.subplots()


def _draw_curve(axes: Axes, curve: Roc, **style: Any) -> None:
    axes.step(np.maximum(curve.false_accepts, _LEAST), curve.true_accepts, where="post", **style)
