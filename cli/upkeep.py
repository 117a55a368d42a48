"""The commands that look after a memory: status, verify, reindex."""

from typing import TYPE_CHECKING, Any

import typer

from memory_editor.cli import opening, options, output
from memory_editor.config import Settings, config_path
from memory_editor.edits import Status
from memory_editor.errors import IndexFileError

if TYPE_CHECKING:
    from memory_editor.store import Store


def status(
    *,
    memory: options.Memory = None,
    namespace: options.Namespace = None,
    model: options.Model = None,
    adapter: options.Adapter = None,
    as_json: options.Json = False,
) -> None:
    """Show what is in the memory, and what answers from it."""
    chosen = opening.settings(memory=memory, namespace=namespace, model=model, adapter=adapter)
    with opening.open_store(chosen) as store:
        values = _memory_values(store, chosen) | _model_values(chosen)
    if as_json:
        output.print_json(values)
        return
    output.print_fields([(name.replace("_", " "), _shown(value)) for name, value in values.items()])


def _memory_values(store: "Store", chosen: Settings) -> dict[str, Any]:
    from memory_editor.store import Filter
    from memory_editor.store.schema import MIGRATIONS

    return {
        "memory": str(store.path),
        "bytes": store.path.stat().st_size,
        "schema": len(MIGRATIONS),
        "generation": store.generation,
        "edits": {status: store.count(Filter(status=status)) for status in Status},
        "namespaces": store.namespaces(),
        "encoder": store.encoder and store.encoder.name,
        "namespace": chosen.namespace,
        "index": _index_values(store, chosen.namespace),
    }


def _index_values(store: "Store", namespace: str) -> dict[str, Any]:
    from memory_editor.indexes import files

    folder = store.index_folder / namespace
    if not (folder / files.FILE_NAME).exists():
        return {"file": "none", "generation": None}
    try:
        _, manifest = files.load(folder)
    except IndexFileError as error:
        return {"file": str(error), "generation": None}
    is_ours = manifest.origin == store.origin(manifest.generation)
    return {"file": "sound" if is_ours else "out of date", "generation": manifest.generation}


def _model_values(chosen: Settings) -> dict[str, Any]:
    from memory_editor.adapters.names import told
    from memory_editor.models.files import is_on_this_machine

    path = config_path()
    return {
        "model": chosen.model,
        "model_is_here": is_on_this_machine(chosen.model),
        "adapter": told(chosen.adapter, chosen.model),
        "settings_file": str(path),
        "settings_file_exists": path.exists(),
    }


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items() if item is not None) or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else value


def verify(memory: options.Memory = None, as_json: options.Json = False) -> None:
    """Check the memory and its index files.

    Every problem is listed, and then the exit code is 1.
    """
    with opening.open_store(opening.settings(memory=memory)) as store:
        from memory_editor.memory import index_problems

        problems = store.verify() + index_problems(store)
    if as_json:
        output.print_json({"problems": problems})
    else:
        typer.echo("\n".join(problems) or "no problems found")
    if problems:
        raise typer.Exit(1)


def reindex(encoder: options.Encoder = None, memory: options.Memory = None, as_json: options.Json = False) -> None:
    """Encode every text of the memory anew.

    The encoder is the one that routes prompts from now on, in every namespace.
    """
    chosen = opening.settings(memory=memory, encoder=encoder)
    with opening.open_memory(chosen) as opened:
        from memory_editor.encoder import load_encoder

        count = opened.reindex(load_encoder(chosen.encoder))
        if as_json:
            output.print_json({"texts": count, "encoder": chosen.encoder})
            return
        typer.echo(f"encoded {count:,} texts with {chosen.encoder}")
