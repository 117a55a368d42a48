"""Examples from zsRE: a question and its paraphrase, and questions that are unlike it by their similarity."""

from random import Random

import pytest

from memory_editor.scope.training.examples import Example, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.sources import Request, Sources
from memory_editor.scope.training.zsre import ZsRe
from tests.fakes import FakeEncoder


@pytest.fixture(scope="module")
def zsre(sources: Sources, lexicon: Lexicon) -> ZsRe:
    return ZsRe(sources.zsre, lexicon, FakeEncoder())


@pytest.fixture(scope="module")
def examples(zsre: ZsRe, lexicon: Lexicon) -> list[Example]:
    return list(zsre.examples(range(18), Random(0), askable=lexicon.phrasings.relations))


def plain(example: Example) -> str:
    """Return a prompt without what a style adds to it."""
    return example.prompt.split(". ")[-1].lower().rstrip("?.")


def asked_of(request: Request, subject: str) -> set[str]:
    return {
        prompt.replace(request.subject, subject).lower().rstrip("?") for prompt in (request.prompt, request.rephrase)
    }


def test_every_way_has_its_label(examples: list[Example]) -> None:
    assert {(example.source, example.label) for example in examples} == {
        ("zsre: paraphrase", Label.DIRECT),
        ("zsre: alias", Label.DIRECT),
        ("zsre: other relation", Label.OUT),
        ("zsre: other subject", Label.OUT),
        ("zsre: longer name", Label.OUT),
        ("zsre: form", Label.OUT),
    }


def test_each_record_is_taken_both_ways_round(examples: list[Example], sources: Sources) -> None:
    paraphrases = [example for example in examples if example.source == "zsre: paraphrase"]
    expected = [
        (way, request.target_new, plain_other.lower().rstrip("?"))
        for request in sources.zsre[:18]
        for way, plain_other in ((request.prompt, request.rephrase), (request.rephrase, request.prompt))
    ]
    assert [(one.fact.prompt, one.fact.target, plain(one)) for one in paraphrases] == expected


def test_negatives_ask_what_only_other_records_ask(examples: list[Example], sources: Sources) -> None:
    requests = {request.subject: request for request in sources.zsre[:18]}
    for example in examples:
        own = requests[example.fact.subject]
        if example.source == "zsre: other relation":
            assert plain(example) not in asked_of(own, own.subject)
            assert any(plain(example) in asked_of(other, own.subject) for other in sources.zsre[:18])
        if example.source == "zsre: other subject":
            others = [request for request in sources.zsre[:18] if request is not own]
            assert any(plain(example) == other.prompt.lower().rstrip("?") for other in others)


def test_only_records_that_are_named_are_used(zsre: ZsRe, sources: Sources, lexicon: Lexicon) -> None:
    found = list(zsre.examples([3, 4, 5, 9], Random(0), askable=lexicon.phrasings.relations))
    said = " ".join(example.prompt.lower() for example in found)
    assert {example.fact.subject for example in found} == {sources.zsre[number].subject for number in (3, 4, 5, 9)}
    others = [request.subject for number, request in enumerate(sources.zsre) if number not in (3, 4, 5, 9)]
    assert not any(subject.lower() in said for subject in others)


def test_a_single_record_has_no_negatives_of_others(zsre: ZsRe, lexicon: Lexicon) -> None:
    found = zsre.examples([0], Random(0), askable=lexicon.phrasings.relations)
    assert {example.source for example in found} <= {
        "zsre: paraphrase",
        "zsre: alias",
        "zsre: longer name",
        "zsre: form",
    }


def test_forms_are_of_the_relations_that_may_be_asked(zsre: ZsRe, lexicon: Lexicon) -> None:
    rng, forms = Random(0), {form.split("{}")[0].lower() for form in lexicon.forms["currency"]}
    found = [
        example
        for _ in range(30)
        for example in zsre.examples([0], rng, askable={"currency"})
        if example.source == "zsre: form"
    ]
    assert found
    assert all(plain(example).split(example.fact.subject.lower())[0] in forms for example in found)


def test_the_relation_is_that_of_the_form_most_alike(lexicon: Lexicon) -> None:
    questions = ("Who is Ada Lovelace married to?", "What is the currency of Ada Lovelace?")
    requests = [Request("Ada Lovelace", question, "x", question) for question in questions]
    zsre = ZsRe(requests, lexicon, FakeEncoder())
    assert "Who is {} married to?" in lexicon.forms["spouse"]
    assert [zsre.relation(number) for number in range(2)] == ["spouse", "currency"]


def test_the_seed_decides_every_example(zsre: ZsRe, lexicon: Lexicon) -> None:
    names = lexicon.phrasings.relations
    one, same, other = (list(zsre.examples(range(18), Random(seed), askable=names)) for seed in (1, 1, 2))
    assert one == same != other
