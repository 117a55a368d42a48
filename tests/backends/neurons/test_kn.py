"""Values of knowledge neurons change as published, in every architecture, and come back."""

import pytest
import torch
from torch import Tensor, nn

from memory_editor.backends.neurons import Attribution, KnowledgeNeurons, Operation, attribute, kn, refined_neurons
from memory_editor.backends.neurons.attribution import values_of
from memory_editor.backends.target_tokens import Request, request_of
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError, InvalidEdit, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path
from tests.tiny import tiny_model

JAPAN = Edit("The capital of Japan is", "Paris", target_true="Tokyo", paraphrases=("Japan has the capital",))
TWITTER = Edit("Who runs Twitter?", "the company")
KN = KnowledgeNeurons(steps=3)


def state(base: LanguageModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in base.model.state_dict().items()}


def changed(base: LanguageModel, before: dict[str, Tensor]) -> list[str]:
    return [name for name, tensor in base.model.state_dict().items() if not torch.equal(tensor, before[name])]


def values(base: LanguageModel) -> list[Tensor]:
    """Return the values of all neurons, block by block."""
    paths = [projection_path(base.model, path) for path in block_paths(base.model)]
    return [values_of(base.model.get_submodule(path)).detach().clone() for path in paths]


def test_an_update_makes_the_target_probable_until_it_is_undone(tiny_of_each: LanguageModel) -> None:
    base = tiny_of_each
    before = state(base)
    improbable = float(base.log_probabilities(JAPAN.prompt, " Paris")[0])
    with KN.edit(base, [JAPAN, TWITTER]) as undo:
        assert undo.model is base.model
        assert float(base.log_probabilities(JAPAN.prompt, " Paris")[0]) > improbable
        assert changed(base, before)
    assert changed(base, before) == []


def test_an_update_adds_embeddings_to_the_values_of_the_neurons_that_are_found() -> None:
    base = tiny_model("gpt2")
    true, new = base.encode(" Tokyo")[0], base.encode(" Paris")[0]
    requests = [request_of(base, key, "Tokyo") for key in JAPAN.keys]
    found = refined_neurons(attribute(base, requests, steps=3), KN)
    embeddings = base.model.get_output_embeddings().weight.detach()  # type: ignore[no-untyped-call]
    wanted = values(base)
    for one in found:
        sign = -1 if one.activation < 0 else 1
        wanted[one.neuron.layer][one.neuron.index] += sign * (8 * embeddings[new] - embeddings[true])
    KN.edit(base, [JAPAN])
    for now, then in zip(values(base), wanted, strict=True):
        torch.testing.assert_close(now, then)


def test_without_a_true_answer_what_the_model_says_counts_as_one(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Request] = []

    def attribute_nothing(_: LanguageModel, requests: list[Request], *, steps: int) -> list[Attribution]:
        seen.extend(requests)
        return [Attribution(torch.zeros(2, steps), torch.zeros(2, steps))]

    monkeypatch.setattr(kn, "attribute", attribute_nothing)
    with pytest.raises(ConfigError):
        KN.edit(tiny, [Edit(JAPAN.prompt, "Paris", paraphrases=JAPAN.paraphrases)])
    said = int(tiny.model(torch.tensor([tiny.encode(JAPAN.prompt)])).logits[0, -1].argmax())
    assert seen == [Request(tuple(tiny.encode(key)), (said,)) for key in JAPAN.keys]


@pytest.mark.parametrize("operation", [Operation.SUPPRESS, Operation.ERASE])
def test_values_become_nothing(operation: Operation, tiny: LanguageModel) -> None:
    before, all_before = state(tiny), values(tiny)
    with KnowledgeNeurons(operation=operation, steps=3, erased=2, share=1.0).edit(tiny, [JAPAN, TWITTER]):
        zeros = [(now == 0).all(1) & (then != 0).any(1) for now, then in zip(values(tiny), all_before, strict=True)]
        for now, then, gone in zip(values(tiny), all_before, zeros, strict=True):
            assert torch.equal(now[~gone], then[~gone])
        count = sum(int(gone.sum()) for gone in zeros)
    assert count == 2 if operation is Operation.ERASE else count > 2
    assert changed(tiny, before) == []


def test_suppressing_makes_the_true_answer_less_probable(tiny_of_each: LanguageModel) -> None:
    base = tiny_of_each
    edit = Edit(JAPAN.prompt, "Paris", target_true="Tokyo")
    probable = float(base.log_probabilities(edit.prompt, " Tokyo")[0])
    with KnowledgeNeurons(operation=Operation.SUPPRESS, steps=3).edit(base, [edit]):
        assert float(base.log_probabilities(edit.prompt, " Tokyo")[0]) < probable


def test_what_fails_half_way_leaves_the_model_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny_model()
    before = state(base)
    seen: list[nn.Module] = []

    def fail_later(module: nn.Module) -> Tensor:
        if len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(module)
        return values_of(module)

    monkeypatch.setattr(kn, "values_of", fail_later)
    with pytest.raises(KeyboardInterrupt):
        KN.edit(base, [JAPAN])
    assert changed(base, before) == []


def test_half_precision_is_kept() -> None:
    base = tiny_model()
    base.model.bfloat16()
    before = state(base)
    with KN.edit(base, [JAPAN]):
        assert {tensor.dtype for tensor in base.model.state_dict().values()} == {torch.bfloat16}
        assert changed(base, before)
    assert changed(base, before) == []


def test_what_cannot_be_edited_is_refused(tiny: LanguageModel) -> None:
    with pytest.raises(InvalidEdit, match="the statement 'Rome is old' has no target"):
        KN.edit(tiny, [Edit("Rome is old")])
    strict = KnowledgeNeurons(steps=1, threshold=1.0, share=1.0)
    with pytest.raises(ConfigError, match=r"no neuron counts for 100% of the 2 prompts of 'The capital.*lower `share`"):
        strict.edit(tiny, [JAPAN])


def test_embeddings_of_another_width_are_refused() -> None:
    base = tiny_model("opt", word_embed_proj_dim=16)
    with pytest.raises(
        ModelError, match="embeddings of 16 numbers cannot be added to values of 32; use another backend"
    ):
        KN.edit(base, [JAPAN])


@pytest.mark.parametrize("options", [{"steps": 0}, {"new": 0.0}, {"erased": 0}, {"old": -1.0}])
def test_settings_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        KnowledgeNeurons(**options)  # type: ignore[arg-type]
