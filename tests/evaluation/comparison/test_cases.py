"""Which cases are taken, in which order, and what they ask."""

from hypothesis import given
from hypothesis import strategies as st

from memory_editor.edits import Edit
from memory_editor.evaluation.comparison.cases import Asked, Case, Kind, limited, select, with_questions

CASES = [Case(n, (Edit(f"Town {n} lies in", "Peru", subject=f"Town {n}"),), ()) for n in range(20)]


@given(st.integers(1, 25), st.integers(1, 25), st.integers(0, 3))
def test_more_edits_go_on_where_fewer_end(few: int, more: int, seed: int) -> None:
    few, more = sorted((few, more))
    one, other = select(CASES, few, seed), select(CASES, more, seed)
    assert len(one.edits) == min(few, 20)
    assert other.cases[: len(one.cases)] == one.cases
    assert one == select(CASES, few, seed)
    ids = [edit.id for edit in other.edits]
    assert ids == sorted(ids)


def test_a_case_that_contradicts_one_that_is_taken_is_left_out() -> None:
    first = Case(1, (Edit("Ada spoke", "French", subject="Ada"),), ())
    same = Case(2, (Edit("ada spoke.", "french", subject="Ada"),), ())
    other = Case(3, (Edit("Ada spoke", "Dutch", subject="Ada"),), ())
    chosen = select([first, same], 5, 0)
    assert (len(chosen.cases), len(chosen.edits), chosen.superseded) == (2, 1, 0)
    chosen = select([first, other], 5, 0)
    assert (len(chosen.cases), chosen.superseded) == (1, 1)


def test_the_same_relation_of_one_subject_in_another_spelling_contradicts() -> None:
    cases = [
        Case(n, (Edit(prompt, target, subject="Ada"),), ())
        for n, (prompt, target) in enumerate([("Of Ada, the tongue is", "x"), ("Of ADA the tongue is", "y")])
    ]
    assert select(cases, 5, 0).superseded == 1


def test_a_case_asks_the_first_prompts_of_each_kind_once() -> None:
    asked = (
        Asked(Kind.NEAR_MISS, "a"),
        Asked(Kind.GENERALITY, "b", ("1",)),
        Asked(Kind.NEAR_MISS, "A."),
        Asked(Kind.NEAR_MISS, "c"),
        Asked(Kind.NEAR_MISS, "d"),
    )
    assert limited(Case(1, (), asked), 2).asked == (asked[1], asked[0], asked[3])


def test_each_case_gets_one_question_over_and_over() -> None:
    questions = [Asked(Kind.EVERYDAY, prompt) for prompt in "ab"]
    got = [case.asked[-1].prompt for case in with_questions(CASES[:5], questions, 1)]
    assert got[:2] == got[2:4]
    assert set(got) == {"a", "b"}
    assert [*with_questions(CASES[:2], [], 1)] == CASES[:2]


def test_kinds_in_scope_are_those_that_edits_answer() -> None:
    inside = {"reliability", "generality", "reasoning", "alias", "multi-hop"}
    assert {str(kind) for kind in Kind if kind.in_scope} == inside
