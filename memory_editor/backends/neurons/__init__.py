"""Knowledge neurons (Dai et al. 2022): the neurons of MLPs that a fact is said to lie in, and edits of their values."""

from memory_editor.backends.neurons.attribution import Attribution, attribute
from memory_editor.backends.neurons.kn import KnowledgeNeurons, Operation
from memory_editor.backends.neurons.refinement import Found, Neuron, Refinement, coarse_neurons, refined_neurons

__all__ = [
    "Attribution",
    "Found",
    "KnowledgeNeurons",
    "Neuron",
    "Operation",
    "Refinement",
    "attribute",
    "coarse_neurons",
    "refined_neurons",
]
