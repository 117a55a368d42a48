"""Generation options and outputs, carried between the caller's prompts and the same prompts with context in them."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, PreTrainedModel, StoppingCriteriaList
from transformers.generation.logits_process import NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor
from transformers.generation.streamers import BaseStreamer
from transformers.generation.utils import GenerateOutput

from memory_editor.edited_model.rows import InScopeRows
from memory_editor.errors import UnsupportedOption

Output: TypeAlias = Tensor | GenerateOutput
"""What `generate` returns: ids of shape (rows, length), or with `return_dict_in_generate` an output that holds them."""

# Shaped by the caller's positions, which are not those of a prompt with context; the model works them out anew.
_POSITIONAL: Final = ("position_ids", "token_type_ids", "cache_position", "past_key_values")


def inner_options(
    model: PreTrainedModel, options: Mapping[str, Any], caller_ids: Tensor, caller_mask: Tensor, rows: InScopeRows
) -> dict[str, Any]:
    """Return the options under which prompts with context generate what the caller's options ask for.

    Lengths and penalties count the caller's prompt, and what the caller hooks in sees it, never the context: processors
    and criteria the rows in scope by themselves, functions of a row's number all rows. Raises `UnsupportedOption` where
    attentions or hidden states are asked for.
    """
    config, inner = effective_config(model, options)
    refuse_traces(config.output_attentions, config.output_hidden_states)
    _count_new_tokens(config, caller_ids.shape[1])
    config.min_new_tokens = max(config.min_new_tokens or 0, 1)  # an edit never answers with nothing
    width = rows.ids.shape[1]
    view = _CallersView(caller_ids[rows.rows], width)
    processors = _own_penalties(config, caller_mask[rows.rows]) + list(inner.get("logits_processor") or ())
    inner["logits_processor"] = LogitsProcessorList(map(view.of, processors))
    inner["stopping_criteria"] = StoppingCriteriaList(map(view.of, inner.get("stopping_criteria") or ()))
    if allowed := inner.get("prefix_allowed_tokens_fn"):
        inner["prefix_allowed_tokens_fn"] = _for_rows(allowed, rows.rows.tolist(), config, view.ids, width)
    if streamer := inner.get("streamer"):
        inner["streamer"] = _CallersStream(streamer, view.ids)
    return {name: value for name, value in inner.items() if name not in _POSITIONAL} | {"generation_config": config}


def effective_config(model: PreTrainedModel, options: Mapping[str, Any]) -> tuple[GenerationConfig, dict[str, Any]]:
    """Return the generation settings that hold for a call, and those of its options that are none."""
    rest = dict(options)
    config = deepcopy(rest.pop("generation_config", None) or GenerationConfig())  # type: ignore[no-untyped-call]
    config.update(**model.generation_config.to_dict(), defaults_only=True, allow_custom_entries=True)
    return config, config.update(**rest)


def refuse_traces(*wanted: bool | None) -> None:
    """Raise `UnsupportedOption` if attentions or hidden states are wanted of a prompt that an edit answers."""
    if any(wanted):
        raise UnsupportedOption(
            "attentions and hidden states cannot be had for a prompt that an edit answers, because their positions are "
            "not the caller's; leave them out, or ask the base model, `editor.base.model`"
        )


def padding_id(config: GenerationConfig) -> int:
    """Return the id with which `generate` fills up rows that end earlier."""
    value = config.pad_token_id if config.pad_token_id is not None else config.eos_token_id
    return int(value[0] if isinstance(value, list) else value or 0)


def merged_output(
    caller_ids: Tensor, rows: InScopeRows, base: Output | None, inner: Output, config: GenerationConfig
) -> Output:
    """Return `base`, the output for the whole batch, with the in-scope rows replaced by those of `inner`.

    `base` is none where every row is in scope. The ids of an in-scope row are the caller's, then the new ones; rows
    that end earlier are padded.
    """
    merge, pad = _Merge(rows.rows, len(caller_ids)), padding_id(config)
    width = rows.ids.shape[1]

    def callers(sequences: Tensor) -> Tensor:
        own = caller_ids[rows.rows].repeat_interleave(len(sequences) // len(rows.rows), 0)
        return torch.cat([own, sequences[:, width:]], 1)

    if isinstance(inner, Tensor):
        return merge.values(base if isinstance(base, Tensor) else None, callers(inner), pad)
    fields: dict[str, Any] = {
        "sequences": merge.values(getattr(base, "sequences", None), callers(inner.sequences), pad)
    }
    if (beams := getattr(inner, "beam_indices", None)) is not None:
        fields["beam_indices"] = merge.values(
            getattr(base, "beam_indices", None), merge.own_beams(beams, config.num_beams), -1
        )
    if (sums := getattr(inner, "sequences_scores", None)) is not None:
        fields["sequences_scores"] = merge.values(getattr(base, "sequences_scores", None), sums, 0)
    for name in ("scores", "logits"):
        if (steps := getattr(inner, name)) is not None:
            fields[name] = merge.steps(getattr(base, name, None) or (), steps, pad)
    return type(inner)(**fields)


class _Merge:
    """Puts what belongs to some rows in its place among what belongs to all rows of a batch."""

    def __init__(self, rows: Tensor, batch: int) -> None:
        self._rows = rows
        self._batch = batch

    def values(self, base: Tensor | None, own: Tensor, fill: float) -> Tensor:
        """Merge values of one dimension, or of two with lengths that differ."""
        places = self._places(len(own) // len(self._rows))
        if base is None:
            base = own.new_full((self._batch * len(own) // len(self._rows), *own.shape[1:]), fill)
        length = max(base.shape[-1], own.shape[-1])
        merged = base.clone() if own.dim() == 1 else _padded(base, length, fill)
        merged[places] = own if own.dim() == 1 else _padded(own, length, fill)
        return merged

    def steps(self, base: tuple[Tensor, ...], own: tuple[Tensor, ...], pad: int) -> tuple[Tensor, ...]:
        """Merge scores of shape (rows, vocabulary) step by step; a row that has ended scores only padding."""
        each = len(own[0]) // len(self._rows)
        ended = torch.full_like(own[0][0], -torch.inf)
        ended[pad] = 0
        merged = []
        for step in range(max(len(base), len(own))):
            scores = base[step].clone() if step < len(base) else ended.repeat(self._batch * each, 1)
            scores[self._places(each)] = own[step] if step < len(own) else ended
            merged.append(scores)
        return tuple(merged)

    def own_beams(self, indices: Tensor, each: int) -> Tensor:
        """Renumber beams, `each` a row, which count through the in-scope rows alone, as beams of the whole batch."""
        return torch.where(indices < 0, indices, self._places(each)[indices].to(indices.dtype))

    def _places(self, each: int) -> Tensor:
        return (self._rows.unsqueeze(1) * each + torch.arange(each, device=self._rows.device)).flatten()


def _padded(values: Tensor, length: int, fill: float) -> Tensor:
    return torch.nn.functional.pad(values, (0, length - values.shape[1]), value=fill)


def _count_new_tokens(config: GenerationConfig, caller_length: int) -> None:
    """Turn limits on the whole length, of which context must not use up any, into limits on the new tokens."""
    if config.max_new_tokens is None and config.max_length is not None:
        config.max_new_tokens = config.max_length - caller_length
    if config.min_new_tokens is None and config.min_length is not None:
        config.min_new_tokens = max(config.min_length - caller_length, 0)
    config.max_length = config.min_length = None


def _for_rows(
    allowed: Callable[[int, Tensor], list[int]], places: list[int], config: GenerationConfig, ids: Tensor, width: int
) -> Callable[[int, Tensor], list[int]]:
    """Return a caller's function of a row's number and ids for the in-scope rows alone, which are counted anew."""
    each = (config.num_return_sequences or 1) if (config.num_beams or 1) == 1 else 1

    def call(number: int, sequence: Tensor) -> list[int]:
        row, sample = divmod(number, each)
        return allowed(places[row] * each + sample, torch.cat([ids[row], sequence[width:]]))

    return call


def _own_penalties(config: GenerationConfig, mask: Tensor) -> list[LogitsProcessor]:
    """Take the settings that look at the prompt out of `config`, as processors that can be shown the caller's.

    `mask`, shape (rows, length), says where padding before the prompts ends, for which nothing is penalised.
    """
    processors: list[LogitsProcessor] = []
    if config.repetition_penalty not in (None, 1.0):
        each = max(config.num_beams or 1, config.num_return_sequences or 1)
        padding = (mask != 0).int().argmax(1).repeat_interleave(each)
        processors.append(RepetitionPenaltyLogitsProcessor(config.repetition_penalty, prompt_ignore_length=padding))
    if config.no_repeat_ngram_size:
        processors.append(NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size))
    config.repetition_penalty, config.no_repeat_ngram_size = 1.0, 0
    return processors


class _CallersView:
    """Shows what a caller hooked in the ids that it would see without context."""

    def __init__(self, caller_ids: Tensor, width: int) -> None:
        self.ids = caller_ids
        self._width = width

    def of(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        def call(input_ids: Tensor, *args: Any, **kwargs: Any) -> Any:
            each = len(input_ids) // len(self.ids)
            own = self.ids.repeat_interleave(each, 0)
            return hook(torch.cat([own, input_ids[:, self._width :]], 1), *args, **kwargs)

        return call


class _CallersStream(BaseStreamer):
    """Passes on to a caller's streamer its own prompt in place of the one with context, then the new tokens."""

    def __init__(self, streamer: BaseStreamer, caller_ids: Tensor) -> None:
        self._streamer: Any = streamer
        self._prompt: Tensor | None = caller_ids

    def put(self, value: Tensor) -> None:
        prompt, self._prompt = self._prompt, None
        self._streamer.put(value if prompt is None else prompt.cpu())

    def end(self) -> None:
        self._streamer.end()
