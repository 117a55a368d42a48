"""The command about the codebook: codebook train."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from memory_editor.cli import opening, options, output

if TYPE_CHECKING:
    from memory_editor.adapters.codebook import Codebook
    from memory_editor.edits import Edit
    from memory_editor.language_model import LanguageModel

app = typer.Typer(no_args_is_help=True, help="Values learnt for edits, which answer without anything in context.")

_SAVED_AFTER: Final = 64


@dataclass(frozen=True)
class _Done:
    """What became of the codebook, in edits."""

    added: int
    removed: int
    kept: int
    statements: int


@app.callback()
def _group() -> None:
    """Keep `train` a command of its own."""


@app.command()
def train(
    *,
    projection: Annotated[
        str | None, typer.Option("--layer", metavar="PATH", help="The module of the model whose output is replaced.")
    ] = None,
    radius: Annotated[float | None, typer.Option(metavar="EPS", help="How far a key reaches at first.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Begin with an empty codebook.")] = False,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Learn a value for every live edit.

    Edits that have one keep it, those no longer live lose theirs; statements get none. What is learnt is saved as it
    goes on, beside the memory.
    """
    from memory_editor.adapters.codebook import codebook_folder

    chosen = opening.settings(memory=memory, namespace=namespace, model=model, device=device, dtype=dtype)
    with opening.open_store(chosen) as store:
        edits = [record.edit for record in store.select(opening.filter_of(chosen, "live")) if record.edit.is_valid()]
        folder = codebook_folder(store.path, chosen.namespace)
    base = opening.language_model(chosen)
    codebook = _opened(base, folder, projection, radius, anew=anew)
    done = _refresh(codebook, edits, folder)
    if as_json:
        output.print_json(asdict(done))
        return
    typer.echo(f"{done.added:,} learnt, {done.kept:,} kept, {done.removed:,} removed")
    if done.statements:
        output.note(f"{done.statements:,} statements have no target to learn; they are answered in context")
    output.note(f"wrote {folder}")


def _opened(
    base: "LanguageModel", folder: Path, projection: str | None, radius: float | None, *, anew: bool
) -> "Codebook":
    from memory_editor.adapters.codebook import Codebook
    from memory_editor.adapters.codebook.codebook import RADIUS

    if anew or not folder.exists():
        return Codebook(base, projection=projection, radius=RADIUS if radius is None else radius)
    if projection:
        raise typer.BadParameter("--layer is for a new codebook; give --anew with it")
    return Codebook.load(folder, base, radius=radius)


def _refresh(codebook: "Codebook", edits: "Sequence[Edit]", folder: Path) -> _Done:
    gone = set(codebook.ids) - {edit.id for edit in edits}
    new = [edit for edit in edits if edit.target_new is not None and edit.id not in set(codebook.ids)]
    codebook.remove(*gone)
    codebook.save(folder)
    kept = len(codebook.ids)
    with output.progress("Learning", len(new)) as show:
        for start in range(0, len(new), _SAVED_AFTER):
            chunk = new[start : start + _SAVED_AFTER]
            codebook.add(chunk)
            codebook.save(folder)
            show(start + len(chunk))
    return _Done(len(new), len(gone), kept, sum(edit.is_statement for edit in edits))
