"""Questions come back in their order with what was written, and the shares count it."""

import pytest

from memory_editor.adapters.in_context import InContext
from memory_editor.edited_model import EditedModel
from memory_editor.evaluation.answering import Question, Written, ask, is_loop, ngram_entropy, shares
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Route
from tests.edited_model.routing import IN, OUT, SHORT_OUT, edited, route


def written(text: str, wanted: str, unwanted: str = "") -> Written:
    return Written(Question("Q", (wanted,), (unwanted,)), text, Route("Q", (), None, 0.5))


def test_answers_are_those_of_generate_in_the_order_of_the_questions(tiny: LanguageModel) -> None:
    questions = [Question(prompt, ()) for prompt in (OUT, IN, SHORT_OUT)]
    found = ask(edited(tiny), tiny, questions, max_new_tokens=4)
    assert [one.question for one in found] == questions
    assert [one.route.in_scope for one in found] == [False, True, False]
    alone = EditedModel(tiny, route, InContext())
    assert found[1].text == ask(alone, tiny, [questions[1]], max_new_tokens=4)[0].text


def test_shares_count_what_is_right_contained_and_old() -> None:
    found = [written("Linda.", "Linda"), written("It is Linda.", "Linda"), written("Elon", "Linda", "Elon")]
    assert shares(found) == {
        "questions": 3,
        "right": pytest.approx(1 / 3),
        "contained": pytest.approx(2 / 3),
        "old": pytest.approx(1 / 3),
        "in_scope": 0,
    }


def test_an_answer_that_opens_as_the_old_one_and_is_the_new_one_is_right() -> None:
    one = written("Paris Saint-Germain", "Paris Saint-Germain", "Paris")
    assert one.is_right
    assert not one.is_old


def test_entropy_grows_with_variety_and_loops_are_seen() -> None:
    assert ngram_entropy("a a a a a a a a") == 0
    # Eight words make seven bigrams and six trigrams, all of them different.
    assert ngram_entropy("a b c d e f g h") == pytest.approx((2 / 3 * 2.807355 + 4 / 3 * 2.584963) / 2, rel=1e-5)
    assert is_loop([9, 1, 2, 1, 2, 1, 2, 1, 2])
    assert not is_loop([9, 1, 2, 1, 2, 1, 2, 1, 3])
    assert not is_loop([])
