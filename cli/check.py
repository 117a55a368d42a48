"""The command that lets the model say what edits made of it: check."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import typer

from memory_editor.cli import opening, options, output

MAX_NEW_TOKENS: Final = 32
"""How many tokens an answer has that is looked at."""

if TYPE_CHECKING:
    from memory_editor.checking import Check
    from memory_editor.editor import MemoryEditor
    from memory_editor.edits import Edit


def check(
    ids: options.OptionalIds = None,
    *,
    max_new_tokens: options.MaxNewTokens = MAX_NEW_TOKENS,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    model: options.Model = None,
    encoder: options.Encoder = None,
    scope: options.Scope = None,
    max_false_accept: options.MaxFalseAccept = None,
    adapter: options.Adapter = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Generate for edits, their paraphrases and near misses.

    Without IDs, for all live edits that have not expired. The exit code is 1 if any answer is not as it should be.
    """
    chosen = opening.settings(
        memory=memory,
        namespace=namespace,
        model=model,
        encoder=encoder,
        scope=scope,
        max_false_accept=max_false_accept,
        adapter=adapter,
        device=device,
        dtype=dtype,
    )
    with opening.open_store(chosen) as store:
        records = [store.get(id_) for id_ in ids] if ids else store.select(opening.filter_of(chosen, "live"))
        edits = [record.edit for record in records if ids or record.edit.is_valid()]
    with opening.open_editor(chosen) as editor:
        checks = run_checks(editor, edits, max_new_tokens)
    if as_json:
        output.print_json([one.to_dict() for one in checks])
    else:
        print_checks(checks)
    exit_with(checks)


def run_checks(editor: "MemoryEditor", edits: "Sequence[Edit]", max_new_tokens: int) -> "list[Check]":
    """Let the model answer for edits, with progress."""
    from memory_editor.checking import check

    checks: list[Check] = []
    with output.progress("checking", len(edits)) as report:
        for number, edit in enumerate(edits, 1):
            checks += check(editor, [edit], max_new_tokens=max_new_tokens)
            report(number)
    return checks


def print_checks(checks: "Sequence[Check]") -> None:
    """Print what the model says for edits."""
    rows = ((_verdict(one), one.asked, one.prompt, output.one_line(one.answer)) for one in checks)
    output.print_table(("", "ASKED", "PROMPT", "ANSWER"), rows)
    output.note(f"{sum(one.is_right for one in checks):,} of {len(checks):,} are as they should be")


def exit_with(checks: "Iterable[Check]") -> None:
    """Exit with 1 if an answer is not as it should be."""
    if not all(one.is_right for one in checks):
        raise typer.Exit(1)


def _verdict(one: "Check") -> str:
    if one.is_right:
        return "right"
    return "not routed" if one.asked.in_scope and not one.is_routed else "wrong"
