"""`generate` of the edited model: out-of-scope rows are the base model's bit for bit, in-scope rows read their edit."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessor, StoppingCriteria, TextStreamer, pipeline
from transformers.generation.streamers import BaseStreamer

from memory_editor.errors import PromptTooLong, UnsupportedOption
from memory_editor.language_model import LanguageModel
from tests.edited_model.routing import CONTEXT, IN, OUT, SHORT_OUT, batch, edited
from tests.tiny import ARCHITECTURES, tiny_model

DECODING: dict[str, dict[str, Any]] = {
    "greedy": {},
    "sampling": {"do_sample": True, "temperature": 1.3},
    "several": {"do_sample": True, "num_return_sequences": 3},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "sampled-beams": {"num_beams": 2, "do_sample": True},
}


def generated(model: Any, inputs: dict[str, Tensor], **options: Any) -> Any:
    torch.manual_seed(7)
    return model.generate(**inputs, **{"max_new_tokens": 6, **options})


@pytest.mark.parametrize("decoding", DECODING)
@pytest.mark.parametrize("side", ["left", "right"])
def test_out_of_scope_rows_of_a_mixed_batch_are_the_base_models(tiny: LanguageModel, decoding: str, side: str) -> None:
    inputs = batch(tiny, [IN, OUT, SHORT_OUT], side)
    options = {**DECODING[decoding], "output_scores": True, "output_logits": True, "return_dict_in_generate": True}
    expected = generated(tiny.model, inputs, **options)
    found = generated(edited(tiny), inputs, **options)
    rows = len(expected.sequences) // 3
    length = expected.sequences.shape[1]
    assert torch.equal(found.sequences[rows:, :length], expected.sequences[rows:])
    assert torch.equal(found.sequences[rows:, length:], torch.full_like(found.sequences[rows:, length:], 0))
    beams = len(expected.scores[0]) // 3
    for name in ("scores", "logits"):
        for step, values in enumerate(getattr(expected, name)):
            assert torch.equal(getattr(found, name)[step][beams:], values[beams:])
    assert type(found) is type(expected)
    if "beams" in decoding:
        assert torch.equal(found.sequences_scores[rows:], expected.sequences_scores[rows:])
        assert torch.equal(found.beam_indices[rows:, : expected.beam_indices.shape[1]], expected.beam_indices[rows:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_keeps_out_of_scope_rows(architecture: str, dtype: torch.dtype) -> None:
    base = tiny_model(architecture)
    model: Any = base.model
    model.to(dtype)
    inputs = batch(base, [IN, OUT])
    expected = generated(base.model, inputs)
    found = generated(edited(base), inputs)
    assert torch.equal(found[1, : expected.shape[1]], expected[1])
    alone = batch(base, [OUT])
    assert torch.equal(generated(edited(base), alone), generated(base.model, alone))


def test_an_in_scope_row_continues_its_context_and_shows_only_the_callers_ids(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN, OUT])
    own = tiny.encode(IN)
    context = torch.tensor([tiny.encode(CONTEXT) + own])
    expected = generated(tiny.model, {"input_ids": context, "attention_mask": torch.ones_like(context)})
    found = generated(edited(tiny), inputs)
    width = inputs["input_ids"].shape[1]
    new = expected[0, context.shape[1] :]
    assert torch.equal(found[0, :width], inputs["input_ids"][0])
    assert torch.equal(found[0, width : width + len(new)], new)
    assert not torch.equal(generated(tiny.model, batch(tiny, [IN]))[0, len(own) :], new)


def test_beams_of_in_scope_rows_are_numbered_within_the_whole_batch(tiny: LanguageModel) -> None:
    options = {"num_beams": 3, "output_scores": True, "return_dict_in_generate": True}
    alone = generated(edited(tiny), batch(tiny, [IN]), **options)
    found = generated(edited(tiny), batch(tiny, [SHORT_OUT, OUT, IN]), **options)
    assert torch.equal(found.beam_indices[2, : alone.beam_indices.shape[1]], alone.beam_indices[0] + 6)
    torch.testing.assert_close(found.sequences_scores[2], alone.sequences_scores[0])
    without = generated(edited(tiny), batch(tiny, [SHORT_OUT, OUT, IN]), **options | {"output_scores": False})
    assert torch.equal(without.sequences, found.sequences)


def test_a_batch_out_of_scope_is_the_base_models_output_itself(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [OUT, SHORT_OUT])
    options = {"return_dict_in_generate": True, "output_attentions": True, "output_hidden_states": True}
    found = generated(edited(tiny), inputs, **options)
    expected = generated(tiny.model, inputs, **options)
    assert torch.equal(found.sequences, expected.sequences)
    assert torch.equal(found.hidden_states[0][-1], expected.hidden_states[0][-1])
    assert found.past_key_values.get_seq_length() == expected.past_key_values.get_seq_length()


def test_a_limit_on_the_whole_length_counts_the_callers_ids(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN])
    width = inputs["input_ids"].shape[1]
    found = edited(tiny).generate(**inputs, max_length=width + 5, min_length=width + 5)
    assert isinstance(found, Tensor)
    assert found.shape == (1, width + 5)


def test_a_generation_config_is_honoured_and_left_as_it_was(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN])
    width = inputs["input_ids"].shape[1]
    config = type(tiny.model.generation_config)(max_length=width + 4, min_length=width + 4, repetition_penalty=1.5)
    before = config.to_dict()
    found = edited(tiny).generate(inputs["input_ids"], config, attention_mask=inputs["attention_mask"])
    assert isinstance(found, Tensor)
    assert found.shape == (1, width + 4)
    assert config.to_dict() == before


class _Recorder(LogitsProcessor, StoppingCriteria):
    """Records the ids that a hook is shown, and changes nothing."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Any:
        self.seen.append(input_ids.clone())
        return scores if isinstance(scores, Tensor) else torch.zeros(len(input_ids), dtype=torch.bool)


@pytest.mark.parametrize("hook", ["logits_processor", "stopping_criteria"])
def test_what_a_caller_hooks_in_sees_its_own_prompt(tiny: LanguageModel, hook: str) -> None:
    inputs = batch(tiny, [IN, IN + IN])
    recorder = _Recorder()
    scores = {"stopping_criteria": {"output_scores": True}, "logits_processor": {}}[hook]
    found = generated(edited(tiny), inputs, **{hook: [recorder]}, **scores)
    width = inputs["input_ids"].shape[1]
    assert all(torch.equal(seen[:, :width], inputs["input_ids"]) for seen in recorder.seen)
    assert torch.equal(recorder.seen[-1], found[:, : recorder.seen[-1].shape[1]])


def test_a_repetition_penalty_does_not_count_the_context(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN])
    options: dict[str, Any] = {"output_scores": True, "output_logits": True, "return_dict_in_generate": True}
    found = generated(edited(tiny), inputs, repetition_penalty=2.0, max_new_tokens=1, **options)
    changed = (found.scores[0] != found.logits[0]).nonzero()[:, 1]
    end = tiny.tokenizer.eos_token_id  # never the first token of an answer
    assert set(changed.tolist()) == {*tiny.encode(IN), end}


def test_a_repetition_penalty_does_not_count_padding(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN, IN + OUT])
    options: dict[str, Any] = {"output_scores": True, "output_logits": True, "return_dict_in_generate": True}
    found = generated(edited(tiny), inputs, repetition_penalty=2.0, max_new_tokens=1, **options)
    pad, last = tiny.tokenizer.pad_token_id, inputs["input_ids"][0, -1]
    assert inputs["input_ids"][0, 0] == pad
    assert found.scores[0][0, pad] == found.logits[0][0, pad]
    assert found.scores[0][0, last] != found.logits[0][0, last]


@pytest.mark.parametrize("decoding", [{"num_beams": 2}, {"do_sample": True, "num_return_sequences": 2}])
def test_a_repetition_penalty_knows_the_padding_of_every_beam(tiny: LanguageModel, decoding: dict[str, Any]) -> None:
    found = generated(edited(tiny), batch(tiny, [IN, IN + OUT]), repetition_penalty=2.0, **decoding)
    alone = generated(edited(tiny), batch(tiny, [IN + OUT]), repetition_penalty=2.0, **decoding)
    if "num_beams" in decoding:
        width = len(tiny.encode(IN + OUT))
        assert torch.equal(found[-1, width : alone.shape[1]], alone[0, width:])
    assert len(found) == 2 * len(alone)


def test_allowed_tokens_are_asked_for_by_every_sample(tiny: LanguageModel) -> None:
    asked: list[int] = []

    def allowed(row: int, _: Tensor) -> list[int]:
        asked.append(row)
        return [65 + row]

    options = {"do_sample": True, "num_return_sequences": 2, "max_new_tokens": 1}
    found = generated(edited(tiny), batch(tiny, [OUT, IN]), prefix_allowed_tokens_fn=allowed, **options)
    assert found[:, -1].tolist() == [65, 66, 67, 68]
    assert sorted({*asked}) == [0, 1, 2, 3]


def test_allowed_tokens_are_asked_for_by_the_callers_row(tiny: LanguageModel) -> None:
    asked: list[tuple[int, list[int]]] = []

    def allowed(row: int, ids: Tensor) -> list[int]:
        asked.append((row, ids.tolist()))
        return [65]

    inputs = batch(tiny, [OUT, IN])
    found = generated(edited(tiny), inputs, prefix_allowed_tokens_fn=allowed, max_new_tokens=2)
    width = inputs["input_ids"].shape[1]
    assert found[:, width:].tolist() == [[65, 65], [65, 65]]
    assert [ids for row, ids in asked if row == 1][-1] == [*inputs["input_ids"][1].tolist(), 65]


class _Pieces(BaseStreamer):
    def __init__(self) -> None:
        self.values: list[int] = []
        self.ended = 0

    def put(self, value: Tensor) -> None:
        self.values += value.flatten().tolist()

    def end(self) -> None:
        self.ended += 1


def test_a_streamer_is_given_the_callers_prompt_and_the_new_tokens(tiny: LanguageModel) -> None:
    pieces = _Pieces()
    found = generated(edited(tiny), batch(tiny, [IN]), streamer=pieces)
    assert (pieces.values, pieces.ended) == (found[0].tolist(), 1)


def test_a_text_streamer_prints_no_context(tiny: LanguageModel, capsys: pytest.CaptureFixture[str]) -> None:
    generated(edited(tiny), batch(tiny, [IN]), streamer=TextStreamer(tiny.tokenizer))
    printed = capsys.readouterr().out
    assert printed.startswith(IN)
    assert "In other words" not in printed


def test_padding_without_a_mask_is_no_part_of_the_prompt(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [IN, OUT])
    bare = generated(edited(tiny), {"input_ids": inputs["input_ids"]})
    assert torch.equal(bare, generated(edited(tiny), inputs))


@pytest.mark.parametrize("trace", ["output_attentions", "output_hidden_states"])
def test_traces_of_a_prompt_with_context_are_refused(tiny: LanguageModel, trace: str) -> None:
    with pytest.raises(UnsupportedOption, match="positions are not the caller's"):
        generated(edited(tiny), batch(tiny, [IN]), return_dict_in_generate=True, **{trace: True})


def test_embeddings_cannot_be_routed(tiny: LanguageModel) -> None:
    with pytest.raises(UnsupportedOption, match="pass input_ids"):
        edited(tiny).generate(inputs_embeds=torch.zeros(1, 3, 32))


def test_an_error_of_the_base_model_is_raised_as_it_is(tiny: LanguageModel) -> None:
    with pytest.raises(ValueError, match="max_new_tokens"):
        edited(tiny).generate(**batch(tiny, [IN]), max_new_tokens=0)


def test_it_passes_for_the_wrapped_model_and_stays_itself() -> None:
    base = tiny_model("gpt2")
    model = edited(base)
    assert isinstance(model, type(base.model))
    wrapper: Any = model
    assert wrapper.to(torch.float64) is model
    assert base.model.dtype == torch.float64
    assert model.config is base.model.config
    model.some_mark = 3
    assert base.model.some_mark == 3


def test_it_serves_a_text_generation_pipeline(tiny: LanguageModel) -> None:
    model: Any = edited(tiny)
    tokenizer: Any = tiny.tokenizer
    texts = pipeline("text-generation", model=model, tokenizer=tokenizer, device="cpu")
    options: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False}
    expected = generated(tiny.model, batch(tiny, [OUT]))
    assert texts(OUT, **options) == [{"generated_text": tiny.decode(expected[0])}]
    (answer,) = texts(IN, **options)
    assert answer["generated_text"] == tiny.decode(generated(model, batch(tiny, [IN]))[0])
    chat = texts([{"role": "user", "content": IN}], **options)
    assert chat[0]["generated_text"][0] == {"role": "user", "content": IN}


def test_a_prompt_that_its_context_takes_beyond_the_window_is_refused() -> None:
    base = tiny_model("gpt2")
    long = IN + "?" * (250 - len(base.encode(IN)))
    assert len(base.encode(long)) < 256
    with pytest.raises(PromptTooLong, match="tokens with its edits in context, the model reads 256; shorten it"):
        edited(base).generate(**batch(base, [long]))


class Ending(LogitsProcessor):
    """Makes the end of the text by far the likeliest token."""

    def __init__(self, end: int) -> None:
        self.end = end

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        scores[:, self.end] += 1e4
        return scores


def test_an_edit_never_answers_with_nothing(tiny: LanguageModel) -> None:
    end = int(tiny.tokenizer.eos_token_id)
    inputs = batch(tiny, [IN, OUT])
    found = generated(edited(tiny), inputs, logits_processor=[Ending(end)], eos_token_id=end)
    first, second, *_ = found[:, inputs["input_ids"].shape[1] :].T
    assert first[0] != end
    assert second[0] == end
    assert first[1] == end
