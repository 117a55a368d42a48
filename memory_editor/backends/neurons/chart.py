"""A chart of how many knowledge neurons each block has, as a PNG file; knows no model."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memory_editor.errors import DataError


def draw_counts(counts: Sequence[int], title: str, path: Path) -> None:
    """Draw a bar for each block, first to last; raises `DataError` where the file cannot be written."""
    # Not through pyplot, which keeps figures for the whole process.
    figure = Figure(figsize=(7, 3.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(counts)), counts, color="C0")
    axes.set(xlabel="layer", ylabel="knowledge neurons")
    axes.set_title(title, parse_math=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be drawn: {error}; name a .png file in a folder that is there") from error
