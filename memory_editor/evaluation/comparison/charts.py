"""Charts of finished runs on one data set, as PNG files; knows no models."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from memory_editor.evaluation.comparison.runs import Values
from memory_editor.evaluation.comparison.unedited import Unedited

_MEASURES: Final = {
    "reliability": "begins",
    "generality": "begins",
    "locality": "same",
    "harmonic mean": "mean",
}


def draw(runs: Sequence[Values], slug: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Draw what the runs allow into the folder; yield the title and the file's name of each chart."""
    for edits in dict.fromkeys(run["edits"] for run in runs):
        name = f"{slug}-{edits}.png"
        _bars([run for run in runs if run["edits"] == edits], folder / name)
        yield f"measures with {_told(edits)}", name
    if len({run["edits"] for run in runs}) > 1:
        name = f"{slug}-scale.png"
        _curves(runs, folder / name)
        yield "measures over the number of edits", name
    if any(_share(run, "harmonic mean") for run in runs):
        name = f"{slug}-cost.png"
        ((usual, _),) = Counter(run["edits"] for run in runs).most_common(1)  # where most methods can be compared
        _costs([run for run in runs if run["edits"] == usual], folder / name)
        yield f"cost against quality with {_told(usual)}", name


def _bars(runs: Sequence[Values], path: Path) -> None:
    figure = Figure(figsize=(11, 1.2 + 0.28 * len(runs)), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(_MEASURES), sharey=True)
    for axes, name in zip(panels, _MEASURES, strict=True):
        there = [(place, share) for place, run in enumerate(runs) if (share := _share(run, name))]
        values = np.array([share["value"] for _, share in there])
        errors = [values - [share["low"] for _, share in there], [share["high"] for _, share in there] - values]
        axes.barh(
            [place for place, _ in there], 100 * values, xerr=100 * np.maximum(0, errors), ecolor="0.4", capsize=2
        )
        axes.set(title=name, xlabel="%", xlim=(0, 102))
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(runs)), [run["method"] for run in runs])
    panels[0].invert_yaxis()  # the best stands at the top
    figure.savefig(path)


def _curves(runs: Sequence[Values], path: Path) -> None:
    figure = Figure(figsize=(12, 4), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(_MEASURES), sharey=True)
    methods = dict.fromkeys(run["method"] for run in runs)
    for axes, name in zip(panels, _MEASURES, strict=True):
        for method in methods:
            found = [(run["edits"], _share(run, name)) for run in runs if run["method"] == method]
            there = [(edits, share) for edits, share in found if share]
            axes.plot(
                [edits for edits, _ in there], [100 * share["value"] for _, share in there], marker="o", label=method
            )
        axes.set(xscale="log", xlabel="edits", title=name, ylim=(-2, 102))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("%")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7)
    figure.savefig(path)


def _costs(runs: Sequence[Values], path: Path) -> None:
    figure = Figure(figsize=(7, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for run in runs:
        quality, cost = _share(run, "harmonic mean"), run["cost"]
        if quality and cost and run["method"] != Unedited.name:
            seconds = cost["seconds"] / max(1, cost["edits"])
            axes.scatter(seconds, 100 * quality["value"], label=run["method"])
            axes.annotate(
                run["method"], (seconds, 100 * quality["value"]), xytext=(3, 5), textcoords="offset points", rotation=30
            )
    axes.set(xscale="log", xlabel="seconds an edit", ylabel="harmonic mean, %", ylim=(-2, 102))
    axes.grid(alpha=0.3)
    figure.savefig(path)


def _told(edits: int) -> str:
    return "single edits" if edits == 1 else f"{edits:,} edits"


def _share(run: Values, name: str) -> dict[str, float]:
    found: dict[str, float] = run["measures"].get(name, {}).get(_MEASURES[name], {})
    return found
