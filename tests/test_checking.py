"""A check asks all that an edit should and should not answer, and judges what comes of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from memory_editor import MemoryEditor
from memory_editor.checking import Asked, check
from memory_editor.editor import Answer
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit
from tests.fakes import FakeClassifier, open_memory

EDIT = Edit(
    "The CEO of Twitter is",
    "Linda Yaccarino",
    subject="Twitter",
    paraphrases=("Who runs Twitter?",),
    exclusions=("The first CEO of Twitter was",),
)


class Scripted(MemoryEditor):
    """Routes the prompts in `in_scope` to the edit and always says the same."""

    in_scope: Sequence[str] = ()
    says: str = ""

    def answer(self, conversation: Any, **_: Any) -> Answer:
        scored = (ScoredEdit(EDIT, 1.0, Kind.DIRECT, ()),) if conversation in self.in_scope else ()
        return Answer(self.says, Route(conversation, scored, None, 0.5))


@pytest.fixture
def editor(tiny: LanguageModel, tmp_path: Path) -> Scripted:
    return Scripted(tiny, open_memory(tmp_path / "facts.db"), classifier=FakeClassifier())


def test_everything_that_an_edit_says_of_itself_is_asked_and_near_misses_of_it(editor: Scripted) -> None:
    checks = list(check(editor, [EDIT]))
    assert [(one.asked, one.prompt) for one in checks] == [
        (Asked.OWN, "The CEO of Twitter is"),
        (Asked.PARAPHRASE, "Who runs Twitter?"),
        (Asked.EXCLUSION, "The first CEO of Twitter was"),
        (Asked.OTHER_SUBJECT, "The CEO of Anna Smith is"),
        (Asked.OTHER_SUBJECT, "The CEO of Riverton is"),
        (Asked.OTHER_RELATION, "The number of letters in the name Twitter is"),
        (Asked.OTHER_RELATION, "One thing that nobody knows about Twitter is"),
    ]


@pytest.mark.parametrize(
    ("in_scope", "says", "right"),
    [
        ((EDIT.prompt, "Who runs Twitter?"), " Linda Yaccarino.", [True] * 7),
        ((EDIT.prompt, "Who runs Twitter?"), "It is Linda Yaccarino.", [True] * 7),
        ((EDIT.prompt, "Who runs Twitter?"), "Elon Musk", [False, False, True, True, True, True, True]),
        ((EDIT.prompt,), "Linda Yaccarino", [True, False, True, True, True, True, True]),
        ((EDIT.prompt, "The CEO of Riverton is"), "Linda Yaccarino", [True, False, True, True, False, True, True]),
    ],
)
def test_in_scope_the_edit_has_to_answer_with_its_target_and_elsewhere_not_at_all(
    editor: Scripted, in_scope: Sequence[str], says: str, right: list[bool]
) -> None:
    editor.in_scope, editor.says = in_scope, says
    checks = list(check(editor, [EDIT]))
    assert [one.is_right for one in checks] == right
    assert [one.is_routed for one in checks] == [one.prompt in in_scope for one in checks]
    assert checks[0].to_dict() == {
        "id": EDIT.id,
        "asked": "own prompt",
        "prompt": EDIT.prompt,
        "answer": says,
        "is_routed": True,
        "is_right": right[0],
    }


def test_a_statement_is_answered_rightly_when_it_answers(editor: Scripted) -> None:
    editor.in_scope = ("It rains.",)
    (own,) = check(editor, [Edit("It rains.", id=EDIT.id)])
    assert own.is_right
