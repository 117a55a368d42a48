"""What was measured at several sizes: as JSON, as a table, as Markdown and as curves; measures nothing."""

import json
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from memory_editor.evaluation.scale.routing import STEPS
from memory_editor.evaluation.scope_report import Table, markdown_table

_MOST: Final = 1.5
"""How many times longer routing may take in the largest memory than in the smallest."""

_ROOM: Final = 2.5
"""How many gigabytes the process may hold."""


_MADE: Final = (
    "Beyond 10,000 the edits are made of templates, many of which ask the same of a subject in other words: a "
    "paraphrase may then be answered by another edit than its own. Everyday questions are meant for no edit, but some "
    "ask for one."
)


def write_report(values: dict[str, Any], folder: Path) -> None:
    """Write `scale.json`, `scale.md` and `scale.png` into the folder."""
    (folder / "scale.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    _draw(values["rows"], folder / "scale.png")
    parts = [
        "# Scale",
        f"`{values['command']}`, {values['prompts']:,} paraphrases and {values['everyday']:,} everyday questions.",
        markdown_table(table(values)),
        told(values),
        _MADE,
        "![milliseconds and gigabytes over the number of edits](scale.png)",
    ]
    (folder / "scale.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def table(values: dict[str, Any]) -> Table:
    """Return a column for each size."""
    rows = values["rows"]
    columns = ("", *(f"{row['edits']:,} edits" for row in rows))
    names = [name for name in rows[0] if name != "edits"]
    return Table("Scale", columns, [(name, *(f"{row[name]:.4g}" for row in rows)) for name in names])


def told(values: dict[str, Any]) -> str:
    """Return in words how the largest memory compares with the others, and what encoding took."""
    first = [
        f"Routing in the largest memory takes {_with_interval(found['p95'])} times as long (p95) as with "
        f"{int(size):,} edits, {_with_interval(found['p50'])} times (median)."
        for size, found in values["ratios"].items()
    ]
    spent = values["encoding"]
    seconds = f"{spent['wall s']:,.0f} s ({spent['processor s']:,.0f} s of a core)"
    return " ".join([*first, f"{spent['texts']:,} texts were encoded in {seconds}."])


def _with_interval(found: list[float]) -> str:
    value, low, high = found
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _draw(rows: list[dict[str, Any]], path: Path) -> None:
    edits = [row["edits"] for row in rows]
    figure = Figure(figsize=(13, 4), dpi=120, layout="constrained")
    times, shares, room = figure.subplots(1, 3)
    for step in STEPS:
        times.plot(edits, [row[f"{step} p50, ms"] for row in rows], marker="o", label=f"{step}, median")
    times.plot(edits, [row["route p95, ms"] for row in rows], marker="o", linestyle="--", label="route, p95")
    times.axhline(_MOST * rows[0]["route p95, ms"], color="grey", linewidth=0.8, label=f"{_MOST} times the first p95")
    times.set(xlabel="edits", ylabel="milliseconds for one prompt", ylim=(0, None))
    for name in (name for name in rows[0] if name.endswith(", %")):
        shares.plot(edits, [row[name] for row in rows], marker="o", label=name.removesuffix(", %"))
    shares.set(xlabel="edits", ylabel="%", ylim=(0, 102))
    for name in ("memory held, GB", "memory at its peak, GB"):
        room.plot(edits, [row[name] for row in rows], marker="o", label=name.removesuffix(", GB"))
    room.axhline(_ROOM, color="grey", linewidth=0.8, label="limit")
    room.set(xlabel="edits", ylabel="gigabytes of the process", ylim=(0, None))
    for axes in (times, shares, room):
        axes.set_xscale("log")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.savefig(path)
