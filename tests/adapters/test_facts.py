"""A fact is told as one sentence on one line."""

import pytest

from memory_editor.adapters.facts import new_facts, sentence
from memory_editor.edits import Edit


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (Edit("The answer is", "no!"), "The answer is no!"),
        (Edit("Who runs Twitter?", "Linda"), "Who runs Twitter? Linda."),
        (Edit("Is it so?"), "Is it so?"),
        (Edit("東京は首都です。"), "東京は首都です。"),
        (Edit("दिल्ली राजधानी है।"), "दिल्ली राजधानी है।"),
        (Edit("هل باريس؟"), "هل باريس؟"),
        (Edit("The price is", "5 €"), "The price is 5 €."),
        (Edit("It is said\nin two lines"), "It is said in two lines."),
    ],
)
def test_a_fact_ends_as_a_sentence_does_on_one_line(edit: Edit, told: str) -> None:
    assert sentence(edit) == told


def test_new_facts_take_a_line_each_in_the_order_given() -> None:
    edits = [Edit("Linda runs Twitter."), Edit("The CEO of Twitter is", "Linda")]
    assert new_facts(edits) == "New fact: Linda runs Twitter.\nNew fact: The CEO of Twitter is Linda.\n"
