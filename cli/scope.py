"""The commands about the scope classifier: scope eval, scope train."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from memory_editor.cli import opening, options, output
from memory_editor.config import Settings
from memory_editor.evaluation.rows import RowName

app = typer.Typer(no_args_is_help=True, help="What decides which prompts an edit answers.")


@app.command("eval")
def evaluate(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The folder of the published data sets.")],
    *,
    folder: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where scope.json, scope.md and charts go.")],
    split: Annotated[str, typer.Option(metavar="NAME", help="The part of the data sets, as files name it.")] = "dev",
    names: Annotated[list[RowName] | None, typer.Option("--row", help="Only this row; repeatable.")] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only N records a file, N prompts a set.")
    ] = None,
    encoder: options.Encoder = None,
    scope: options.Scope = None,
    max_false_accept: options.MaxFalseAccept = None,
    as_json: options.Json = False,
) -> None:
    """Measure how well prompts are routed.

    Every row of the table keeps its edits in a memory of its own.
    """
    from memory_editor.encoder import load_encoder
    from memory_editor.evaluation import routing
    from memory_editor.evaluation.published import Published
    from memory_editor.evaluation.scope_report import make_folder, summary, tables, write_report
    from memory_editor.evaluation.scope_rows import read_row
    from memory_editor.scope.judge import ScopeJudge
    from memory_editor.scope.router import Router

    make_folder(folder)  # before work of minutes
    chosen = opening.settings(encoder=encoder, scope=scope, max_false_accept=max_false_accept)
    classifier = opening.classifier(chosen)
    published = Published(data, split, limit)
    rows = [read_row(name, published) for name in dict.fromkeys(names or RowName)]
    results = routing.evaluate(
        rows,
        load_encoder(chosen.encoder),
        lambda memory: Router(memory, classifier).route,
        judge=ScopeJudge(lambda: classifier),
        progress=output.progress,
    )
    values = summary(
        results,
        command=_command(chosen, split, names or [], limit),
        encoder=chosen.encoder,
        max_false_accept=chosen.max_false_accept,
    )
    write_report(results, values, folder)
    if as_json:
        output.print_json(values)
        return
    for table in tables(values):
        typer.secho(table.title, bold=True)
        output.print_table(table.columns, table.rows)
        typer.echo()
    output.note(f"wrote {folder}")


@app.command()
def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The folder of the published data sets.")],
    *,
    folder: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where the classifier's files go.")],
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Decides everything that is left to chance.")] = 0,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="RELATION", help="Do not train on this relation, but measure it; repeatable."),
    ] = None,
    encoder: options.Encoder = None,
    as_json: options.Json = False,
) -> None:
    """Train a scope classifier.

    Reads only the files of DATA that are there to train on. Takes ten minutes or more.
    """
    from memory_editor.encoder import load_encoder
    from memory_editor.evaluation.scope_report import make_folder
    from memory_editor.scope.files import save_classifier
    from memory_editor.scope.training import train as training
    from memory_editor.scope.training.sources import read_sources

    make_folder(folder)  # before work of minutes
    chosen = opening.settings(encoder=encoder)
    parts = training.train(
        read_sources(data), load_encoder(chosen.encoder), seed=seed, leave_out=leave_out or (), progress=output.progress
    )
    save_classifier(parts, folder)
    if as_json:
        output.print_json(parts.about)
        return
    for name, told in (("held back", parts.about["held_back"]), ("of relations left out", parts.about["on_left_out"])):
        if told["examples"]:
            typer.echo(f"{told['right']:.1%} of {told['examples']:,} pairs {name} told right")
    output.note(f"wrote {folder}")


def _command(chosen: Settings, split: str, names: list[RowName], limit: int | None) -> str:
    """Return the command as it can be given anywhere, with no path of this machine."""
    given = ["--split", split, "--max-false-accept", str(chosen.max_false_accept)]
    given += ["--scope", "SCOPE"] if chosen.scope else []
    given += [word for name in names for word in ("--row", str(name))]
    given += ["--limit", str(limit)] if limit else []
    return shlex.join(["memedit", "scope", "eval", "DATA", "--output", "DIR", *given])
