"""Examples of claims: half are the same claim in other words, the others another claim or another subject."""

from random import Random

import pytest

from memory_editor.errors import DataError
from memory_editor.scope.training.claims import Claims
from memory_editor.scope.training.examples import Example, Label
from memory_editor.scope.training.sources import Sources
from tests.fakes import FakeEncoder

NAMES = ("Oslo", "Peru")


@pytest.fixture(scope="module")
def examples(sources: Sources) -> list[Example]:
    return list(Claims(sources.sentences, NAMES, FakeEncoder()).examples(800, Random(0)))


def test_half_are_in_scope(examples: list[Example]) -> None:
    assert len(examples) == 800
    assert {(example.source, example.label) for example in examples} == {
        ("claims: same", Label.DIRECT),
        ("claims: other claim", Label.OUT),
        ("claims: other subject", Label.OUT),
    }
    inside = sum(example.label is Label.DIRECT for example in examples)
    assert 0.45 < inside / 800 < 0.55


def test_facts_are_statements_about_what_they_name(examples: list[Example], sources: Sources) -> None:
    assert {example.fact.target for example in examples} == {None}
    own = {example.fact.subject for example in examples if example.fact.prompt in sources.sentences}
    assert own == {example.fact.subject for example in examples}
    assert all(any(subject in sentence for sentence in sources.sentences) for subject in own)


def test_another_subjects_claim_is_a_sentence_as_it_stands(examples: list[Example], sources: Sources) -> None:
    found = [example for example in examples if example.source == "claims: other subject"]
    assert all(example.prompt in sources.sentences and example.prompt != example.fact.prompt for example in found)


def test_another_claim_is_said_of_the_facts_subject() -> None:
    sentences = ("Ada Lovelace was born in London and died in London.", "Alan Turing wrote a paper on machines.")
    claims = Claims(sentences, NAMES, FakeEncoder())
    moved = {
        ("Ada Lovelace", "Ada Lovelace wrote a paper on machines."),
        ("Alan Turing", "Alan Turing was born in London and died in London."),
    }
    found = [example for example in claims.examples(400, Random(0)) if example.source == "claims: other claim"]
    assert moved <= {(example.fact.subject, example.prompt) for example in found}


def test_only_sentences_that_say_something_of_a_subject_are_claims() -> None:
    claim, other = "Ada Lovelace was born in London then.", "Alan Turing was born in Paris then."
    no_verb, no_subject = "Ada Lovelace, the mother of all machines.", "it was said that nothing ever came of it"
    late = f"it was {'very ' * 10}true of Carl Gauss too"
    found = Claims((no_verb, claim, no_subject, other, late), NAMES, FakeEncoder()).examples(200, Random(0))
    assert {example.fact.subject for example in found} == {"Ada Lovelace", "Alan Turing"}


def test_too_few_claims_are_an_error() -> None:
    with pytest.raises(DataError, match=r"^1 of 2 sentences say something of a subject; give more$"):
        Claims(("Ada Lovelace was born in London then.", "no"), NAMES, FakeEncoder())


def test_the_seed_decides_every_example(sources: Sources) -> None:
    claims = Claims(sources.sentences, NAMES, FakeEncoder())
    one, same, other = (list(claims.examples(50, Random(seed))) for seed in (1, 1, 2))
    assert one == same != other
