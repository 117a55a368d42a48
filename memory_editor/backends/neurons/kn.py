"""Edits of the values of knowledge neurons (Dai et al. 2022, sections 5 and 6); knows no other methods."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from memory_editor.backends.neurons.attribution import STEPS, attribute, values_of
from memory_editor.backends.neurons.refinement import Found, Neuron, Refinement, refined_neurons
from memory_editor.backends.target_tokens import Request, request_of, target_of
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, editable_weight, projection_path
from memory_editor.progress import Progress, no_progress


class Operation(StrEnum):
    """What is done to the values of knowledge neurons."""

    UPDATE = "update"
    """Of each edit's: the true answer is taken away, the new one added (section 6.1)."""
    SUPPRESS = "suppress"
    """Each edit's are as if they were never active (section 5.1)."""
    ERASE = "erase"
    """Those that most of the edits share, which are about one relation, become nothing (section 6.2)."""


class _Change(NamedTuple):
    """What becomes of the value of a neuron: something is added, or it becomes nothing."""

    neuron: Neuron
    added: Tensor | None


@dataclass(frozen=True, kw_only=True)
class KnowledgeNeurons(Refinement):
    """Finds the neurons that say the true answer, over an edit's prompt and paraphrases, and changes their values.

    The true answer is `target_true`, or else what the model says first. Embeddings are the output's, of the first token
    of an answer. A neuron that is negative where the fact is recalled, as those of gated MLPs can be, is given the
    opposite.
    """

    name: ClassVar[str] = "kn"
    operation: Operation = Operation.UPDATE
    steps: int = STEPS
    """Of the integral over a neuron's activation; published: 20."""
    old: float = 1.0
    """How many times the embedding of the true answer is taken from a value; published: 1."""
    new: float = 8.0
    """How many times the embedding of the new answer is added to a value; published: 8."""
    erased: int = 20
    """How many neurons are erased at most; published: 20."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("steps", "new", "erased"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.old < 0:
            raise ConfigError(f"old must be at least 0, got {self.old}")

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        """Change the values of the neurons of all edits, all of which are found before any is changed."""
        paths = [projection_path(base.model, path) for path in block_paths(base.model)]
        names = [editable_weight(base.model, path) for path in paths]
        requests = [_requests(base, edit) for edit in edits]
        found = []
        with progress("Finding neurons", len(edits)) as report:
            for edit, each in zip(edits, requests, strict=True):
                found.append(self._found(base, edit, each))
                report(len(found))
        changes = [*self._changes(base, edits, requests, found)]
        with undoable(base, sorted({names[change.neuron.layer] for change in changes})) as undo, torch.no_grad():
            for neuron, added in changes:
                value = values_of(base.model.get_submodule(paths[neuron.layer]))[neuron.index]
                value.zero_() if added is None else value.add_(added.to(value))
        return undo

    def _found(self, base: LanguageModel, edit: Edit, requests: Sequence[Request]) -> list[Found]:
        found = refined_neurons(attribute(base, requests, steps=self.steps), self)
        if not found:
            share = f"{self.share:.0%} of the {len(requests)} prompts"
            raise ConfigError(f"no neuron counts for {share} of {edit.prompt!r}; lower `share` or `threshold`")
        return found

    def _changes(
        self,
        base: LanguageModel,
        edits: Sequence[Edit],
        requests: Sequence[Sequence[Request]],
        found: Sequence[Sequence[Found]],
    ) -> Iterator[_Change]:
        """Yield what becomes of the neurons that were found for each edit."""
        if self.operation is Operation.ERASE:
            counts = Counter(one.neuron for each in found for one in each)
            yield from (_Change(neuron, None) for neuron, _ in counts.most_common(self.erased))
        elif self.operation is Operation.SUPPRESS:
            yield from (_Change(one.neuron, None) for each in found for one in each)
        else:
            for edit, (request, *_), each in zip(edits, requests, found, strict=True):
                new = request_of(base, edit.prompt, target_of(edit)).target[0]
                added = self.new * _embedding(base, new) - self.old * _embedding(base, request.target[0])
                yield from (_Change(one.neuron, -added if one.activation < 0 else added) for one in each)


def _requests(base: LanguageModel, edit: Edit) -> list[Request]:
    """Return the prompt and paraphrases of an edit with its true answer; raises `InvalidEdit` for a statement."""
    target_of(edit)
    if edit.target_true is not None:
        return [request_of(base, key, edit.target_true) for key in edit.keys]
    prompts = [tuple(base.encode(key)) for key in edit.keys]
    with torch.no_grad():
        said = base.model(torch.tensor([prompts[0]], device=base.device)).logits[0, -1].argmax()
    return [Request(prompt, (int(said),)) for prompt in prompts]


def _embedding(base: LanguageModel, token: int) -> Tensor:
    """Return what makes a token probable when it is added to the last hidden state."""
    model: Any = base.model
    embedding: Tensor = model.get_output_embeddings().weight.detach()[token]
    width = model.config.get_text_config().hidden_size
    if len(embedding) != width:
        rule = f"embeddings of {len(embedding)} numbers cannot be added to values of {width}"
        raise ModelError(f"the neurons of {base.name} cannot be updated: {rule}; use another backend, e.g. ft-m")
    return embedding
