"""Finished runs as tables, Markdown, JSON and charts; measures nothing itself."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from memory_editor.evaluation.comparison import charts
from memory_editor.evaluation.comparison.cases import LOCALITY, PORTABILITY, Kind
from memory_editor.evaluation.comparison.runs import Values, value_at
from memory_editor.evaluation.scope_report import Table, make_folder

_NOTHING: Final = "–"
_MATCHES: Final = ("begins", "exact", "contains", "forced tokens", "forced probability")
_EXPLAINED: Final = (
    "Decoding is free and greedy up to the natural stop. *Begins*, *exact* and *contains* say how the text gives a "
    "right answer, *forced* columns are teacher-forced. Locality is the share of the data set's own out-of-scope "
    "prompts answered word for word as by the untouched model. All edits are applied before anything is asked; "
    "one edit stands for single edits, each undone before the next. Intervals are 95 %, by bootstrap over cases."
)


class Section(NamedTuple):
    """The runs on one data set with one model."""

    data: str
    model: str
    runs: list[Values]

    @property
    def slug(self) -> str:
        """What its files are called by."""
        return "-".join("".join(c if c.isalnum() else " " for c in f"{self.data} {self.model}").split())


def sections(runs: Iterable[Values]) -> list[Section]:
    """Return runs by data set and model, those with few edits first, and of these the best."""
    found: dict[tuple[str, str], list[Values]] = defaultdict(list)
    for run in runs:
        found[run["data"]["name"], run["model"]].append(run)
    return [Section(*key, sorted(alike, key=_rank)) for key, alike in found.items()]


def write_report(runs: Sequence[Values], folder: Path) -> None:
    """Write `comparison.json`, `comparison.md` and the charts that the runs allow into the folder."""
    make_folder(folder)
    (folder / "comparison.json").write_text(json.dumps(runs, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    parts = ["# Comparison", _EXPLAINED]
    for section in sections(runs):
        parts += [f"## {section.data}, {section.model}"]
        parts += [f"![{title}]({name})" for title, name in charts.draw(section.runs, section.slug, folder)]
        parts += [markdown(table) for table in tables(section.runs)]
    (folder / "comparison.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def tables(runs: Sequence[Values]) -> list[Table]:
    """Return the tables of a section, without columns that are empty for all runs."""
    return [table for table in map(_without_empty, _tables(runs)) if len(table.columns) > len(_NAMED)]


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join([f"### {table.title}", "", *(f"| {' | '.join(cells)} |" for cells in lines)])


Cell = Callable[[Values], str]

_NAMED: Final[dict[str, Cell]] = {
    "method": lambda run: str(run["method"]),
    "edits": lambda run: f"{run['edits']:,}",
    "cases asked": lambda run: f"{run['cases']:,}",
}


def _rank(run: Values) -> tuple[int, float]:
    return run["edits"], -(value_at(run, "measures", "harmonic mean", "mean", "value") or 0)


def _tables(runs: Sequence[Values]) -> Iterator[Table]:
    yield _table("Quality, %", runs, _quality())
    for kind in (Kind.RELIABILITY, Kind.GENERALITY):
        yield _table(
            f"{kind.capitalize()} by how it is judged, %", runs, {name: _share(kind, name) for name in _MATCHES}
        )
    locality: dict[str, Cell] = {
        kind: _share(kind, "same") for kind in (*LOCALITY, Kind.FORGETFULNESS, Kind.EVERYDAY, "collisions")
    }
    yield _table("Answered as by the untouched model, %", runs, locality)
    portability = {
        f"{name}, {match}": _share(name, match)
        for name in (*PORTABILITY, "portability")
        for match in ("begins", "contains")
    }
    yield _table("Portability, %", runs, portability)
    yield _table("Routing", runs, _routing())
    yield _table("What else changes", runs, _general())
    yield _table("Cost", runs, _cost())


def _quality() -> dict[str, Cell]:
    return {
        "reliability": _share("reliability", "begins", interval=True),
        "generality": _share("generality", "begins", interval=True),
        "locality": _share("locality", "same", interval=True),
        "harmonic mean": _share("harmonic mean", "mean", interval=True),
        "oldest tenth": _share("retention", "begins", interval=True),
    }


def _routing() -> dict[str, Cell]:
    return {
        "AUROC": _number("{:.4f}", "measures", "routing", "auroc"),
        "false accepts at 95 % true ones, %": _percent("measures", "routing", "false_accepts_at_95"),
        "paraphrases to an edit, %": _percent("measures", "routing", "accepted"),
        "to their own, %": _percent("measures", "routing", "to_own_edit"),
        "false accepts, %": _percent("measures", "routing", "false_accepts"),
        "everyday questions, %": _percent("measures", "routing", "everyday_accepts"),
    }


def _general() -> dict[str, Cell]:
    return {
        "perplexity": _number("{:.2f}", "general", "text", "perplexity"),
        "known facts, %": _percent("general", "facts", "recalled"),
        "n-gram entropy": _number("{:.2f}", "general", "fluency", "entropy"),
        "texts that loop, %": _percent("general", "fluency", "loops"),
        "undone bit for bit": lambda run: {True: "yes", False: "no"}.get(run["undone"], _NOTHING),
    }


def _cost() -> dict[str, Cell]:
    return {
        "s an edit": _an_edit("seconds", "{:.3g}"),
        "median": _number("{:.3g}", "cost", "median_seconds"),
        "CPU s an edit": _an_edit("cpu_seconds", "{:.3g}"),
        "KiB an edit": _an_edit("bytes", "{:,.1f}", 1024),
        "peak GiB, editing": _number("{:.2f}", "cost", "peak_bytes", unit=2**30),
        "query, ms, p50": _number("{:.0f}", "general", "query", "edited_p50"),
        "p95": _number("{:.0f}", "general", "query", "edited_p95"),
        "untouched, p50": _number("{:.0f}", "general", "query", "base_p50"),
        "untouched, p95": _number("{:.0f}", "general", "query", "base_p95"),
        "added to an out-of-scope prompt, ms": _number("{:.1f}", "general", "routing", "added"),
    }


def _table(title: str, runs: Sequence[Values], columns: dict[str, Cell]) -> Table:
    cells = _NAMED | columns
    return Table(title, tuple(cells), [tuple(cell(run) for cell in cells.values()) for run in runs])


def _without_empty(table: Table) -> Table:
    kept = [place for place in range(len(table.columns)) if any(row[place] != _NOTHING for row in table.rows)]
    rows = [tuple(row[place] for place in kept) for row in table.rows]
    return Table(table.title, tuple(table.columns[place] for place in kept), rows)


def _share(name: str, column: str, *, interval: bool = False) -> Cell:
    def cell(run: Values) -> str:
        found = value_at(run, "measures", name, column)
        if found is None:
            return _NOTHING
        shown = f"{100 * found['value']:.1f}"
        return f"{shown} ({100 * found['low']:.1f}–{100 * found['high']:.1f})" if interval else shown

    return cell


def _percent(*path: str) -> Cell:
    return _number("{:.1f}", *path, unit=0.01)


def _number(shown: str, *path: str, unit: float = 1) -> Cell:
    def cell(run: Values) -> str:
        found = value_at(run, *path)
        return _NOTHING if found is None else shown.format(found / unit)

    return cell


def _an_edit(name: str, shown: str, unit: float = 1) -> Cell:
    def cell(run: Values) -> str:
        found = value_at(run, "cost", name)
        return _NOTHING if found is None else shown.format(found / unit / max(1, run["cost"]["edits"]))

    return cell
