"""What the rows gave: as JSON values, as tables, as Markdown and as charts; routes nothing itself."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from memory_editor.errors import DataError
from memory_editor.evaluation.charts import draw_calibration, draw_roc
from memory_editor.evaluation.metrics import Scores, calibration, roc
from memory_editor.evaluation.routing import Figure, Outcome, RowResult
from memory_editor.scope.route import Kind

Values: TypeAlias = dict[str, Any]
Cells: TypeAlias = tuple[str, ...]

_PACKAGES: Final = ("memory-editor", "torch", "transformers", "numpy", "scikit-learn")


class Table(NamedTuple):
    """A table of texts."""

    title: str
    columns: Cells
    rows: list[Cells]


def summary(results: Sequence[RowResult], *, command: str, encoder: str, max_false_accept: float) -> Values:
    """Return all figures, as JSON values; prompts are listed that were routed wrong or collide."""
    return {
        "command": command,
        "versions": {name: version(name) for name in _PACKAGES},
        "encoder": encoder,
        "max_false_accept": max_false_accept,
        "threshold": results[0].threshold,
        "pooled": _pooled_values(results),
        "rows": [_row_values(result) for result in results],
    }


def make_folder(folder: Path) -> None:
    """Make a folder to write to, if it is not there; raises `DataError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be a folder to write to: {error.strerror}; name another") from error


def write_report(results: Sequence[RowResult], values: Values, folder: Path) -> None:
    """Write `scope.json`, `scope.md` and the charts that the results allow into the folder."""
    (folder / "scope.json").write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "scope.md").write_text(markdown(values), encoding="utf-8")
    lines = _scores(results)
    pooled = Scores.pooled([*lines.values()])
    if pooled.has_both:
        draw_roc(
            roc(pooled), {line: roc(scores) for line, scores in lines.items() if scores.has_both}, folder / "roc.png"
        )
        draw_calibration(calibration(pooled), folder / "calibration.png")


def tables(values: Values) -> list[Table]:
    """Return the tables of a summary that have rows; shares come with Wilson's 95 % interval."""
    return [table for table in _tables(values) if table.rows]


def markdown(values: Values) -> str:
    """Return a summary as a Markdown page."""
    versions = ", ".join(f"{name} {version}" for name, version in values["versions"].items())
    budget = f"Threshold {values['threshold']:.4f}, for at most {100 * values['max_false_accept']:g} % false accepts"
    made_with = f"{budget}; encoder {values['encoder']}; {versions}."
    drawn = [markdown_table(table) for table in tables(values)]
    parts = ["# Scope", f"`{values['command']}`", made_with, *drawn]
    return "\n\n".join(parts) + "\n"


def _tables(values: Values) -> Iterator[Table]:
    figures = [(row["name"], figure) for row in values["rows"] for figure in row["figures"]]
    columns = ("row", "figure", "prompts", "right, %", "95 %", "at most, %", "any edit, %")
    counted = [(*_figure_cells(name, figure), figure["goal"]) for name, figure in figures if figure["is_pooled"]]
    apart = [_figure_cells(name, figure) for name, figure in figures if not figure["is_pooled"]]
    yield Table("Prompts routed right", (*columns, "goal"), counted)
    yield Table("All rows, each weighted equally", ("metric", "value", "goal"), _pooled_cells(values["pooled"]))
    yield Table("Reported apart", columns, apart)
    kinds: list[Cells] = [
        (name, figure["name"], kind, f"{count['prompts']:,}", _percent(count["right"] / count["prompts"]))
        for name, figure in figures
        for kind, count in figure["kinds"].items()
        if len(figure["kinds"]) > 1
    ]
    yield Table("By kind of prompt", ("row", "figure", "kind", "prompts", "right, %"), kinds)
    routed: list[Cells] = [
        (name, figure["name"], *(f"{figure['routed_as'].get(kind, 0):,}" for kind in Kind))
        for name, figure in figures
        if figure["routed_as"]
    ]
    yield Table("How edits were to answer, where routed right", ("row", "figure", *Kind), routed)
    memories: list[Cells] = [
        (row["name"], f"{row['live']:,}", f"{row['superseded']:,}", f"{row['prompts_a_second']:.0f}")
        for row in values["rows"]
    ]
    yield Table("Memories", ("row", "live edits", "superseded", "prompts a second"), memories)


def _scores(results: Iterable[RowResult]) -> dict[str, Scores]:
    """Return the scores of the prompts that count, by line of the table.

    An edit's own prompt does not count: to find that takes no classifier.
    """
    lines: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for result in results:
        for outcome in _pooled(result):
            if not outcome.is_exact:
                lines[result.row.line].append((outcome.score, bool(outcome.owners)))
    return {line: Scores.of(scored) for line, scored in lines.items()}


def _pooled(result: RowResult) -> Iterator[Outcome]:
    return (outcome for figure in result.figures if figure.is_pooled for outcome in figure.outcomes)


def _pooled_values(results: Sequence[RowResult]) -> Values:
    exact = [outcome for result in results for outcome in _pooled(result) if outcome.is_exact]
    values = {"exact_prompts": len(exact), "exact_right": sum(outcome.is_right for outcome in exact)}
    scores = Scores.pooled([*_scores(results).values()])
    if not scores.has_both:
        return values
    curve = roc(scores)
    return {
        **values,
        "prompts": len(scores.weights),
        "in_scope": int(scores.positives.sum()),
        "auroc": curve.area,
        "false_accepts_at_95": curve.false_accepts_at(0.95),
        "calibration_error": calibration(scores).error,
    }


def _row_values(result: RowResult) -> Values:
    return {
        "name": str(result.row.name),
        "live": result.live,
        "superseded": result.superseded,
        "seconds": result.seconds,
        "prompts_a_second": result.prompts_a_second,
        "figures": [_figure_values(figure) for figure in result.figures],
    }


def _figure_values(figure: Figure) -> Values:
    right = figure.right
    asked = Counter(outcome.probe.kind for outcome in figure.outcomes)
    done = Counter(outcome.probe.kind for outcome in figure.outcomes if outcome.is_right)
    routed = Counter(outcome.kind for outcome in figure.outcomes if outcome.owners and outcome.is_right)
    return {
        "name": figure.name,
        "goal": figure.goal,
        "is_pooled": figure.is_pooled,
        "prompts": right.total,
        "right": right.hits,
        "share": right.share,
        "interval": right.interval,
        "in_scope": sum(bool(outcome.owners) for outcome in figure.outcomes),
        "answered": sum(outcome.answered is not None for outcome in figure.outcomes),
        "exact": sum(outcome.is_exact for outcome in figure.outcomes),
        "another_edits": sum(outcome.is_another_edits for outcome in figure.outcomes),
        "routed_as": {kind: routed[kind] for kind in Kind if routed[kind]},
        "kinds": {kind: {"prompts": asked[kind], "right": done[kind]} for kind in sorted(asked) if kind},
        "listed": [_listed(outcome) for outcome in figure.outcomes if outcome.is_collision or not outcome.is_right],
    }


def _listed(outcome: Outcome) -> Values:
    return {
        "prompt": outcome.probe.prompt,
        "kind": outcome.probe.kind,
        "wanted": [edit.fact for edit in outcome.owners],
        "answered": outcome.answered,
        "answered_as": outcome.kind,
        "is_right": outcome.is_right,
        "score": outcome.score,
    }


def _figure_cells(row: str, figure: Values) -> Cells:
    low, high = figure["interval"]
    # What share was answered at all says something more only where all should be.
    answered = _percent(figure["answered"] / figure["prompts"]) if figure["in_scope"] == figure["prompts"] else "-"
    # The prompt of a live edit, word for word, is that edit's whatever the file says.
    possible = 1 - figure["another_edits"] / figure["prompts"]
    interval = f"{_percent(low)} to {_percent(high)}"
    prompts = f"{figure['prompts']:,}"
    return row, figure["name"], prompts, _percent(figure["share"]), interval, _percent(possible), answered


def _pooled_cells(pooled: Values) -> list[Cells]:
    exact = f"{pooled['exact_right']:,} of {pooled['exact_prompts']:,}"
    cells: list[Cells] = [("edits' own prompts routed right, not counted below", exact, "")]
    if "auroc" in pooled:
        cells += [
            ("prompts, those in scope", f"{pooled['prompts']:,}, {pooled['in_scope']:,}", ""),
            ("AUROC", f"{pooled['auroc']:.4f}", "≥ 0.995"),
            ("false accepts at 95 % true accepts, %", _percent(pooled["false_accepts_at_95"]), "≤ 1 %"),
            ("expected calibration error", f"{pooled['calibration_error']:.4f}", "≤ 0.02"),
        ]
    return cells


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def markdown_table(table: Table) -> str:
    """Return a table as Markdown."""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join([f"## {table.title}", "", *(f"| {' | '.join(cells)} |" for cells in lines)])
