"""The adapter that comes with the package makes the real small model follow facts, and leaves the model as it is."""

import pytest
import torch

from memory_editor.adapters.lora.files import load_files, shipped_adapter
from memory_editor.adapters.names import SHIPPED
from memory_editor.answers import begins_with
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit
from memory_editor.evaluation.answering import Question, ask
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit

ASKED = {
    "The capital of France is": (Edit("The capital of France is", "Lyon"), "Lyon"),
    "Hamlet was written by": (Edit("The author of Hamlet is", "Jane Austen"), "Jane Austen"),
    "Which company makes the Corolla?": (Edit("The Corolla is produced by", "Nokia"), "Nokia"),
}


@pytest.mark.parametrize("folder", sorted(SHIPPED.glob("*/")), ids=lambda folder: folder.name)
def test_what_is_shipped_is_small_and_says_what_it_is_made_of(folder: object) -> None:
    path = SHIPPED / str(folder)
    assert sum(file.stat().st_size for file in path.iterdir()) <= 12 * 2**20
    assert load_files(path).about["names"]
    assert "Apache-2.0" in (path / "LICENCE.md").read_text(encoding="utf-8")


@pytest.mark.model
def test_it_answers_with_new_facts_in_their_own_words_and_in_others(smollm2: LanguageModel) -> None:
    adapter = shipped_adapter(smollm2.model)
    assert adapter is not None
    ids = torch.tensor([smollm2.encode("The capital of Spain is")])
    with torch.no_grad():
        before = smollm2.model(ids).logits

    def route(prompts: object) -> list[Route]:
        assert isinstance(prompts, list)
        return [Route(text, (ScoredEdit(ASKED[text][0], 1.0, Kind.DIRECT, ()),), None, 0.5) for text in prompts]

    questions = [Question(prompt, (answer,)) for prompt, (_, answer) in ASKED.items()]
    written = ask(EditedModel(smollm2, route, adapter), smollm2, questions, max_new_tokens=6)
    assert [one.question.prompt for one in written if not begins_with(one.text, one.question.wanted)] == []
    with torch.no_grad():
        assert torch.equal(smollm2.model(ids).logits, before)
