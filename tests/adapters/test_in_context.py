"""What the model reads before the question, to the letter."""

import pytest

from memory_editor.adapters.base import Adapter
from memory_editor.adapters.in_context import InContext
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel

TWITTER = Edit("The CEO of Twitter is", "Linda Yaccarino", paraphrases=("Twitter is run by",))
STATEMENT = Edit("Linda Yaccarino runs Twitter.")


@pytest.mark.parametrize("question", [TWITTER.prompt, " the CEO  of twitter is…", STATEMENT.prompt])
def test_before_its_own_prompt_the_facts_are_told_three_times_in_the_order_given(question: str) -> None:
    adapter: Adapter = InContext()
    assert adapter.name == "in-context"
    told = "The CEO of Twitter is Linda Yaccarino.\nLinda Yaccarino runs Twitter.\n"
    assert adapter.context([TWITTER, STATEMENT], question, is_chat=False) == told * 3
    other = "Linda Yaccarino runs Twitter.\nThe CEO of Twitter is Linda Yaccarino.\n"
    assert adapter.context([STATEMENT, TWITTER], question, is_chat=False) == other * 3


@pytest.mark.parametrize("question", ["Twitter is run by", "Once upon a time. The CEO of Twitter is", ""])
def test_a_line_leads_over_to_another_prompt(question: str) -> None:
    told = "The CEO of Twitter is Linda Yaccarino.\n" * 3
    assert InContext().context([TWITTER], question, is_chat=False) == f"{told}In other words:\n"


@pytest.mark.parametrize("question", [TWITTER.prompt, "Who runs Twitter?"])
def test_in_a_chat_each_fact_is_told_once_and_an_empty_line_sets_them_apart(question: str) -> None:
    assert InContext().context([TWITTER, STATEMENT], question, is_chat=True) == (
        "New fact: The CEO of Twitter is Linda Yaccarino.\nNew fact: Linda Yaccarino runs Twitter.\n\n"
    )


def test_the_base_model_itself_answers(tiny: LanguageModel) -> None:
    with InContext().applied(tiny.model, [[TWITTER]]) as model:
        assert model is tiny.model
