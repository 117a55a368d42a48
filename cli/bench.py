"""The command that measures routing as the memory grows: bench."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from memory_editor.cli import opening, options, output


def bench(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The folder of the published data sets.")],
    *,
    work: Annotated[Path, typer.Option(metavar="DIR", help="Keeps vectors and memories, so that a run goes on.")],
    folder: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where scale.json, scale.md, the chart go.")],
    sizes: Annotated[
        str, typer.Option(metavar="N,N", help="How many edits the memories have.")
    ] = "1000,10000,100000,1000000",
    prompts: Annotated[int, typer.Option(metavar="N", min=1, help="How many prompts of a kind are asked.")] = 500,
    encoder: options.Encoder = None,
    scope: options.Scope = None,
    as_json: options.Json = False,
) -> None:
    """Measure memory, routing time, recall and false accepts as the memory grows, and how fast edits come and go.

    A million edits are encoded in about an hour on two cores, once.
    """
    from memory_editor.encoder import load_encoder
    from memory_editor.evaluation.scale.measuring import measure
    from memory_editor.evaluation.scale.report import table, told, write_report
    from memory_editor.evaluation.scope_report import make_folder

    counts = options.counts("--sizes", sizes)
    for target in (work, folder):  # before work of an hour
        make_folder(target)
    chosen = opening.settings(encoder=encoder, scope=scope)
    tools = load_encoder(chosen.encoder), opening.classifier(chosen)
    found = measure(data, work, sorted({*counts}), prompts, tools, output.progress)
    given = ["--work", "DIR", "--output", "DIR", "--sizes", sizes, "--prompts", str(prompts)]
    values = {
        "command": shlex.join(["memedit", "bench", "DATA", *given]),
        "encoder": chosen.encoder,
        "scope": chosen.scope or "as shipped",
        **found,
    }
    write_report(values, folder)
    if as_json:
        output.print_json(values)
        return
    shown = table(values)
    output.print_table(shown.columns, shown.rows)
    typer.echo(told(values))
    output.note(f"wrote {folder}")
