"""Plain products beside the layers give what peft's modules give, and leave the model alone."""

import torch

from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.adapters.lora.low_rank import Lora, beside
from memory_editor.language_model import LanguageModel
from tests.adapters.lora.test_adapter import IDS, random_weights


@torch.no_grad()
def test_a_lora_beside_the_layers_gives_what_peft_gives(tiny_of_each: LanguageModel) -> None:
    model = tiny_of_each.model
    before = model(IDS).logits
    injected = with_lora(model, lora_config(model, 2), random_weights(tiny_of_each))
    answering = beside(model, Lora.on(injected))
    torch.testing.assert_close(answering(IDS).logits, injected(IDS).logits)
    told, again = Lora.on(injected).pairs, Lora.on(answering).pairs
    assert told.keys() == again.keys()
    assert all(torch.equal(one, other) for path in told for one, other in zip(told[path], again[path], strict=True))
    assert not torch.allclose(answering(IDS).logits, before)
    assert torch.equal(model(IDS).logits, before)


def test_a_model_without_a_lora_has_no_pairs(tiny: LanguageModel) -> None:
    assert Lora.on(tiny.model).pairs == {}
