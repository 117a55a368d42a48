"""The commands that look at a memory and its history, and go back in it: list, show, history, undo."""

from typing import Annotated, Final

import typer

from memory_editor.cli import opening, options, output, views

_LONGEST: Final = 19
"""How many digits no number of a change has."""


def list_edits(
    *,
    subject: options.Subject = None,
    containing: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only edits that contain TEXT anywhere.")
    ] = None,
    status: options.Statuses = "live",
    limit: options.Limit = 50,
    offset: Annotated[int, typer.Option(metavar="N", min=0, max=2**31, help="How many to skip.")] = 0,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    as_json: options.Json = False,
) -> None:
    """List edits, the oldest first."""
    chosen = opening.settings(memory=memory, namespace=namespace)
    wanted = opening.filter_of(chosen, status, subject=subject, containing=containing)
    with opening.open_store(chosen) as store:
        records = store.select(wanted, limit=limit, offset=offset)
        total = store.count(wanted)
    if as_json:
        edits = [views.record_values(record) for record in records]
        output.print_json({"total": total, "offset": offset, "edits": edits})
        return
    output.print_table(("ID", "STATUS", "FACT"), [(one.edit.id, one.status, one.edit.fact) for one in records])
    if (seen := offset + len(records)) < total:
        output.note(f"{total - seen:,} more; --offset {seen} lists the next")


def show(id_: options.Id, memory: options.Memory = None, as_json: options.Json = False) -> None:
    """Show one edit with all its fields and its history."""
    with opening.open_store(opening.settings(memory=memory)) as store:
        record = store.get(id_)
        changes = store.history(edit=record.edit.id)
    values = views.record_values(record)
    if as_json:
        output.print_json(values | {"history": [views.change_values(change) for change in changes]})
        return
    output.print_fields(list(values.items()))
    typer.echo()
    views.print_changes(changes)


def history(
    *,
    edit: Annotated[str | None, typer.Option(metavar="ID", help="Only changes that touched this edit.")] = None,
    limit: options.Limit = 20,
    memory: options.Memory = None,
    as_json: options.Json = False,
) -> None:
    """List the changes of the memory, the latest first."""
    with opening.open_store(opening.settings(memory=memory)) as store:
        changes = store.history(edit=store.get(edit).edit.id if edit else None, limit=limit)
    if as_json:
        output.print_json([views.change_values(change) for change in changes])
        return
    views.print_changes(changes)


def undo(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="CHANGE|ID", help="Go back to just after this change or the adding of this edit; 0 is empty."
        ),
    ] = None,
    reason: options.Reason = "",
    memory: options.Memory = None,
    as_json: options.Json = False,
) -> None:
    """Undo the last change, or several.

    An undo is itself a change, and can be undone by `--to`.
    """
    chosen = opening.settings(memory=memory)
    with opening.open_store(chosen) as store:
        target = None if to is None else int(to) if to.isdecimal() and len(to) < _LONGEST else store.get(to).edit.id
        change = store.undo(target, opening.note(chosen, reason))
        if as_json:
            output.print_json(views.change_values(change))
            return
        views.print_changes([change])
