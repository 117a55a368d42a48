"""Where a fact is recalled: the subject's last token, whatever the tokenizer makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_editor.backends.locating.facts import Fact, Row, facts_of
from memory_editor.edits import Edit
from memory_editor.errors import InvalidEdit
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model

TINY = tiny_model()


def fact(edit: Edit, *prefixes: str, base: LanguageModel = TINY) -> Fact:
    (found,) = facts_of(base, [edit], prefixes)
    return found


def halves(row: Row) -> tuple[str, str, str]:
    return TINY.decode(list(row.head)), TINY.decode(list(row.tail)), TINY.decode(list(row.targets))


def test_a_prompt_is_split_after_its_subject_alone_and_after_each_prefix() -> None:
    found = fact(Edit("The capital of Japan is", "Paris", subject="Japan"), "It is new")
    alone, after = found.contexts
    assert halves(alone) == ("The capital of Japan", " is", " Paris")
    assert halves(after) == ("It is new. The capital of Japan", " is", " Paris")
    assert halves(found.essence) == ("Japan", " is a", "")
    assert found.rows == (alone, after, found.essence)


def test_all_but_the_last_token_of_a_target_is_read() -> None:
    edit = Edit("The capital of Japan is", "Danielle", subject="Japan")
    (row,) = fact(edit).contexts
    target = tuple(TINY.encode(" Danielle"))
    assert len(target) > 1
    assert row.targets == target
    assert (*row.head, *row.tail, target[-1]) == tuple(TINY.encode(edit.fact))
    assert (row.first_target, len(row.tail)) == (1, len(target))  # after " is", which follows the subject


def test_a_subject_may_end_the_prompt() -> None:
    (row,) = fact(Edit("The CEO of Twitter", "Paris", subject="Twitter")).contexts
    assert (halves(row), row.first_target) == (("The CEO of Twitter", "", " Paris"), 0)


def test_the_subject_is_found_whatever_its_case_at_its_last_mention() -> None:
    edit = Edit("In japan, Japanese people call JAPAN the land of", "Paris", subject="Japan")
    assert halves(fact(edit).contexts[0])[:2] == ("In japan, Japanese people call JAPAN", " the land of")


def test_a_whole_word_is_preferred_to_a_part_of_one() -> None:
    edit = Edit("Art is what Artur likes; Art", "new", subject="Art")
    assert halves(fact(edit).contexts[0])[1] == ""
    inside = Edit("東京都は", "new", subject="東京")  # a script without spaces
    assert halves(fact(inside).contexts[0])[0] == "東京"


def test_a_token_that_goes_on_beyond_the_subject_is_its_last() -> None:
    (row,) = fact(Edit("The capital of France is", "Paris", subject="Fran")).contexts
    head = TINY.decode(list(row.head))
    assert head.startswith("The capital of Fran")
    assert row.head + row.tail == tuple(TINY.encode("The capital of France is"))


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12))
def test_head_and_tail_are_the_prompt_and_the_head_holds_the_subject(subject: str) -> None:
    edit = Edit(f"They say that {subject} is", "Paris", subject=subject)
    (row,) = fact(edit).contexts
    assert (*row.head, *row.tail, row.targets[-1]) == tuple(TINY.encode(edit.fact))
    assert TINY.decode(list(row.head)).rstrip("\ufffd").endswith(subject.rstrip("\ufffd")[-1:])
    assert TINY.decode(list(row.tail)).strip() == "is"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Edit("Japan's capital is Paris.", subject="Japan"), "has no target"),
        (Edit("the capital of it is", "Paris"), "no subject stands out in 'the capital of it is'; give `subject`"),
        (Edit("The capital is", "Paris", subject="Japan"), "'The capital is' does not name the subject 'Japan'; make"),
    ],
)
def test_an_edit_without_what_is_needed_is_refused(edit: Edit, why: str) -> None:
    with pytest.raises(InvalidEdit, match=why):
        fact(edit)
