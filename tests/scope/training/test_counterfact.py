"""Examples from CounterFact: what a record says is in its scope, and other relations are really others."""

from random import Random

import pytest

from memory_editor.scope.training.counterfact import CounterFact
from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.sources import Request, Sources
from memory_editor.text import mentions

BIRTH, PLACE = "{} was born in", "{} is located in"


@pytest.fixture(scope="module")
def counterfact(sources: Sources, lexicon: Lexicon) -> CounterFact:
    return CounterFact(sources.counterfact, lexicon)


@pytest.fixture(scope="module")
def examples(counterfact: CounterFact, sources: Sources) -> list[Example]:
    rng = Random(0)
    return [example for _ in range(40) for example in counterfact.examples(sources.counterfact, rng)]


def about(examples: list[Example], how: str) -> list[Example]:
    found = [example for example in examples if example.source == f"counterfact: {how}"]
    assert found
    return found


def test_every_way_has_its_label(examples: list[Example]) -> None:
    assert {(example.source, example.label) for example in examples} == {
        ("counterfact: paraphrase", Label.DIRECT),
        ("counterfact: own prompt", Label.DIRECT),
        ("counterfact: alias", Label.DIRECT),
        ("counterfact: other relation", Label.OUT),
        ("counterfact: other subject", Label.OUT),
        ("counterfact: related subject", Label.OUT),
        ("counterfact: longer name", Label.OUT),
    }


def test_the_fact_is_what_the_record_requests(examples: list[Example], sources: Sources) -> None:
    facts = {Fact(one.subject, one.prompt, one.target_new) for one in sources.counterfact}
    assert {example.fact for example in examples} == facts


def test_a_record_gives_its_paraphrase(examples: list[Example], sources: Sources) -> None:
    by_prompt = {one.prompt: one for one in sources.counterfact}
    paraphrases = about(examples, "paraphrase")
    assert len(paraphrases) == 40 * 12
    own = [by_prompt[example.fact.prompt].rephrase == example.prompt for example in paraphrases]
    assert sum(own) > 0.93 * len(own)


def test_another_subject_is_that_of_a_record_that_asks_the_same(examples: list[Example], sources: Sources) -> None:
    by_prompt = {one.prompt: one for one in sources.counterfact}
    near = about(examples, "other subject")
    for example in near:
        own = by_prompt[example.fact.prompt]
        alike = [one for one in sources.counterfact if one.template == own.template and one.subject != own.subject]
        assert example.prompt in {prompt for one in alike for prompt in (one.prompt, one.rephrase)}
    assert 0.06 < len(near) / (40 * 12) < 0.2


def test_what_a_record_has_for_evaluation_is_no_example(examples: list[Example], sources: Sources) -> None:
    assert {example.prompt for example in examples}.isdisjoint(one.near_miss for one in sources.counterfact)


def test_a_related_subject_is_asked_about_in_the_records_words(examples: list[Example], lexicon: Lexicon) -> None:
    for example in about(examples, "related subject"):
        assert example.fact.subject not in example.prompt
        assert any(mentions(example.prompt, name) for name in lexicon.names)


def test_another_relation_is_asked_of_the_same_subject(examples: list[Example], sources: Sources) -> None:
    births = {one.subject for one in sources.counterfact if one.template == BIRTH}
    for example in about(examples, "other relation"):
        subject = example.fact.subject
        asked = (
            {f"{subject} is located in", f"Noise. To climb {subject}, fly to"}
            if subject in births
            else {f"{subject} was born in", f"Noise. The cradle of {subject} stood in"}
        )
        assert example.prompt in asked


def test_templates_with_a_true_answer_in_common_are_not_unlike(lexicon: Lexicon) -> None:
    def unlike(one: str, other: str) -> bool:
        requests = [Request("Ada", f"Ada {verb}", "x", "y", true) for verb, true in (("xs", one), ("zs", other))]
        return CounterFact(requests, lexicon).are_unlike("{} xs", "{} zs")

    assert unlike("Oslo", "Rome")
    assert not unlike("Oslo", "Oslo")


def test_templates_of_close_relations_are_not_unlike(counterfact: CounterFact, lexicon: Lexicon) -> None:
    origin = next(form for form in lexicon.forms["origin"] if form not in lexicon.forms["place of birth"])
    both = CounterFact(
        [
            Request("Ada", BIRTH.replace("{}", "Ada"), "x", "y", "1"),
            Request("Ada", origin.replace("{}", "Ada"), "x", "y", "2"),
        ],
        lexicon,
    )
    assert not both.are_unlike(BIRTH, origin)
    assert not both.are_unlike(origin, BIRTH)
    assert counterfact.are_unlike(BIRTH, PLACE)
    assert not counterfact.are_unlike(BIRTH, BIRTH)


def test_a_request_may_ask_for_the_relations_of_its_template(counterfact: CounterFact, sources: Sources) -> None:
    birth, place = sources.counterfact[:2]
    assert counterfact.may_ask_for(birth, {"place of birth", "spouse"})
    assert not counterfact.may_ask_for(birth, {"spouse"})
    assert not counterfact.may_ask_for(place, {"place of birth"})
    assert not counterfact.may_ask_for(birth, ())


def test_the_seed_decides_every_example(counterfact: CounterFact, sources: Sources) -> None:
    one, same, other = (list(counterfact.examples(sources.counterfact, Random(seed))) for seed in (1, 1, 2))
    assert one == same != other
