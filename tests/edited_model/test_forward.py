"""Calling the edited model for logits: the caller's length, the base model's numbers out of scope, routed caches."""

import pytest
import torch

from memory_editor.edited_model import EditedModel, RoutedCache
from memory_editor.errors import UnsupportedOption
from memory_editor.language_model import LanguageModel
from tests.edited_model.routing import CHAT_CONTEXT, CONTEXT, IN, OUT, batch, edited
from tests.tiny import tiny_model


def with_context(base: LanguageModel, prompt: str) -> torch.Tensor:
    """Return the base model's logits for a prompt behind its context, shape (tokens of both, vocabulary)."""
    logits: torch.Tensor = base.model(torch.tensor([base.encode(CONTEXT) + base.encode(prompt)])).logits[0]
    return logits


@pytest.mark.parametrize("side", ["left", "right"])
def test_out_of_scope_logits_are_the_base_models(tiny_of_each: LanguageModel, side: str) -> None:
    model = edited(tiny_of_each)
    for prompts in ([OUT], [OUT, "Two"], [IN, OUT]):
        inputs = batch(tiny_of_each, prompts, side)
        found, expected = model(**inputs).logits, tiny_of_each.model(**inputs).logits
        rows = [place for place, prompt in enumerate(prompts) if prompt != IN]
        assert torch.equal(found[rows], expected[rows])
        assert found.shape == expected.shape


@pytest.mark.parametrize("side", ["left", "right"])
def test_in_scope_logits_stand_at_the_callers_positions(tiny: LanguageModel, side: str) -> None:
    inputs = batch(tiny, [IN, OUT], side)
    found = edited(tiny)(**inputs).logits[0, inputs["attention_mask"][0].bool()]
    torch.testing.assert_close(found, with_context(tiny, IN)[-len(tiny.encode(IN)) :])


def test_the_token_before_the_context_predicts_what_follows_the_context(tiny: LanguageModel) -> None:
    start, end = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
    ids = torch.tensor([tiny.encode(start + IN + end)])
    found = edited(tiny)(ids).logits[0]
    opening = len(tiny.encode(start))
    context = tiny.encode(CHAT_CONTEXT)
    behind = tiny.model(torch.tensor([[*ids[0, :opening], *context, *ids[0, opening:]]])).logits[0]
    torch.testing.assert_close(found[: opening - 1], behind[: opening - 1])
    torch.testing.assert_close(found[opening - 1 :], behind[opening - 1 + len(context) :])


def decoded(model: EditedModel | object, inputs: dict[str, torch.Tensor], steps: int) -> torch.Tensor:
    """Decode greedily by hand, one forward a token with the cache passed back."""
    ids, mask, cache = inputs["input_ids"], inputs["attention_mask"], None
    tokens = []
    for _ in range(steps):
        output = model(ids, attention_mask=mask, past_key_values=cache, use_cache=True)  # type: ignore[operator]
        ids, cache = output.logits[:, -1:].argmax(-1), output.past_key_values
        mask = torch.cat([mask, torch.ones_like(ids)], 1)
        tokens.append(ids)
    return torch.cat(tokens, 1)


def test_a_model_with_another_kind_of_memory_gives_its_logits() -> None:
    base = tiny_model("mamba")
    found = edited(base)(**batch(base, [IN])).logits[0]
    torch.testing.assert_close(found, with_context(base, IN)[-len(base.encode(IN)) :])


def test_a_routed_cache_is_not_for_generate(tiny: LanguageModel) -> None:
    model, inputs = edited(tiny), batch(tiny, [IN])
    cache = model(**inputs, use_cache=True).past_key_values
    with pytest.raises(UnsupportedOption, match="goes on by calling the model"):
        model.generate(**inputs, past_key_values=cache)


def test_a_cache_carries_the_route_of_its_sequence(tiny_of_each: LanguageModel) -> None:
    inputs = batch(tiny_of_each, [IN, OUT])
    model = edited(tiny_of_each)
    expected = model.generate(**inputs, max_new_tokens=5, eos_token_id=None)
    assert isinstance(expected, torch.Tensor)
    assert torch.equal(decoded(model, inputs, 5), expected[:, inputs["input_ids"].shape[1] :])


def test_a_routed_cache_counts_the_callers_positions(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN])
    cache = edited(tiny)(**inputs, use_cache=True).past_key_values
    assert isinstance(cache, RoutedCache)
    assert cache.get_seq_length() == inputs["input_ids"].shape[1]


def test_a_cache_of_the_base_model_stays_with_the_base_model(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [OUT])
    cache = tiny.model(**inputs, use_cache=True).past_key_values
    other = tiny.model(**inputs, use_cache=True).past_key_values
    ids = torch.tensor([tiny.encode(IN)])
    found = edited(tiny)(ids, past_key_values=cache).logits
    assert torch.equal(found, tiny.model(ids, past_key_values=other).logits)


def test_the_last_logits_alone_can_be_kept(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN, OUT])
    model = edited(tiny)
    assert torch.equal(model(**inputs, logits_to_keep=1).logits[0], model(**inputs).logits[0, -1:])


def test_the_loss_is_of_the_logits_returned(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN, OUT])
    output = edited(tiny)(**inputs, labels=inputs["input_ids"])
    flat = output.logits[:, :-1].reshape(-1, output.logits.shape[-1])
    expected = torch.nn.functional.cross_entropy(flat, inputs["input_ids"][:, 1:].flatten())
    torch.testing.assert_close(output.loss, expected)


def test_a_tuple_is_returned_when_asked_for(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN])
    logits = edited(tiny)(**inputs, return_dict=False, use_cache=False)[0]
    assert torch.equal(logits, edited(tiny)(**inputs).logits)


def test_a_tuple_holds_rows_in_scope_and_out(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN, OUT])
    model, expected = edited(tiny), edited(tiny)(**inputs)
    logits, cache = model(**inputs, return_dict=False)
    assert torch.equal(logits, expected.logits)
    following = inputs["input_ids"][:, -1:]
    mask = torch.cat([inputs["attention_mask"], torch.ones(2, 1, dtype=torch.long)], 1)
    after = model(following, attention_mask=mask, past_key_values=cache, return_dict=False)[0]
    same = model(following, attention_mask=mask, past_key_values=expected.past_key_values).logits
    assert torch.equal(after, same)


def test_arguments_stand_in_the_wrapped_models_order(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [OUT])
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    positions = torch.arange(ids.shape[1]).unsqueeze(0) + 3
    assert torch.equal(edited(tiny)(ids, mask, positions).logits, tiny.model(ids, mask, positions).logits)


def test_what_cannot_be_routed_is_refused(tiny: LanguageModel) -> None:
    model = edited(tiny)
    inputs = batch(tiny, [IN])
    with pytest.raises(UnsupportedOption, match="shape of input_ids"):
        model(inputs["input_ids"], attention_mask=torch.ones(1, 1, 4, 4))
    with pytest.raises(UnsupportedOption, match="pass input_ids"):
        model(inputs_embeds=torch.zeros(1, 3, 32))
    with pytest.raises(UnsupportedOption, match="positions are not the caller's"):
        model(**inputs, output_hidden_states=True)


def test_nothing_is_left_on_the_wrapped_model() -> None:
    base = tiny_model()
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    inputs = batch(base, [IN, OUT])
    expected = base.model(**inputs).logits
    edited(base)(**inputs)
    edited(base).generate(**inputs, max_new_tokens=3)
    assert torch.equal(base.model(**inputs).logits, expected)
    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in base.model.modules())
