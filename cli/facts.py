"""The commands that change facts: add-fact, update, remove, purge."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from memory_editor.cli import opening, options, output, views
from memory_editor.cli.check import MAX_NEW_TOKENS, exit_with, print_checks, run_checks
from memory_editor.config import Settings
from memory_editor.edits import Edit, EditId

if TYPE_CHECKING:
    from memory_editor.memory import Added

_CAN_BE_UNSET: Final = ("subject", "source", "valid_until")


def add_fact(
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="A text to continue, or a question.", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="The answer from now on.", show_default=False)
    ] = None,
    *,
    statement: Annotated[
        str | None, typer.Option(metavar="TEXT", help="In place of PROMPT and TARGET: a sentence held true.")
    ] = None,
    subject: options.Subject = None,
    target_true: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the model answers without the edit.")
    ] = None,
    paraphrases: options.Paraphrases = None,
    exclusions: options.Exclusions = None,
    source: options.Source = None,
    valid_until: options.ValidUntil = None,
    replace: options.Replace = False,
    keep_both: options.KeepBoth = False,
    reason: options.Reason = "",
    is_checked: Annotated[bool, typer.Option("--check", help="Let the model answer, as `memedit check` does.")] = False,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    model: options.Model = None,
    encoder: options.Encoder = None,
    as_json: options.Json = False,
) -> None:
    """Add a fact.

    memedit add-fact "The CEO of Twitter is" "Linda Yaccarino"

    The memory is made if there is none. What says otherwise of the same subject and relation is superseded.
    """
    given = (prompt is not None, target is not None, statement is not None)
    if given not in ((True, True, False), (False, False, True)):
        raise typer.BadParameter("give PROMPT and TARGET, or --statement TEXT alone")
    fields = {
        "prompt": statement if prompt is None else prompt,
        "target_new": target,
        "subject": subject,
        "target_true": target_true,
        "paraphrases": paraphrases,
        "exclusions": exclusions,
        "source": source,
        "valid_until": valid_until,
    }
    edit = Edit.from_dict(fields)
    on_conflict = opening.on_conflict(replace=replace, keep_both=keep_both)
    chosen = opening.settings(memory=memory, namespace=namespace, model=model, encoder=encoder)
    with opening.open_memory(chosen, create=True) as opened:
        added = opened.add(edit, on_conflict=on_conflict, note=opening.note(chosen, reason))
        if not (is_checked and as_json):
            _print_added(added, as_json)
    if is_checked:
        _check(chosen, added, as_json)


def _check(chosen: Settings, added: "Added", as_json: bool) -> None:
    """Let the model answer for what was added; the exit code is 1 if that is not as it should be."""
    with opening.open_editor(chosen) as editor:
        checks = run_checks(editor, added.edits, MAX_NEW_TOKENS)
    if as_json:
        output.print_json(_added_values(added) | {"checks": [one.to_dict() for one in checks]})
    else:
        print_checks(checks)
    exit_with(checks)


def _added_values(added: "Added") -> dict[str, Any]:
    return {
        "id": added.edits[0].id,
        "known_already": bool(added.restated),
        "superseded": [edit.id for edit in added.superseded],
        "possible_contradictions": [conflict.live.id for conflict in added.unclear],
        "restates": [conflict.live.id for conflict in added.restates],
    }


def _print_added(added: "Added", as_json: bool) -> None:
    if as_json:
        output.print_json(_added_values(added))
        return
    contradicted = [conflict.live for conflict in added.unclear]
    restated = [conflict.live for conflict in added.restates]
    views.print_done("known already" if added.restated else "added", added.edits)
    views.print_done("superseded", added.superseded)
    views.print_done("may contradict", contradicted)
    views.print_done("restates", restated)


def update(
    id_: options.Id,
    *,
    target: Annotated[str | None, typer.Option(metavar="TEXT", help="The answer from now on.")] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="The prompt in other words.")] = None,
    subject: options.Subject = None,
    paraphrases: options.Paraphrases = None,
    exclusions: options.Exclusions = None,
    source: options.Source = None,
    valid_until: options.ValidUntil = None,
    replace: options.Replace = False,
    keep_both: options.KeepBoth = False,
    reason: options.Reason = "",
    memory: options.Memory = None,
    encoder: options.Encoder = None,
    as_json: options.Json = False,
) -> None:
    """Supersede an edit by one that differs.

    An empty text unsets, e.g. --valid-until "".
    """
    texts = {"prompt": prompt, "target_new": target, "subject": subject, "source": source, "valid_until": valid_until}
    lists = {"paraphrases": paraphrases, "exclusions": exclusions}
    changes: dict[str, Any] = {name: value for name, value in texts.items() if value is not None}
    changes |= {name: None for name in _CAN_BE_UNSET if changes.get(name) == ""}
    changes |= {name: [text for text in value if text] for name, value in lists.items() if value is not None}
    if not changes:
        raise typer.BadParameter("say what is to differ, e.g. --target TEXT")
    with opening.open_store(opening.settings(memory=memory)) as store:
        old = store.get(id_).edit
    on_conflict = opening.on_conflict(replace=replace, keep_both=keep_both)
    chosen = opening.settings(memory=memory, namespace=old.namespace, encoder=encoder)
    with opening.open_memory(chosen) as opened:
        added = opened.update(old.id, on_conflict=on_conflict, note=opening.note(chosen, reason), **changes)
        _print_added(added, as_json)


def remove(
    ids: options.Ids, reason: options.Reason = "", memory: options.Memory = None, as_json: options.Json = False
) -> None:
    """Take edits out of the memory.

    They stay in its history; `memedit undo` brings them back.
    """
    chosen = opening.settings(memory=memory)
    with opening.open_store(chosen) as store:
        edits = {edit.id: edit for edit in (store.get(id_).edit for id_ in ids)}
        store.remove(list(edits), opening.note(chosen, reason))
        _print_ended("removed", edits, as_json)


def purge(
    ids: options.OptionalIds = None,
    *,
    all_removed: Annotated[bool, typer.Option("--all-removed", help="All removed edits of the namespace.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    reason: options.Reason = "",
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    as_json: options.Json = False,
) -> None:
    """Forget edits that are not live for good.

    Their text, vectors and history are deleted, which cannot be undone. Backups keep them.
    """
    if bool(ids) is all_removed:
        raise typer.BadParameter("give IDs, or --all-removed alone")
    chosen = opening.settings(memory=memory, namespace=namespace)
    with opening.open_store(chosen) as store:
        records = [store.get(id_) for id_ in ids] if ids else store.select(opening.filter_of(chosen, "removed"))
        edits = {record.edit.id: record.edit for record in records}
        if edits and not yes and not output.confirmed(f"forget {len(edits):,} edits for good?"):
            output.note("nothing was purged")
            raise typer.Exit(1)
        if edits:
            store.purge(list(edits), opening.note(chosen, reason))
        _print_ended("purged", edits, as_json)


def _print_ended(done: str, edits: dict[EditId, Edit], as_json: bool) -> None:
    if as_json:
        output.print_json({done: list(edits)})
        return
    views.print_done(done, edits.values())
