"""The commands about adapters: adapter train."""

from pathlib import Path
from typing import Annotated

import typer

from memory_editor.cli import opening, options, output

app = typer.Typer(no_args_is_help=True, help="What answers the prompts that edits are about.")


@app.command("train")
def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The folder of the published data sets.")],
    *,
    folder: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where the adapter goes.")],
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="How many steps to train at most.")] = 500,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="How many exercises a step has.")] = 16,
    start: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="An adapter to go on from, rather than from none.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Decides everything that is left to chance.")] = 0,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Train a model to follow the facts of its edits.

    Reads only the files of DATA that are there to train on. A run that was cut off goes on when the command is given
    again. Takes an hour or two for the default model on two cores.
    """
    from memory_editor.adapter_training.train import TrainingSettings, train
    from memory_editor.adapters.lora.files import load_files
    from memory_editor.evaluation.scope_report import make_folder
    from memory_editor.scope.training.sources import read_sources

    make_folder(folder)  # before work of an hour
    sources = read_sources(data)
    chosen = opening.settings(model=model, device=device, dtype=dtype)
    base = opening.language_model(chosen)
    settings = TrainingSettings(steps=steps, batch=batch, seed=seed)
    begun = load_files(start) if start else None
    files = train(base, sources, folder, settings, start=begun, progress=output.progress)
    files.save(folder)
    if as_json:
        output.print_json({name: value for name, value in files.about.items() if name != "base"})
        return
    losses = files.about["losses"]
    typer.echo(f"loss on what was held back: {losses[0]:.3f} at first, {min(losses):.3f} at best")
    output.note(f"wrote {folder}")
