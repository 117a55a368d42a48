"""The command that takes statistics of a model on text: moments."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from memory_editor.cli import opening, options, output


def moments(
    texts: Annotated[list[Path], typer.Argument(metavar="TEXT", help="Files of text; - is stdin.")],
    *,
    layers: Annotated[
        list[int], typer.Option("--layer", metavar="N", min=0, help="A block, counted from 0; repeatable.")
    ],
    tokens: Annotated[int, typer.Option(metavar="N", help="How much of the texts is read.")] = 100_000,
    folder: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Where they go, rather than into the cache folder.")
    ] = None,
    layout: options.Layout = None,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Take the second moments of what a layer's MLP recalls from.

    Methods such as memit need them, given as `memedit edit --moments DIR`. A run that was cut off goes on when the
    command is given again. Takes a minute or two a layer for the default model on two cores.
    """
    from memory_editor.backends.locating.projections import Projection
    from memory_editor.backends.moments import default_folder, second_moments
    from memory_editor.backends.text_windows import read_lines
    from memory_editor.evaluation.scope_report import make_folder

    target = folder or default_folder()
    make_folder(target)  # before work of minutes
    base = opening.language_model(opening.settings(model=model, device=device, dtype=dtype), layout)
    paths = [Projection.of(base, layer).path for layer in layers]
    lines = (line for text in texts for line in (sys.stdin if text == Path("-") else read_lines([text])))
    found = second_moments(base, paths, lines, tokens=tokens, cache=target, progress=output.progress)
    if as_json:
        output.print_json({"path": str(target), "tokens": {path: taken.count for path, taken in found.items()}})
        return
    output.print_table(("PROJECTION", "TOKENS"), [(path, f"{taken.count:,}") for path, taken in found.items()])
    output.note(f"wrote {target}")
