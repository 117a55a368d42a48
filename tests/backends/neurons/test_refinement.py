"""Neurons count by their share of the greatest attribution, and by the share of prompts for which they do."""

import pytest
import torch

from memory_editor.backends.neurons import Attribution, Neuron, Refinement, coarse_neurons, refined_neurons
from memory_editor.backends.neurons.refinement import Found
from memory_editor.errors import ConfigError


def attribution(*scores: list[float]) -> Attribution:
    return Attribution(torch.tensor(scores), 10 * torch.tensor(scores))


ONE = attribution([1.0, 0.5, 0.0], [0.25, -2.0, 0.0])
OTHER = attribution([0.5, 0.0, 0.0], [0.0, 1.0, 0.0])


def test_a_neuron_counts_from_a_share_of_the_greatest_on() -> None:
    assert coarse_neurons(ONE, 0.25) == {Neuron(0, 0), Neuron(0, 1), Neuron(1, 0)}
    assert coarse_neurons(ONE, 0.26) == {Neuron(0, 0), Neuron(0, 1)}


def test_what_makes_the_target_less_probable_never_counts() -> None:
    assert coarse_neurons(attribution([-1.0, 0.0]), 0.2) == set()
    assert refined_neurons([attribution([-1.0, 0.0])], Refinement()) == []


def test_a_neuron_must_count_for_a_share_of_the_prompts() -> None:
    both = Found(Neuron(0, 0), 0.75, 7.5, 1.0)
    assert refined_neurons([ONE, OTHER], Refinement(threshold=0.4, share=0.6)) == [both]
    some = [both, Found(Neuron(0, 1), 0.25, 2.5, 0.5), Found(Neuron(1, 1), -0.5, -5.0, 0.5)]
    assert refined_neurons([ONE, OTHER], Refinement(threshold=0.4, share=0.5)) == some


@pytest.mark.parametrize("options", [{"threshold": 0.0}, {"threshold": 1.1}, {"share": 0.0}, {"share": 2.0}])
def test_shares_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must lie above 0 and at most at 1"):
        Refinement(**options)
