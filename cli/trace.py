"""The command that shows where a model recalls a fact: trace."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from memory_editor.cli import opening, options, output

if TYPE_CHECKING:
    from memory_editor.language_model import LanguageModel
    from memory_editor.tracing import AverageTrace, Trace, TraceSettings

_SHADES: Final = "·░▒▓█"


def trace(
    prompt: Annotated[str | None, typer.Argument(metavar="[PROMPT]", show_default=False)] = None,
    *,
    subject: options.Subject = None,
    target: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The answer to trace, rather than the model's own.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Average over the prompts of a file, .json or .jsonl, instead."),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only N prompts of the file.")] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Restore only layer, mlp or attention; repeatable."),
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="How many noises to average over.")] = 10,
    noise: Annotated[float | None, typer.Option(metavar="STD", help="How strong the noise is.")] = None,
    window: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many layers of MLP or attention to restore at once.")
    ] = 10,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides the noise.")] = 0,
    picture: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Draw a heat map, e.g. trace.png.")
    ] = None,
    layout: options.Layout = None,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Trace where the model recalls what comes after PROMPT.

    The subject is corrupted with noise, and each state of each token and layer restored in turn: the table shows how
    much of the answer's probability that brings back.
    """
    from memory_editor.tracing import Kind, TraceSettings, kind_named
    from memory_editor.tracing.heat_map import draw_trace

    _check_what_to_trace(prompt, subject, target, file)
    if picture and not picture.parent.is_dir():  # before work of minutes
        raise typer.BadParameter(f"there is no folder {str(picture.parent)!r} for --output")
    settings = TraceSettings(
        kinds=tuple(map(kind_named, kinds or Kind)),
        samples=samples,
        noise=noise,
        window=window,
        seed=seed,
    )
    chosen = opening.settings(model=model, device=device, dtype=dtype)
    base = opening.language_model(chosen, layout)
    traced = _averaged(base, file, settings, limit) if file else _traced(base, prompt, subject, target, settings)
    if picture:
        draw_trace(traced, picture)
    if as_json:
        output.print_json(traced.to_dict(), indent=None)
    else:
        _print(traced)
    if picture:
        output.note(f"wrote {picture}")


def _check_what_to_trace(prompt: str | None, subject: str | None, target: str | None, file: Path | None) -> None:
    if file and (prompt or subject or target):
        raise typer.BadParameter("--file gives the prompts with their subjects and targets; give nothing beside it")
    if not file and not (prompt and subject):
        raise typer.BadParameter("give PROMPT and --subject, a part of it, or --file")


def _traced(
    base: "LanguageModel", prompt: str | None, subject: str | None, target: str | None, settings: "TraceSettings"
) -> "Trace":
    from memory_editor.tracing import trace as traced

    return traced(base, prompt or "", subject or "", target=target, settings=settings, progress=output.progress)


def _averaged(base: "LanguageModel", file: Path, settings: "TraceSettings", limit: int | None) -> "AverageTrace":
    from memory_editor.tracing import average, read_prompts, trace_each

    prompts = read_prompts(file)
    traces = trace_each(base, prompts, settings, limit=limit, progress=output.progress)
    return average(traces)


def _print(traced: "Trace | AverageTrace") -> None:
    """Print what each state brings back: a table a kind, a row a token, a mark a layer, darkest at the greatest."""
    from memory_editor.tracing.heat_map import labels_of, title_of

    typer.echo(title_of(traced))
    greatest = max(float(effects.max()) for effects in traced.effects.values())
    for kind, effects in traced.effects.items():
        columns = (kind.value, f"layers 0 to {effects.shape[1] - 1}", "greatest", "at")
        rows = [
            (label, "".join(_shade(effect, greatest) for effect in row), f"{row.max():.3f}", str(row.argmax()))
            for label, row in zip(labels_of(traced), effects, strict=True)
        ]
        typer.echo()
        output.print_table(columns, rows)


def _shade(effect: float, greatest: float) -> str:
    share = max(0.0, effect / greatest) if greatest > 0 else 0.0
    return _SHADES[round(share * (len(_SHADES) - 1))]
