"""Examples of the phrasings: their labels are right by construction, and what is left out is left out."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from memory_editor.scope.training.catalogue import catalogue_examples
from memory_editor.scope.training.examples import Example, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.text import mentions

LABELS = {
    "question": Label.DIRECT,
    "alias": Label.DIRECT,
    "wrapped": Label.DIRECT,
    "claim": Label.DIRECT,
    "other relation": Label.OUT,
    "other relation, wrapped": Label.OUT,
    "other consequence": Label.OUT,
    "other claim": Label.OUT,
    "related subject": Label.OUT,
    "any subject": Label.OUT,
    "longer name": Label.OUT,
    "degree": Label.OUT,
    "qualified": Label.OUT,
    "consequence": Label.CONSEQUENCE,
    "reverse": Label.CONSEQUENCE,
}


def made(lexicon: Lexicon, count: int = 3_000, seed: int = 0) -> list[Example]:
    names = frozenset(lexicon.phrasings.relations)
    return list(catalogue_examples(lexicon, Random(seed), count, edited=names, askable=names))


@pytest.fixture(scope="module")
def examples(lexicon: Lexicon) -> list[Example]:
    return made(lexicon)


def of(examples: list[Example], *kinds: str) -> list[Example]:
    found = [example for example in examples if example.source.removeprefix("catalogue: ") in kinds]
    assert {example.source for example in found} == {f"catalogue: {kind}" for kind in kinds}
    return found


def test_each_way_of_making_has_its_label_and_its_share(examples: list[Example]) -> None:
    assert {(example.source, example.label) for example in examples} == {
        (f"catalogue: {kind}", label) for kind, label in LABELS.items()
    }
    shares = Counter(example.source for example in examples)
    assert abs(shares["catalogue: question"] / 3_000 - 0.20) < 0.03
    assert abs(shares["catalogue: other relation"] / 3_000 - 0.21) < 0.03
    assert abs(shares["catalogue: wrapped"] / 3_000 - 0.05) < 0.02


def test_the_seed_decides_every_example(lexicon: Lexicon, examples: list[Example]) -> None:
    assert made(lexicon, 200) == examples[:200]
    assert made(lexicon, 200, seed=1) != examples[:200]


def test_no_negative_asks_for_a_relation_close_to_the_facts(lexicon: Lexicon, examples: list[Example]) -> None:
    for example in of(examples, "other relation", "other relation, wrapped", "other claim", "other consequence"):
        assert example.asked not in lexicon.phrasings.relations[example.fact.relation or ""].close
        assert mentions(example.prompt, example.fact.subject)


def test_many_negatives_ask_for_what_is_worded_alike(lexicon: Lexicon, examples: list[Example]) -> None:
    phrasings, near = lexicon.phrasings, []
    for example in of(examples, "other relation"):
        relation = phrasings.relations[example.fact.relation or ""]
        rivals = phrasings.rivals(relation, None, phrasings.relations)
        near.append(example.asked in phrasings.nearest(relation, rivals, 10))
    assert 0.5 < sum(near) / len(near) < 0.75


def test_no_negative_takes_a_form_that_may_ask_for_the_facts_relation(
    lexicon: Lexicon, examples: list[Example]
) -> None:
    for example in of(examples, "other relation"):
        ambiguous = [form for form, names in lexicon.phrasings.ambiguous.items() if example.fact.relation in names]
        said = f" {example.prompt.lower().rstrip('?.')}"
        for form in ambiguous:
            if form not in lexicon.forms[example.fact.relation or ""]:
                continue
            asked = form.replace("{}", example.fact.subject).lower().rstrip("?.")
            assert said.strip() != asked


def test_what_asks_for_the_fact_is_one_of_its_forms(lexicon: Lexicon, examples: list[Example]) -> None:
    for example in of(examples, "question"):
        forms = lexicon.forms[example.fact.relation or ""]
        asked = {form.replace("{}", example.fact.subject).lower().rstrip("?.") for form in forms}
        assert any(example.prompt.lower().rstrip("?.").endswith(form) for form in asked)
        assert example.asked == example.fact.relation


def test_facts_have_a_target_where_they_end_in_it(lexicon: Lexicon, examples: list[Example]) -> None:
    targets = Counter(example.fact.target is None for example in examples)
    assert targets[False] > 5 * targets[True] > 0
    for example in examples:
        assert example.fact.target is None or example.fact.target in {
            *lexicon.objects[example.fact.relation or ""],
            *(true for _, true in lexicon.facts[example.fact.relation or ""]),
        }


def test_other_subjects_are_other_subjects(examples: list[Example]) -> None:
    for example in of(examples, "any subject"):
        assert not mentions(example.prompt, example.fact.subject) or len(example.fact.subject.split()) == 1
    for example in of(examples, "longer name"):
        assert example.fact.subject.lower() in example.prompt.lower()


def test_no_hole_is_left_in_any_text(examples: list[Example]) -> None:
    for example in examples:
        for text in (example.prompt, example.fact.prompt):
            assert not {"{", "}"} & set(text)
            assert "[Y]" not in text


def test_wrappers_of_time_are_not_put_around_what_is_timeless(lexicon: Lexicon, examples: list[Example]) -> None:
    openings = {wrapper.split("{")[0] for wrapper in lexicon.phrasings.of_time if not wrapper.startswith("{")}
    for example in of(examples, "qualified"):
        if lexicon.phrasings.relations[example.fact.relation or ""].is_timeless:
            assert not example.prompt.startswith(tuple(openings))


def test_only_relations_asked_for_are_edited_and_asked(lexicon: Lexicon) -> None:
    edited, askable = {"place of birth", "capital"}, {"spouse", "currency", "capital"}
    made = list(islice(catalogue_examples(lexicon, Random(0), 400, edited=edited, askable=askable), 400))
    assert {example.fact.relation for example in made} == edited
    assert {example.asked for example in made} == edited | {"spouse", "currency"}
    negatives = of(made, "other relation")
    assert {example.asked for example in negatives} <= askable
