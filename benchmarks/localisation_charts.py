"""The charts of benchmarks/localisation.py; knows no models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memory_editor.tracing import Kind


def draw_layers(traced: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw the effect at the subject's last token by layer, a panel a model."""
    figure = Figure(figsize=(6 * len(traced), 4), dpi=110, layout="constrained")
    for axes, (model, figures) in zip(figure.subplots(1, len(traced), squeeze=False)[0], traced.items(), strict=True):
        for kind, row in figures["last subject token"].items():
            effects, error = np.array(row["effect by layer"]), 2 * np.array(row["standard error by layer"])
            axes.plot(effects, label=kind)
            axes.fill_between(range(len(effects)), effects - error, effects + error, alpha=0.2)
        axes.set(title=f"{model}: last subject token", xlabel="layer", ylabel="indirect effect, ± 2 standard errors")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path)


def draw_editing(figures: Mapping[str, Any], edited: Mapping[int, Mapping[str, float]], path: Path) -> None:
    """Draw how ROME does by layer, with the effect of the MLPs there."""
    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    axes = figure.subplots()
    for name in next(iter(edited.values())):
        axes.plot([*edited], [row[name] for row in edited.values()], marker="o", label=name)
    effects = np.array(figures["last subject token"][Kind.MLP]["effect by layer"])
    axes.fill_between(range(len(effects)), effects / effects.max(), color="grey", alpha=0.2, label="effect of the MLPs")
    axes.set(xlabel="layer", ylabel="share; effect relative to its greatest", ylim=(0, 1.05))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(path)
