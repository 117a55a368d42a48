"""The commands that compare editing methods: eval run, eval report, eval compare."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory_editor.cli import opening, options, output
from memory_editor.errors import MemoryEditorError

if TYPE_CHECKING:
    from memory_editor.backends.base import Backend
    from memory_editor.evaluation.comparison.protocol import Plan, Task
    from memory_editor.language_model import LanguageModel

app = typer.Typer(no_args_is_help=True, help="Editing methods compared under one protocol.")

Output = Annotated[Path, typer.Option("--output", metavar="DIR", help="Where files go; what is there is gone on with.")]


@app.command()
def run(
    *,
    data: Annotated[
        str, typer.Option(metavar="NAME[:SPLIT]", help="The data set; or a file, by path or as hub:OWNER/NAME/FILE.")
    ],
    methods: Annotated[str, typer.Option(metavar="NAMES", help="Methods with commas between them, e.g. ours,rag.")],
    folder: Output,
    edits: Annotated[str, typer.Option(metavar="NUMBERS", help="How many edits are applied together; 1: each alone.")],
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", envvar="MEMEDIT_DATA", help="The folder of the published data sets.")
    ] = None,
    cases: Annotated[int, typer.Option(metavar="N", min=1, help="Of how many cases is asked.")] = 100,
    prompts: Annotated[int, typer.Option(metavar="N", min=1, help="How many prompts of a kind a case asks.")] = 3,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Decides everything that is left to chance.")] = 0,
    max_new_tokens: options.MaxNewTokens = 32,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.NAME=VALUE", help="A hyper-parameter of a method; repeatable."),
    ] = None,
    layout: options.Layout = None,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Apply edits by each method, then ask everything.

    An interrupted run goes on where it was. What a method cannot do is said, and the others go on.
    """
    from memory_editor.evaluation.comparison.protocol import Plan

    counts = options.counts("--edits", edits)
    names = [name.strip() for name in methods.split(",")]
    given = _settings(settings or [], names)
    backends = [_backend(name, given.get(name, {})) for name in names]
    chosen = opening.settings(model=model, device=device, dtype=dtype)
    plans = [Plan(edits=count, cases=cases, prompts=prompts, seed=seed, new_tokens=max_new_tokens) for count in counts]
    tasks = _tasks(data, root, plans, lambda: opening.language_model(chosen, layout))
    found, failed = _measured(tasks, backends, folder / "-".join(data.replace(":", " ").replace("/", " ").split()))
    if as_json:
        output.print_json(found)
    else:
        _print(found)
    if failed:
        raise typer.Exit(1)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of runs, or folders that hold them.")],
    *,
    folder: Output,
    as_json: options.Json = False,
) -> None:
    """Write finished runs as Markdown, JSON and charts."""
    from memory_editor.evaluation.comparison.report import write_report
    from memory_editor.evaluation.comparison.runs import finished

    found = finished(runs)
    write_report(found, folder)
    if as_json:
        output.print_json(found)
        return
    _print(found)
    output.note(f"wrote {folder}")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="A run, or a folder of runs.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="What it is compared to.")],
    *,
    as_json: options.Json = False,
) -> None:
    """Say what is worse or better in B than in A, beyond the intervals.

    The exit code is 1 if anything is worse, or B lacks a run of A.
    """
    from memory_editor.evaluation.comparison.compare import compare as differences
    from memory_editor.evaluation.comparison.compare import missing
    from memory_editor.evaluation.comparison.runs import finished

    a, b = finished([before]), finished([after])
    found, gone = differences(a, b), missing(a, b)
    for name in gone:
        output.note(f"B has no run of {name}")
    if as_json:
        output.print_json([one.to_dict() for one in found])
    elif found:
        rows = (
            ("worse" if one.is_worse else "better", one.run, one.figure, f"{one.before:.4g}", f"{one.after:.4g}")
            for one in found
        )
        output.print_table(("", "RUN", "FIGURE", "A", "B"), rows)
    else:
        output.note("nothing differs beyond the intervals")
    if gone or any(one.is_worse for one in found):
        raise typer.Exit(1)


def _tasks(data: str, root: Path | None, plans: "Sequence[Plan]", load: "Callable[[], LanguageModel]") -> "list[Task]":
    from memory_editor.evaluation.comparison.protocol import Task
    from memory_editor.evaluation.comparison.reading import read_cases, read_extras
    from memory_editor.models.cache import cache_root

    case_set, extras = read_cases(data, root), read_extras(root)
    base = load()  # once it is known that there is something to ask
    return [Task(case_set, extras, plan, base, cache_root()) for plan in plans]


def _measured(
    tasks: "Sequence[Task]", backends: "Sequence[Backend]", folder: Path
) -> tuple[list[dict[str, Any]], bool]:
    """Return the figures, and whether a method failed."""
    from memory_editor.evaluation.comparison.protocol import measure

    found, failed = [], False
    for task in tasks:
        for backend in backends:
            try:
                place = folder / backend.name / str(task.plan.edits)
                found.append(measure(task, backend, place, output.progress))
            except MemoryEditorError as error:
                output.note(f"error: {backend.name}, {task.plan.edits:,} edits: {output.one_line(str(error))}")
                failed = True
    return found, failed


def _backend(name: str, settings: dict[str, str]) -> "Backend":
    from memory_editor.backends.registry import backend
    from memory_editor.evaluation.comparison.unedited import Unedited

    return Unedited() if name == Unedited.name else backend(name, settings)


def _settings(given: Sequence[str], methods: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for setting in given:
        place, equals, value = setting.partition("=")
        method, dot, name = place.partition(".")
        if not (equals and dot and name and method in methods):
            raise typer.BadParameter(f"--set {setting!r} must be METHOD.NAME=VALUE of a method of --methods")
        found.setdefault(method, {})[name] = value
    return found


def _print(found: Sequence[dict[str, Any]]) -> None:
    from memory_editor.evaluation.comparison.report import sections, tables

    for section in sections(found):
        for table in tables(section.runs):
            typer.secho(f"{section.data}, {section.model}: {table.title}", bold=True)
            output.print_table(table.columns, table.rows)
            typer.echo()
