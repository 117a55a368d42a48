"""Reasons in words: the subject first, then what decided, most decisive first."""

import numpy as np
import pytest

from memory_editor.scope.candidates import Candidate
from memory_editor.scope.classifier import READ_NAMES
from memory_editor.scope.features import NAMES
from memory_editor.scope.reasons import MOST, reasons
from memory_editor.scope.weighing import Regression
from tests.scope.seen import ADA, PLAIN, STATEMENT, TWITTER, seen

SUBJECT = "the subject 'Twitter' is mentioned"


def told(candidate: Candidate, values: dict[str, float], weights: dict[str, float]) -> tuple[str, ...]:
    """Return the reasons where the features named have these values and weights, the others none, and means are 0."""
    row = np.array([values.get(name, 0.0) for name in READ_NAMES])
    means = np.zeros(len(READ_NAMES))
    regression = Regression(0.0, np.array([weights.get(name, 0.0) for name in READ_NAMES]), means)
    return reasons(candidate, READ_NAMES, row, regression)


def said(name: str, value: float, weight: float = 100.0) -> str:
    (_, reason) = told(seen("Who runs Twitter?"), {name: value}, {name: weight})
    return reason


def test_what_moved_most_is_said_first_and_what_moved_little_not_at_all() -> None:
    values = dict.fromkeys(READ_NAMES, 1.0)
    weights = {"similarity": 0.5, "lead": -2.0, "overlap": 1.0, "rivals": 0.25, "answer_named": -0.25}
    assert told(seen("Who runs Twitter?"), values, weights) == (
        SUBJECT,
        "similarity +1.00 against the next candidate, if there is one (against)",
        "100% of the other words are shared (for)",
        "similarity 1.00 (for)",
    )


def test_no_more_are_given_than_agreed() -> None:
    values = dict.fromkeys(READ_NAMES, 1.0)
    weights = {name: float(number + 1) for number, name in enumerate(READ_NAMES)}
    found = told(seen("Who runs Twitter?"), values, weights)
    assert MOST == 3
    assert found == (
        SUBJECT,
        "what is asked follows from the edit (for)",
        "the prompt asks for what the edit says (for)",
        "the edit is a statement (for)",
    )


@pytest.mark.parametrize(("moved", "count"), [(0.3, 1), (0.29, 0), (-0.3, 1), (-0.29, 0)])
def test_what_moved_less_than_a_little_is_not_said(moved: float, count: int) -> None:
    assert len(told(seen("Twitter"), {"share": 1.0}, {"share": moved})) == 1 + count


def test_the_mean_is_what_a_value_is_held_against() -> None:
    means = np.array([0.75, *[0.0] * (len(NAMES) - 1)])
    row = np.array([0.5, *[0.0] * (len(NAMES) - 1)])
    regression = Regression(5.0, np.eye(len(NAMES))[0] * 4, means)
    assert reasons(seen("Twitter"), NAMES, row, regression) == (SUBJECT, "similarity 0.50 (against)")


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (seen("Who runs Twitter?"), SUBJECT),
        (seen("Where was Lovelace born?", ADA), "the subject 'Ada Lovelace' is mentioned in part"),
        (seen("Who is it?", ADA), "the subject 'Ada Lovelace' is not mentioned"),
        (seen("it is blue", PLAIN), "the edit has no subject to be mentioned"),
    ],
)
def test_the_subject_is_named_whatever_decided(candidate: Candidate, expected: str) -> None:
    assert told(candidate, {}, {}) == (expected,)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("similarity", 0.876, "similarity 0.88 (for)"),
        ("lead", 0.125, "similarity +0.12 against the next candidate, if there is one (for)"),
        ("lead", -0.25, "similarity -0.25 against the next candidate, if there is one (against)"),
        ("share", 0.5, "50% of the subject's words occur (for)"),
        ("is_within_name", 1.0, "the subject may be part of a longer name (for)"),
        ("rivals", float(np.log(3)), "2 other edits' subjects are mentioned (for)"),
        ("overlap", 1 / 3, "33% of the other words are shared (for)"),
        ("others_named", 2.0, "the prompt has names or numbers that the edit has not (for)"),
        ("answer_named", 0.5, "the prompt mentions 'Linda Yaccarino' (for)"),
        ("is_statement", 1.0, "the edit is a statement (for)"),
        ("asks_for_it", 2.0, "the prompt asks for what the edit says (for)"),
        ("asks_for_it", -2.0, "the prompt does not ask for what the edit says (against)"),
        ("follows_from_it", 2.0, "what is asked follows from the edit (for)"),
        ("follows_from_it", -2.0, "what is asked is the edit itself (against)"),
    ],
)
def test_how_a_feature_speaks(name: str, value: float, expected: str) -> None:
    assert said(name, value) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("is_within_name", "the subject's name stands alone (for)"),
        ("rivals", "no other edit's subject is mentioned (for)"),
        ("others_named", "the prompt names nothing that the edit does not (for)"),
        ("answer_named", "the prompt does not mention 'Linda Yaccarino' (for)"),
        ("is_statement", "the edit answers a prompt (for)"),
    ],
)
def test_a_feature_that_is_absent_may_decide(name: str, expected: str) -> None:
    weights = np.array([-2.0 if name == other else 0.0 for other in READ_NAMES])
    found = reasons(
        seen("Twitter"), READ_NAMES, np.zeros(len(READ_NAMES)), Regression(0.0, weights, np.ones(len(READ_NAMES)))
    )
    assert found == (SUBJECT, expected)


@pytest.mark.parametrize("name", READ_NAMES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_of_a_statement_no_answer_is_spoken_of(name: str, value: float) -> None:
    row = np.full(len(READ_NAMES), value)
    weights = np.array([5.0 if name == other else 0.0 for other in READ_NAMES])
    (_, found) = reasons(seen("Who made Soul Food?", STATEMENT), READ_NAMES, row, Regression(0.0, weights, 1 - row))
    assert "None" not in found


def test_every_feature_has_words() -> None:
    for name in READ_NAMES:
        assert said(name, 1.0).endswith(" (for)")
    assert seen("x").edit is TWITTER
