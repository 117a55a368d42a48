"""Which neurons a fact is said to lie in, given what neurons do for several prompts; knows no model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from memory_editor.backends.neurons.attribution import Attribution
from memory_editor.errors import ConfigError


@dataclass(frozen=True, order=True)
class Neuron:
    """A neuron of a model: the number of the block, and that of the neuron in its MLP, both from 0."""

    layer: int
    index: int


@dataclass(frozen=True)
class Found:
    """A neuron that a fact is said to lie in."""

    neuron: Neuron
    attribution: float
    """What it adds to the probability of the target, on average over the prompts."""
    activation: float
    """What it is at the end of the prompts, on average."""
    share: float
    """For how many of the prompts it counts."""


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """How attributions become neurons (Dai et al. 2022, section 3.3)."""

    threshold: float = 0.2
    """At what share of a prompt's greatest attribution a neuron counts for it, as published."""
    share: float = 0.4
    """For what share of the prompts a neuron must count; published are 0.7 and, in later code, 0.4."""

    def __post_init__(self) -> None:
        for name in ("threshold", "share"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie above 0 and at most at 1, got {getattr(self, name)}")


def coarse_neurons(attribution: Attribution, threshold: float) -> set[Neuron]:
    """Return the neurons that count for one prompt; none where no neuron helps its target."""
    greatest = attribution.scores.max()
    is_kept = (attribution.scores >= threshold * greatest) & (attribution.scores > 0)
    return {Neuron(layer, index) for layer, index in is_kept.nonzero().tolist()}


def refined_neurons(attributions: Sequence[Attribution], refinement: Refinement) -> list[Found]:
    """Return the neurons that count for enough of the prompts, those that add most first."""
    counts = Counter(neuron for one in attributions for neuron in coarse_neurons(one, refinement.threshold))
    scores = torch.stack([one.scores for one in attributions]).mean(0)
    activations = torch.stack([one.activations for one in attributions]).mean(0)
    found = [
        Found(
            neuron,
            float(scores[neuron.layer, neuron.index]),
            float(activations[neuron.layer, neuron.index]),
            count / len(attributions),
        )
        for neuron, count in counts.items()
        if count >= refinement.share * len(attributions)
    ]
    return sorted(found, key=lambda one: (-one.attribution, one.neuron))
