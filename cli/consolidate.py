"""The command that trains a bank of LoRAs for the live edits: consolidate."""

from typing import TYPE_CHECKING, Annotated

import typer

from memory_editor.cli import opening, options, output

if TYPE_CHECKING:
    from pathlib import Path

    from memory_editor.consolidation import Report
    from memory_editor.edits import Edit


def consolidate(
    *,
    rank: Annotated[int, typer.Option(metavar="N", min=1, help="The rank of each LoRA.")] = 4,
    cluster_size: Annotated[int, typer.Option(metavar="N", min=1, help="How many edits share one at most.")] = 16,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="How many steps each is trained at most.")] = 60,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Decides everything that is left to chance.")] = 0,
    undo: Annotated[bool, typer.Option("--undo", help="Put the bank before, or none, in force again.")] = False,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Train what live edits say into small LoRAs, so that they answer with nothing in context.

    Each LoRA is verified by free generation; edits that it does not answer, and those made later, are answered as
    before. A new bank takes the place of the old one as a whole, or not at all if too few edits were learnt; a run that
    was cut off goes on when the command is given again. `--adapter bank` answers from it. The exit code is 1 if there
    is no new bank.
    """
    from memory_editor.adapters.bank import bank_folder
    from memory_editor.consolidation import ConsolidationSettings, live_edits
    from memory_editor.consolidation import consolidate as make

    chosen = opening.settings(memory=memory, namespace=namespace, model=model, device=device, dtype=dtype)
    with opening.open_store(chosen) as store:
        folder = bank_folder(store.path, chosen.namespace)
        edits, vectors = ([], None) if undo else live_edits(store, chosen.namespace)
    if undo or vectors is None:
        _undo(folder, as_json=as_json)
        return
    settings = ConsolidationSettings(rank=rank, cluster_size=cluster_size, steps=steps, seed=seed)
    base = opening.language_model(chosen)
    report = make(base, edits, vectors, folder, settings, progress=output.progress)
    _print(report, edits, as_json=as_json)
    if report.trained and not report.is_in_force:
        output.note("too few edits were learnt; all is as it was")
        raise typer.Exit(1)


def _undo(folder: "Path", *, as_json: bool) -> None:
    from memory_editor.adapters.bank import undo

    bank = undo(folder)
    if as_json:
        output.print_json({"edits": len(bank) if bank else 0})
        return
    typer.echo(f"the bank of {len(bank):,} edits before is in force again" if bank else "no bank is in force any more")


def _print(report: "Report", edits: "list[Edit]", *, as_json: bool) -> None:
    if as_json:
        output.print_json(report.to_dict())
        return
    by_id = {edit.id: edit for edit in edits}
    rows = (
        (
            f"{len(one.learnt)} of {len(one.learnt) + len(one.failed)}",
            f"{one.regressions} of {one.prompts}",
            str(one.steps),
            f"{one.seconds:.0f}",
            by_id[(*one.learnt, *one.failed)[0]].prompt,
        )
        for one in report.clusters
    )
    output.print_table(("LEARNT", "REGRESSIONS", "STEPS", "SECONDS", "SUCH AS"), rows)
    for id_ in (id_ for one in report.clusters for id_ in one.failed):
        output.note(f"not learnt, answered as before: {by_id[id_].prompt} ({id_})")
    told = f"{report.learnt:,} of {report.trained:,} edits learnt, {report.kept:,} kept"
    output.note(f"{told}, {report.unlearnable:,} statements or long prompts left to the fallback")
