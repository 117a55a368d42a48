"""What is read and changed at one token is what the whole model has there."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.locating.recall import Site
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path
from tests.tiny import tiny_model

TEXTS = [[5, 6, 7, 8], [9, 10], [11]]


def seen(base: LanguageModel, path: str, text: list[int]) -> tuple[Tensor, Tensor]:
    """Return what a module is given and returns at the last token of a text, by a hook of PyTorch."""
    model, found = sharing_weights(base.model), list[Tensor]()

    def keep(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        given = args[0] if args else kwargs["hidden_states"]
        returned = output[0] if isinstance(output, tuple) else output
        found.extend(value.reshape(len(text), -1)[-1] for value in (given, returned))

    model.get_submodule(path).register_forward_hook(keep, with_kwargs=True)
    model(torch.tensor([text]))
    return found[0], found[1]


@torch.no_grad()
def test_what_is_read_is_what_the_whole_model_has(tiny_of_each: LanguageModel) -> None:
    block = block_paths(tiny_of_each.model)[1]
    for path in (block, projection_path(tiny_of_each.model, block)):
        site = Site(sharing_weights(tiny_of_each.model), path)
        given, returned = zip(*(seen(tiny_of_each, path, text) for text in TEXTS), strict=True)
        torch.testing.assert_close(site.given(TEXTS), torch.stack(given))
        torch.testing.assert_close(site.returned(TEXTS), torch.stack(returned))


@torch.no_grad()
def test_what_is_added_counts_at_the_first_column_alone(tiny_of_each: LanguageModel) -> None:
    model = sharing_weights(tiny_of_each.model)
    block = block_paths(model)[-1]
    plain = model(torch.tensor([[5, 6], [7, 8]])).logits
    for path in (block, projection_path(model, block)):
        with Site(model, path).adding(torch.ones(2, 32)) as returned:
            changed = model(torch.tensor([[5, 6], [7, 8]])).logits
        torch.testing.assert_close(returned[0], torch.stack([seen(tiny_of_each, path, [id_])[1] for id_ in (5, 7)]))
        assert not torch.isclose(changed[:, 0], plain[:, 0]).all()
        torch.testing.assert_close(changed[:, 1], plain[:, 1])
    assert torch.equal(model(torch.tensor([[5, 6], [7, 8]])).logits, plain)


def test_many_texts_are_read_in_batches(tiny: LanguageModel) -> None:
    site = Site(sharing_weights(tiny.model), "model.layers.1.mlp.down_proj")
    texts = [[5 + number % 7] * (1 + number % 3) for number in range(150)]
    found = site.given(texts)
    assert found.shape == (150, 64)
    torch.testing.assert_close(found[149], site.given([texts[149]])[0])


def test_an_error_in_the_model_is_not_swallowed() -> None:
    base = tiny_model()
    with pytest.raises(IndexError):
        Site(sharing_weights(base.model), "model.layers.0").returned([[10_000]])
