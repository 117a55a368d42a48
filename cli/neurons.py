"""The command about knowledge neurons: neurons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory_editor.cli import opening, options, output

if TYPE_CHECKING:
    from memory_editor.backends.neurons import Found


def neurons(
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPT", help="Prompts that ask for one fact.")],
    *,
    target: Annotated[str, typer.Option(metavar="TEXT", help="What is to come after the prompts.", show_default=False)],
    threshold: Annotated[
        float, typer.Option(metavar="SHARE", help="Which share of a prompt's greatest attribution counts.")
    ] = 0.2,
    share: Annotated[float, typer.Option(metavar="SHARE", help="For which share of the prompts it must count.")] = 0.4,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="How many steps an integral has.")] = 20,
    picture: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Draw how many each layer has, e.g. neurons.png.")
    ] = None,
    layout: options.Layout = None,
    model: options.Model = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    as_json: options.Json = False,
) -> None:
    """Find the neurons that make TEXT probable after each PROMPT.

    An attribution is what a neuron adds to the probability of TEXT, on average over the prompts.
    """
    from memory_editor.backends.neurons import Refinement, attribute, refined_neurons
    from memory_editor.backends.neurons.chart import draw_counts
    from memory_editor.backends.target_tokens import request_of

    if picture and not picture.parent.is_dir():  # before work of a minute
        raise typer.BadParameter(f"there is no folder {str(picture.parent)!r} for --output")
    refinement = Refinement(threshold=threshold, share=share)
    chosen = opening.settings(model=model, device=device, dtype=dtype)
    base = opening.language_model(chosen, layout)
    requests = [request_of(base, prompt, target) for prompt in prompts]
    attributions = attribute(base, requests, steps=steps, progress=output.progress)
    found = refined_neurons(attributions, refinement)
    counts = Counter(one.neuron.layer for one in found)
    by_layer = [counts[layer] for layer in range(len(attributions[0].scores))]
    if picture:
        draw_counts(by_layer, f"{len(found)} neurons of {base.name} for {output.one_line(target)!r}", picture)
    if as_json:
        rows = [{**asdict(one.neuron), "attribution": one.attribution, "share": one.share} for one in found]
        output.print_json({"prompts": prompts, "target": target, "neurons": rows, "by_layer": by_layer})
    else:
        _print(found, counts)
    if picture:
        output.note(f"wrote {picture}")


def _print(found: "Sequence[Found]", counts: Mapping[int, int]) -> None:
    rows = (
        (str(one.neuron.layer), str(one.neuron.index), f"{one.attribution:.2e}", f"{one.share:.0%}") for one in found
    )
    output.print_table(("LAYER", "NEURON", "ATTRIBUTION", "PROMPTS"), rows)
    typer.echo()
    output.print_table(("LAYER", "NEURONS"), [(str(layer), str(count)) for layer, count in sorted(counts.items())])
