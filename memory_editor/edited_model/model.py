"""A stand-in for a Hugging Face causal language model that answers from edits where a prompt is in their scope."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

import torch
from torch import Tensor
from transformers.modeling_outputs import CausalLMOutputWithPast

from memory_editor.adapters.base import Adapter
from memory_editor.edited_model.generation import (
    Output,
    effective_config,
    inner_options,
    merged_output,
    refuse_traces,
)
from memory_editor.edited_model.prompts import ChatFormat, Prompt, read_prompt
from memory_editor.edited_model.rows import InScopeRows, positions_of, with_context
from memory_editor.edits import Edit
from memory_editor.errors import PromptTooLong, UnsupportedOption
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Route

RouteFunction = Callable[[Sequence[str]], list[Route]]


@dataclass
class RoutedCache:
    """The key-value caches of a batch of which some rows are in scope; with them goes the route of the sequence."""

    base: Any
    """The base model's cache of the whole batch; none where every row is in scope."""
    inner: Any
    """The cache of the in-scope rows with their context."""
    rows: Tensor
    """The places of the in-scope rows in the batch."""
    edits: tuple[tuple[Edit, ...], ...]
    """What answers each of them."""
    inner_mask: Tensor
    """Attention mask of the in-scope rows, shape (rows, length with context)."""
    length: int
    """How many of the caller's positions are cached."""

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return how many of the caller's positions are cached."""
        return self.length


class EditedModel:
    """A causal language model whose rows are answered by edits or by the untouched base model, each on its own.

    Works wherever the wrapped model does: `generate`, calling it for logits, and a text-generation pipeline; everything
    else is the wrapped model's own. Rows out of scope equal, bit for bit, what the wrapped model gives for the same
    tensors and options: whenever there is such a row, it runs on the whole batch as given, before the rows in scope.
    """

    def __init__(self, base: LanguageModel, route: RouteFunction, adapter: Adapter) -> None:
        own = {
            "_base": base.model,
            "_tokenizer": base.tokenizer,
            "_window": base.context_window,
            "_route": route,
            "_adapter": adapter,
            "_chat": ChatFormat.of(base.tokenizer),
            "_takes_positions": "position_ids" in inspect.signature(base.model.forward).parameters,
        }
        self.__dict__.update(own)

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        """The class of the wrapped model, so that `isinstance` and checks by name hold as for the model itself."""
        return type(self._base)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__dict__["_base"], name)
        if not inspect.ismethod(value):
            return value

        @wraps(value)
        def call(*args: Any, **kwargs: Any) -> Any:
            result = value(*args, **kwargs)
            # `model.to(device)` and the like return the model, which must stay the edited one.
            return self if result is self._base else result

        return call

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._base, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what `forward` does; what has no name is what it is for the wrapped model."""
        if not args:
            return self.forward(**kwargs)
        names = inspect.signature(self._base.forward).parameters
        return self.forward(**dict(zip(names, args, strict=False)), **kwargs)

    def generate(self, inputs: Tensor | None = None, generation_config: Any = None, **options: Any) -> Output:
        """Generate as the wrapped model's `generate` does; returns the caller's ids and the new ones.

        Raises `UnsupportedOption` for what a prompt with context cannot give: attentions and hidden states.
        """
        if generation_config is not None:
            options["generation_config"] = generation_config
        output, _ = self.generate_routed(inputs, **options)
        return output

    @torch.no_grad()
    def generate_routed(self, inputs: Tensor | None = None, **options: Any) -> tuple[Output, list[Route]]:
        """Return what `generate` does, and the route of every row; no routes for inputs that are no prompts."""
        ids = inputs if inputs is not None else options.get("input_ids")
        if isinstance(options.get("past_key_values"), RoutedCache):
            raise UnsupportedOption(
                "the cache of a routed sequence goes on by calling the model, not by `generate`; leave it out"
            )
        if ids is None or _length(options.get("past_key_values")):
            return self._base.generate(inputs, **_without_embeddings(options)), []
        config, _ = effective_config(self._base, options)
        mask = options.get("attention_mask")
        mask = _mask_of(ids, config.pad_token_id) if mask is None else mask
        prompts, routes = self._routed(ids, mask)
        if not any(route.in_scope for route in routes):
            return self._base.generate(inputs, **options), routes
        rows = self._with_context(prompts, routes, ids.device)
        own = {name: value for name, value in options.items() if name not in _INPUTS}
        inner = inner_options(self._base, own, ids, mask, rows)
        # First, so that it draws from the generator in the state in which the caller left it.
        base = None if all(route.in_scope for route in routes) else self._base.generate(inputs, **options)
        with self._adapter.applied(self._base, rows.edits) as model:
            answered = model.generate(rows.ids, attention_mask=rows.mask, **inner)
        return merged_output(ids, rows, base, answered, config), routes

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> Any:
        """Return logits of the caller's length; a cache that is passed back carries the route of its sequence."""
        given = {"attention_mask": attention_mask, "past_key_values": past_key_values, **options}
        if isinstance(past_key_values, RoutedCache):
            return self._continued(input_ids, given, labels)
        if input_ids is None or _length(past_key_values):
            return self._base(input_ids, **_without_embeddings(given), labels=labels)
        prompts, routes = self._routed(input_ids, attention_mask)
        if not any(route.in_scope for route in routes):
            return self._base(input_ids, **given, labels=labels)
        refuse_traces(options.get("output_attentions"), options.get("output_hidden_states"))
        rows = self._with_context(prompts, routes, input_ids.device)
        base = None if all(route.in_scope for route in routes) else self._base(input_ids, **given | _NAMED)
        inner = self._inner(rows.edits, rows.ids, rows.mask, rows.positions, use_cache=options.get("use_cache"))
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        own = inner.logits.new_zeros(len(rows.rows), input_ids.shape[1], inner.logits.shape[-1])
        for place, row in enumerate(rows.rows.tolist()):
            own[place, mask[row].bool()] = inner.logits[place, rows.sources[place]]
        cache = None
        # A model with another kind of memory than keys and values has none to pass back.
        if (own_cache := getattr(inner, "past_key_values", None)) is not None:
            base_cache = base.past_key_values if base is not None else None
            cache = RoutedCache(base_cache, own_cache, rows.rows, rows.edits, rows.mask, input_ids.shape[1])
        return self._output(base, own, rows.rows, cache, labels, options)

    def _continued(self, input_ids: Tensor | None, given: dict[str, Any], labels: Tensor | None) -> Any:
        """Answer for the next tokens of a sequence whose route its cache carries."""
        cache: RoutedCache = given.pop("past_key_values")
        if input_ids is None:
            raise UnsupportedOption("a routed sequence goes on by token ids; pass input_ids, not inputs_embeds")
        base = None if cache.base is None else self._base(input_ids, past_key_values=cache.base, **given | _NAMED)
        mask = given.get("attention_mask")
        new = torch.ones_like(input_ids) if mask is None else mask[:, -input_ids.shape[1] :]
        cache.inner_mask = torch.cat([cache.inner_mask, new[cache.rows]], 1)
        positions = positions_of(cache.inner_mask)[:, -input_ids.shape[1] :]
        ids = input_ids[cache.rows]
        inner = self._inner(cache.edits, ids, cache.inner_mask, positions, past_key_values=cache.inner)
        cache.length += input_ids.shape[1]
        return self._output(base, inner.logits, cache.rows, cache, labels, given)

    def _inner(
        self, edits: Sequence[Sequence[Edit]], ids: Tensor, mask: Tensor, positions: Tensor, **options: Any
    ) -> Any:
        if self._takes_positions:
            options["position_ids"] = positions
        with self._adapter.applied(self._base, edits) as model:
            return model(ids, attention_mask=mask, **options | _NAMED)

    def _output(
        self,
        base: Any,
        own: Tensor,
        rows: Tensor,
        cache: Any,
        labels: Tensor | None,
        options: dict[str, Any],
    ) -> Any:
        kept = options.get("logits_to_keep", 0)
        own = own[:, -kept:] if isinstance(kept, int) else own[:, kept]
        logits = own if base is None else base.logits.index_copy(0, rows, own)
        loss = None
        if labels is not None:
            loss = self._base.loss_function(logits=logits, labels=labels, vocab_size=self._base.config.vocab_size)
        output = CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=cache)
        return output.to_tuple() if options.get("return_dict") is False else output

    def _with_context(self, prompts: list[Prompt], routes: list[Route], device: torch.device) -> InScopeRows:
        rows = with_context(prompts, routes, self._adapter, self._tokenizer, device)
        if self._window and (tokens := rows.ids.shape[1]) >= self._window:
            raise PromptTooLong(
                f"the prompt has {tokens:,} tokens with its edits in context, the model reads {self._window:,}; "
                f"shorten it"
            )
        return rows

    def _routed(self, ids: Tensor, mask: Tensor | None) -> tuple[list[Prompt], list[Route]]:
        if mask is not None and mask.dim() != 2:
            raise UnsupportedOption(
                f"attention_mask must have the shape of input_ids to be routed, got {tuple(mask.shape)}"
            )
        rows = [row if mask is None else row[mask[place].bool()] for place, row in enumerate(ids)]
        prompts = [read_prompt(row.tolist(), self._tokenizer, self._chat) for row in rows]
        return prompts, self._route([prompt.question for prompt in prompts])


_INPUTS = frozenset({"input_ids", "attention_mask"})
_NAMED: Final = {"return_dict": True}
"""Of what is put together here every part needs its name, whatever the caller wants the whole to be."""


def _mask_of(ids: Tensor, pad: int | None) -> Tensor:
    """Return which tokens are real when the caller does not say: all but padding at the ends."""
    if pad is None:
        return torch.ones_like(ids)
    real = (ids != pad).long()
    return (real.cumsum(1) * real.flip(1).cumsum(1).flip(1)).clamp(max=1)


def _length(cache: Any) -> int:
    return 0 if cache is None else int(cache.get_seq_length())


def _without_embeddings(options: dict[str, Any]) -> dict[str, Any]:
    if options.get("inputs_embeds") is not None:
        raise UnsupportedOption(
            "inputs_embeds cannot be routed, they have no text; pass input_ids, or use the base model"
        )
    return options
