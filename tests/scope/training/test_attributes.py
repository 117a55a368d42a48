"""Examples that call relations by name: the name of another relation makes another question."""

from random import Random

import pytest

from memory_editor.scope.training.attributes import UNNAMED, attribute_examples
from memory_editor.scope.training.examples import Example, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.text import mentions

LABELS = {
    "same": {Label.DIRECT},
    "other": {Label.OUT},
    "needed": {Label.CONSEQUENCE},
    "needed, other": {Label.OUT},
    "unneeded": {Label.OUT},
    "time": {Label.DIRECT, Label.OUT},
}


def made(lexicon: Lexicon, count: int, seed: int = 0) -> list[Example]:
    names = lexicon.phrasings.relations
    return list(attribute_examples(lexicon, Random(seed), count, edited=names, askable=names))


@pytest.fixture(scope="module")
def examples(lexicon: Lexicon) -> list[Example]:
    return made(lexicon, 1_500)


def of(examples: list[Example], how: str) -> list[Example]:
    return [example for example in examples if example.source == f"attributes: {how}"]


def test_each_way_has_its_labels(examples: list[Example]) -> None:
    assert len(examples) == 1_500
    assert {how: {example.label for example in of(examples, how)} for how in LABELS} == LABELS
    assert sum(len(of(examples, how)) for how in LABELS) == 1_500


def test_relations_whose_names_do_not_fit_are_left_out(lexicon: Lexicon, examples: list[Example]) -> None:
    assert set(lexicon.phrasings.relations) >= UNNAMED
    assert UNNAMED.isdisjoint(example.fact.relation for example in examples)
    assert UNNAMED.isdisjoint(example.asked for example in examples)


def test_what_asks_for_another_relation_names_one_that_is_not_close(lexicon: Lexicon, examples: list[Example]) -> None:
    for example in (*of(examples, "other"), *of(examples, "needed, other")):
        assert example.asked not in lexicon.phrasings.relations[example.fact.relation or ""].close
        assert mentions(example.prompt, example.asked or "")
        assert mentions(example.prompt, example.fact.subject)


def test_what_asks_for_the_same_names_it_or_is_one_of_its_forms(lexicon: Lexicon, examples: list[Example]) -> None:
    for example in of(examples, "same"):
        relation, subject = example.fact.relation or "", example.fact.subject
        forms = (form.replace("{}", subject).rstrip("?.").lower() for form in lexicon.forms[relation])
        assert mentions(example.prompt, relation) or any(form in example.prompt.lower() for form in forms)


def test_at_another_time_the_answer_is_the_same_only_where_it_is_timeless(
    lexicon: Lexicon, examples: list[Example]
) -> None:
    for example in of(examples, "time"):
        is_timeless = lexicon.phrasings.relations[example.fact.relation or ""].is_timeless
        assert (example.label is Label.DIRECT) == is_timeless


def test_comparisons_need_the_fact_of_their_subject(examples: list[Example]) -> None:
    for example in of(examples, "needed"):
        assert mentions(example.prompt, example.fact.subject)
        assert mentions(example.prompt, example.fact.relation or "")


def test_no_hole_is_left_in_any_text(examples: list[Example]) -> None:
    assert not any({"{", "}"} & set(example.prompt + example.fact.text) for example in examples)


def test_only_relations_asked_for_are_edited_and_asked(lexicon: Lexicon) -> None:
    edited, askable = {"mother", "capital", "part of"}, {"father", "currency", "part of"}
    found = list(attribute_examples(lexicon, Random(0), 300, edited=edited, askable=askable))
    assert {example.fact.relation for example in found} == {"mother", "capital"}
    others = {example.asked for example in (*of(found, "other"), *of(found, "needed, other"))}
    assert others <= askable


def test_the_seed_decides_every_example(lexicon: Lexicon, examples: list[Example]) -> None:
    assert made(lexicon, 100) == examples[:100]
    assert made(lexicon, 100, seed=1) != examples[:100]
