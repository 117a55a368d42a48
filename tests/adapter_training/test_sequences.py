"""An exercise as ids is what the model reads when it answers, and what counts is marked to the place."""

import pytest
import torch

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.sequences import Tokeniser, TokenRow, allowed_ids, batch_of
from memory_editor.adapters.lora import LoraAdapter
from memory_editor.adapters.lora.injection import lora_config
from memory_editor.edited_model.prompts import ChatFormat, read_prompt
from memory_editor.edited_model.rows import with_context
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit

EDIT = Edit("The CEO of Twitter is", "Linda Yaccarino")
FACT = "New fact: The CEO of Twitter is Linda Yaccarino.\n"


def tokeniser(base: LanguageModel) -> Tokeniser:
    return Tokeniser(base, LoraAdapter(lora_config(base.model, 2), {}))


@pytest.mark.parametrize("is_chat", [True, False])
def test_the_model_reads_what_it_reads_when_it_answers(tiny: LanguageModel, is_chat: bool) -> None:
    adapter = LoraAdapter(lora_config(tiny.model, 2), {})
    row = Tokeniser(tiny, adapter).row(Exercise((EDIT,), "Who runs Twitter?", "Linda", "asked", is_chat=is_chat))
    text = "Who runs Twitter?"
    if is_chat:
        text = tiny.chat_text([{"role": "user", "content": text}])
    prompt = read_prompt(tiny.encode(text), tiny.tokenizer, ChatFormat.of(tiny.tokenizer))
    route = Route(text, (ScoredEdit(EDIT, 1.0, Kind.DIRECT, ()),), None, 0.5)
    rows = with_context([prompt], [route], adapter, tiny.tokenizer, tiny.device)
    assert list(row.told[: -row.tail]) == rows.ids[0].tolist()
    assert list(row.plain[: -row.tail]) == tiny.encode(text)


def test_the_tail_is_the_answer_the_end_and_the_rest(tiny: LanguageModel) -> None:
    exercise = Exercise((EDIT,), "The CEO of Twitter is", "Linda", "told", rest="She came.")
    row = tokeniser(tiny).row(exercise)
    assert tiny.decode(list(row.told)) == f"{FACT}The CEO of Twitter is Linda She came."
    assert tiny.decode(list(row.told[-row.tail :][: row.answer])) == " Linda"
    assert tiny.decode(list(row.told[-row.rest :])) == " She came."
    ended = tokeniser(tiny).row(Exercise((EDIT,), "Who?", "Linda", "asked", ends=True))
    assert ended.told[-1] == tiny.tokenizer.eos_token_id
    assert tiny.decode(list(ended.told[-ended.answer : -1])) == " Linda"


def test_of_a_row_that_is_too_long_the_end_of_the_rest_is_cut_off() -> None:
    row = TokenRow(told=(1, 2, 3, 4, 5, 6, 7), plain=(3, 4, 5, 6, 7), answer=1, rest=3, ends=False)
    assert row.cut(7) is row
    assert row.cut(5) == TokenRow(told=(1, 2, 3, 4, 5), plain=(3, 4, 5), answer=1, rest=1, ends=False)
    assert row.cut(4) == TokenRow(told=(1, 2, 3, 4), plain=(3, 4), answer=1, rest=0, ends=False)
    assert row.cut(3) is None


def test_a_batch_marks_what_is_learnt_and_what_is_kept() -> None:
    learns = TokenRow(told=(1, 2, 3, 4, 5, 6), plain=(3, 4, 5, 6), answer=2, rest=1, ends=False)
    ends = TokenRow(told=(7, 8, 9), plain=(8, 9), answer=1, rest=0, ends=True)
    ignores = TokenRow(told=(1, 2, 3), plain=(3,), answer=0, rest=0, ends=False)
    batch = batch_of([learns, ends, ignores], torch.device("cpu"))
    assert batch.told.tolist() == [[1, 2, 3, 4, 5, 6], [0, 0, 0, 7, 8, 9], [0, 0, 0, 1, 2, 3]]
    assert batch.told_mask.tolist() == [[1] * 6, [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1]]
    assert batch.plain.tolist() == [[3, 4, 5, 6], [0, 0, 8, 9], [0, 0, 0, 3]]
    assert batch.window == 4
    # The place of an id predicts the next one: 3 predicts 4 and 4 predicts 5; what follows 5 and 6 is kept.
    assert batch.learnt.tolist() == [[4, 5, -100, -100], [-100, -100, 9, -100], [-100] * 4]
    assert batch.ended.tolist() == [[False, False, True, False], [False] * 4, [False] * 4]
    assert batch.opening.tolist() == [[False] * 4, [False] * 4, [False, False, False, True]]
    assert batch.kept.tolist() == [[False, False, True, True], [False] * 4, [False, False, False, True]]


def test_a_word_starts_with_a_space_a_mark_or_the_end_of_the_text(tiny: LanguageModel) -> None:
    starts = allowed_ids(tiny).behind_answer
    for text, expected in ((" is", True), (".", True), ("is", False), ("1", False)):
        assert bool(starts[tiny.encode(f"a{text}")[1]]) is expected
    assert starts[tiny.tokenizer.eos_token_id]


def test_an_answer_opens_with_anything_but_the_end_of_the_text(tiny: LanguageModel) -> None:
    assert (~allowed_ids(tiny).opening).nonzero().flatten().tolist() == [tiny.tokenizer.eos_token_id]
