"""A chart of how many knowledge neurons each block has, as a PNG file; knows no model."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw_counts(counts: Sequence[int], title: str, path: Path) -> None:
    """Draw a bar for each block, first to last."""
    # Not through pyplot, which keeps figures for the whole process.
    figure = Figure(figsize=(7, 3.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(counts)), counts, color="C0")
    axes.set(xlabel="layer", ylabel="knowledge neurons", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    figure.savefig(path)
