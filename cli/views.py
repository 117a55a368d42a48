"""How edits, changes and routes look, as JSON values and in print."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import typer

from memory_editor.cli.output import one_line, print_fields, print_table
from memory_editor.edits import FIELDS, Edit

if TYPE_CHECKING:
    from memory_editor.scope.route import Route, ScoredEdit
    from memory_editor.store import Change, Record

_SHOWN_TRANSITIONS: Final = 5
"""How many edits of one change are printed; JSON has all."""


def print_done(done: str, edits: Iterable[Edit]) -> None:
    """Print what was done to edits, one line each."""
    for edit in edits:
        typer.echo(f"{done} {edit.id} {one_line(edit.fact)}")


def record_values(record: "Record") -> dict[str, Any]:
    """Return every field of an edit, set or not, its status and when it was made."""
    unset = dict.fromkeys(FIELDS) | {"paraphrases": [], "exclusions": []}
    standing = {"status": record.status, "created_at": record.edit.created_at.isoformat()}
    return unset | record.edit.to_dict() | standing


def change_values(change: "Change") -> dict[str, Any]:
    """Return one entry of the history."""
    return {
        "number": change.number,
        "at": change.at.isoformat(),
        "actor": change.note.actor,
        "action": change.action,
        "reason": change.note.reason,
        "edits": [
            {"id": moved.edit.id, "fact": moved.edit.fact, "old": moved.old, "new": moved.new}
            for moved in change.transitions
        ],
    }


def print_changes(changes: "Iterable[Change]") -> None:
    """Print the history, one row a change."""
    rows = (
        (
            str(change.number),
            f"{change.at.astimezone():%Y-%m-%d %H:%M}",
            change.note.actor,
            change.action,
            change.note.reason,
            ";\n".join(_transitions(change)),
        )
        for change in changes
    )
    print_table(("CHANGE", "WHEN", "WHO", "ACTION", "WHY", "OLD → NEW"), rows)


def _transitions(change: "Change") -> Iterable[str]:
    for moved in change.transitions[:_SHOWN_TRANSITIONS]:
        yield f"{one_line(moved.edit.fact)}: {moved.old or 'none'} → {moved.new}"
    if (more := len(change.transitions) - _SHOWN_TRANSITIONS) > 0:
        yield f"and {more:,} more"


def print_route(route: "Route") -> None:
    """Print which edit answers a prompt, and why."""
    fields: list[tuple[str, object]] = [("prompt", one_line(route.prompt))]
    if not route.edits:
        why = ": two edits that disagree are too close" if route.abstained else ""
        fields.append(("edit", f"none; the base model answers{why}"))
    for scored in route.edits:
        fields += _scored("edit", scored)
    fields.append(("margin", f"{route.margin:.2f}"))
    print_fields(fields + (_scored("runner-up", route.runner_up) if route.runner_up else [("runner-up", None)]))


def _scored(role: str, scored: "ScoredEdit") -> list[tuple[str, object]]:
    return [
        (role, scored.edit.id),
        ("  fact", one_line(scored.edit.fact)),
        ("  probability", f"{scored.probability:.2f} ({scored.kind})"),
        ("  reasons", scored.reasons),
    ]
