"""The commands that change a model's weights: edit, apply, revert."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from memory_editor.cli import opening, options, output
from memory_editor.config import Settings
from memory_editor.errors import ConfigError, DataError

if TYPE_CHECKING:
    from memory_editor.backends.base import Backend
    from memory_editor.backends.delta import Delta
    from memory_editor.backends.governor import Governor, Harm
    from memory_editor.backends.weights import WeightUndo
    from memory_editor.language_model import LanguageModel

Edits: TypeAlias = Annotated[
    Path, typer.Argument(metavar="EDITS", help="A .jsonl, .json or .csv file of edits, in any form that import reads.")
]
DeltaFolder: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DELTA", help="The folder that `memedit edit --delta` wrote.")
]
Output: TypeAlias = Annotated[
    Path, typer.Option("--output", metavar="DIR", help="Where what is made goes: a new or empty folder.")
]


def edit(
    file: Edits,
    *,
    folder: Output,
    method: Annotated[str, typer.Option("--backend", metavar="NAME", help="The method: rome, memit, ft-m, lora, …")],
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A hyper-parameter of the method; repeatable."),
    ] = None,
    moments: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Second moments, where the method takes them.")
    ] = None,
    as_delta: Annotated[
        bool, typer.Option("--delta", help="Write the change alone, for apply and revert, not the whole model.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse an edit that harms the model beyond a bound.")
    ] = False,
    max_perplexity: Annotated[
        float | None, typer.Option(metavar="RATIO", help="Perplexity at most, in multiples of that before.")
    ] = None,
    max_norm: Annotated[
        float | None,
        typer.Option(metavar="RATIO", help="The norm of a weight's change at most, in norms of the weight."),
    ] = None,
    text: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What perplexity is taken on, rather than a built-in text.")
    ] = None,
    layout: options.Layout = None,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Make edits in the weights of a model.

    What is written loads with plain `from_pretrained`. What the edits cost on ordinary text is told, and warned of
    beyond a bound.
    """
    from memory_editor.backends.delta import Delta
    from memory_editor.backends.saving import make_empty_folder, save_model
    from memory_editor.datasets import read_edits

    settings = options.pairs("--set", given) | ({"moments": str(moments)} if moments else {})
    backend = _backend(method, settings)
    governor = _governor(text, strict=strict, max_perplexity=max_perplexity, max_norm=max_norm)
    edits = read_edits(file)
    if not edits:
        raise DataError(f"{file} holds no edits; give at least one")
    make_empty_folder(folder)  # before work of minutes
    base = opening.language_model(opening.settings(model=model, device=device, dtype=dtype), layout)
    undo, harm = governor.edit(backend, base, edits, progress=output.progress)
    if as_delta:
        about = {"model": base.name, "backend": method, "settings": settings, "edits": [e.to_dict() for e in edits]}
        Delta.of(base, undo, about).save(folder)
    else:
        save_model(base, folder)
    _tell(harm, {"backend": method, "edits": len(edits)}, as_json=as_json)
    output.note(f"wrote {folder}")


def apply(
    delta: DeltaFolder,
    *,
    folder: Output,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Put a delta on the model that it was made for, and write the edited model."""
    from memory_editor.backends.delta import Delta

    _move(delta, Delta.apply, folder, opening.settings(model=model, device=device, dtype=dtype), as_json=as_json)


def revert(
    delta: DeltaFolder,
    *,
    folder: Output,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Take a delta off an edited model, and write the model as it was before."""
    from memory_editor.backends.delta import Delta

    _move(delta, Delta.revert, folder, opening.settings(model=model, device=device, dtype=dtype), as_json=as_json)


def _move(
    folder: Path, move: "Callable[[Delta, LanguageModel], WeightUndo]", target: Path, chosen: Settings, *, as_json: bool
) -> None:
    from memory_editor.backends.delta import Delta
    from memory_editor.backends.saving import make_empty_folder, save_model

    delta = Delta.load(folder)
    make_empty_folder(target)
    base = opening.language_model(chosen)
    move(delta, base)
    save_model(base, target)
    weights = sorted(delta.changes)
    if as_json:
        output.print_json({"weights": weights, "path": str(target)})
    else:
        typer.echo(f"changed {', '.join(weights)}")
    output.note(f"wrote {target}")


def _backend(name: str, settings: dict[str, str]) -> "Backend":
    from memory_editor.backends import registry

    found = registry.backend(name, settings)
    if name not in registry.CHANGING_WEIGHTS:
        rule = f"the backend {name!r} changes no weights, so there is no model to write"
        raise ConfigError(f"{rule}; choose one of {', '.join(registry.CHANGING_WEIGHTS)}")
    return found


def _governor(text: Path | None, **bounds: float | None) -> "Governor":
    from memory_editor.backends.governor import Governor
    from memory_editor.backends.text_windows import read_lines

    given: dict[str, Any] = {name: bound for name, bound in bounds.items() if bound is not None}
    return Governor(**given, texts=tuple(read_lines([text]))) if text else Governor(**given)


def _tell(harm: "Harm", about: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.print_json(about | _finite(asdict(harm)))
    else:
        typer.echo(
            f"perplexity on ordinary text: {harm.perplexity_before:.2f} before, {harm.perplexity_after:.2f} after"
        )
        name, norm = max(harm.norms.items(), key=lambda item: item[1])
        typer.echo(f"weights changed: {len(harm.norms)}, most {name}, by {norm:.4f} of its norm")
    for warning in harm.warnings:
        output.note(f"warning: {warning}")


def _finite(value: Any) -> Any:
    """Return JSON values with none in place of what is no number, which JSON has no name for."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
