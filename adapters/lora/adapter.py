"""A LoRA that makes a model follow the facts it reads before a prompt; learns nothing when a fact is added."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from peft import LoraConfig
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.adapters.facts import new_facts
from memory_editor.adapters.lora.injection import with_lora
from memory_editor.adapters.lora.low_rank import Lora, beside
from memory_editor.edits import Edit


class LoraAdapter:
    """The counterfactual model in SERAC's sense (Mitchell et al. 2022, section 3), without a second model.

    It is the base model with a LoRA (Hu et al. 2021) on its linear layers, in modules of its own over the same weights:
    the base model never has it on, whatever runs at the same time.
    """

    name = "lora"

    def __init__(self, config: LoraConfig, weights: Mapping[str, Tensor]) -> None:
        self.config = config
        self.weights = weights
        self._made: tuple[object, PreTrainedModel] | None = None

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return one line for each fact, in the order given."""
        del question, is_chat  # told alike before every question
        return new_facts(edits)

    @contextmanager
    def applied(self, model: PreTrainedModel, rows: Sequence[Sequence[Edit]]) -> Iterator[PreTrainedModel]:
        """Give the model with the LoRA on, which all rows share."""
        del rows
        yield self._on(model)

    def _on(self, model: PreTrainedModel) -> PreTrainedModel:
        """Return the model with the LoRA on, made anew only where `model` is another, or elsewhere, than before."""
        state = (id(model), model.device, model.dtype)
        if self._made is None or self._made[0] != state:
            self._made = state, beside(model, Lora.on(with_lora(model, self.config, self.weights)))
        return self._made[1]
