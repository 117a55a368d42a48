"""Heat maps of indirect effects, as image files; knows no models."""

import warnings
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memory_editor.errors import DataError
from memory_editor.tracing.averages import AverageTrace
from memory_editor.tracing.states import Kind
from memory_editor.tracing.trace import Trace

_COLOURS: Final = {Kind.LAYER: "Purples", Kind.MLP: "Greens", Kind.ATTENTION: "Reds"}


def draw_trace(trace: Trace | AverageTrace, path: Path) -> None:
    """Draw a panel for each kind, tokens or roles against layers; the extension says the format, e.g. png.

    Raises `DataError` where the file cannot be written.
    """
    labels = labels_of(trace)
    figure = Figure(figsize=(1.5 + 4.5 * len(trace.effects), 1.5 + 0.25 * len(labels)), dpi=120, layout="constrained")
    figure.suptitle(title_of(trace), parse_math=False)
    panels = figure.subplots(1, len(trace.effects), sharey=True, squeeze=False)[0]
    for axes, (kind, effects) in zip(panels, trace.effects.items(), strict=True):
        # A negative effect is as white as none.
        image = axes.imshow(effects, cmap=_COLOURS[kind], vmin=0, aspect="auto", interpolation="nearest")
        axes.set(title=kind.value, xlabel="layer")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_yticks(range(len(labels)), labels, parse_math=False)
        figure.colorbar(image, ax=axes)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # boxes in its place
            figure.savefig(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be drawn: {error}; name a .png file in a folder that is there") from error


def title_of(trace: Trace | AverageTrace) -> str:
    """Return in a line what was traced, and the probability with and without noise."""
    what = f"{trace.prompts} prompts" if isinstance(trace, AverageTrace) else repr(trace.target.strip())
    return f"{trace.model}, {what}: probability {trace.clean:.3f}, corrupted {trace.corrupted:.3f}"


def labels_of(trace: Trace | AverageTrace) -> list[str]:
    """Return what the rows of effects are called; tokens of the subject have an asterisk."""
    if isinstance(trace, AverageTrace):
        return [role.value for role in trace.tokens]
    return [f"{_label(token)}{'*' * (column in trace.subject_tokens)}" for column, token in enumerate(trace.tokens)]


def _label(token: str) -> str:
    text = token.strip()
    return text if text and text.isprintable() else repr(token)[1:-1]
