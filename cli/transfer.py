"""The commands that carry edits in and out: import, export, backup."""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_editor.cli import opening, options, output
from memory_editor.datasets import Form, read_edits, write_edits

if TYPE_CHECKING:
    from memory_editor.memory import Added


def import_edits(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .jsonl, .json or .csv file.")],
    *,
    form: Annotated[
        Form | None, typer.Option(help="What its records look like; by default the first record shows it.")
    ] = None,
    replace: options.Replace = False,
    keep_both: options.KeepBoth = False,
    reason: options.Reason = "",
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    encoder: options.Encoder = None,
    as_json: options.Json = False,
) -> None:
    """Add every edit of a file, or none.

    Its forms are JSON Lines and CSV with the fields of an edit, and those of the published data sets.
    """
    chosen = opening.settings(memory=memory, namespace=namespace, encoder=encoder)
    with output.progress("reading") as report:
        edits = read_edits(file, form=form, namespace=chosen.namespace, on_progress=report)
    on_conflict = opening.on_conflict(replace=replace, keep_both=keep_both)
    note = opening.note(chosen, reason)
    with opening.open_memory(chosen, create=True) as opened:
        with output.progress("encoding", len(edits)) as report:
            added = opened.add_many(edits, on_conflict=on_conflict, note=note, on_progress=report)
        _print_summary(added, as_json)


def _print_summary(added: "Added", as_json: bool) -> None:
    counts = {
        "added": len(added.edits) - len(added.restated),
        "superseded": len(added.superseded),
        "known_already": len(added.restated),
        "possible_contradictions": len(added.unclear),
    }
    if as_json:
        output.print_json(counts)
        return
    typer.echo(", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items()))


def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; - is stdout.", show_default=False)] = "-",
    status: options.Statuses = "live",
    memory: options.Memory = None,
    namespace: options.Namespace = None,
) -> None:
    """Write edits as JSON Lines.

    `memedit import` reads them.
    """
    chosen = opening.settings(memory=memory, namespace=namespace)
    with opening.open_store(chosen) as store:
        records = store.select(opening.filter_of(chosen, status))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # as `import` reads it, whatever the terminal's
    count = write_edits((record.edit for record in records), sys.stdout if file == "-" else Path(file))
    output.note(f"exported {count:,} edits")


def backup(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A new file.")],
    memory: options.Memory = None,
    as_json: options.Json = False,
) -> None:
    """Copy the memory to a new file.

    The copy has the whole history. Others may use the memory meanwhile.
    """
    with opening.open_store(opening.settings(memory=memory)) as store:
        store.backup(path)
    size = path.stat().st_size
    if as_json:
        output.print_json({"path": str(path), "bytes": size})
        return
    typer.echo(f"{path} {size:,} bytes")
