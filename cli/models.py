"""The commands about language models: models list, models pull."""

from typing import Annotated

import typer

from memory_editor.cli import options, output

app = typer.Typer(no_args_is_help=True, help="Language models that have a name of their own.")


@app.command("list")
def list_models(as_json: options.Json = False) -> None:
    """List the models by alias: where they are, and whether their files are sound."""
    from memory_editor.models import files

    entries = files.list_models()
    if as_json:
        output.print_json([{**vars(entry), "path": entry.path and str(entry.path)} for entry in entries])
        return
    rows = [
        (entry.alias, entry.location, f"{entry.size / 1e6:,.0f} MB", entry.fault or "-", entry.hub_id)
        for entry in entries
    ]
    output.print_table(("ALIAS", "WHERE", "SIZE", "FAULT", "HUB ID"), rows)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An alias or a hub id.")], as_json: options.Json = False
) -> None:
    """Put a model's files on this machine, or check them and replace damaged ones."""
    from memory_editor.models import files

    folder = files.pull(name, output.note)
    if as_json:
        output.print_json({"name": name, "path": str(folder)})
        return
    typer.echo(folder)
