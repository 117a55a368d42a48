"""What is trained on and simulated: of all sources, and of nothing that is left out or there for evaluation."""

from collections import Counter
from random import Random

import pytest

from memory_editor.scope.training.examples import Label
from memory_editor.scope.training.material import STANDARD, Material, Sizes
from memory_editor.scope.training.phrasings import Phrasings
from memory_editor.scope.training.sources import Sources
from tests.fakes import FakeEncoder
from tests.scope.training.data import NEVER

SIZES = Sizes(
    catalogue=300,
    counterfact=8,
    zsre=18,
    claims=40,
    held_back=50,
    attributes=40,
    beside=6,
    everyday=10,
    simulated_catalogue=150,
    simulated_claims=60,
    queries=70,
)


def material(sources: Sources, phrasings: Phrasings, *left_out: str) -> Material:
    return Material(sources, phrasings, FakeEncoder(), frozenset(left_out), SIZES)


@pytest.fixture(scope="module")
def whole(sources: Sources, phrasings: Phrasings) -> Material:
    return material(sources, phrasings)


@pytest.fixture(scope="module")
def without_birth(sources: Sources, phrasings: Phrasings) -> Material:
    return material(sources, phrasings, "place of birth", "date of birth", "mother")


def test_examples_are_of_all_sources_in_their_sizes(whole: Material) -> None:
    examples = whole.examples(Random(0))
    sources = Counter(example.source.split(": ")[0] for example in examples)
    assert (sources["catalogue"], sources["claims"]) == (300, 40)
    assert {example.label for example in examples} == set(Label)
    paraphrases = Counter(example.source for example in examples)
    assert (paraphrases["counterfact: paraphrase"], paraphrases["zsre: paraphrase"]) == (8, 36)
    assert [example.source for example in examples[:10]] != ["catalogue: question"] * 10


def test_the_seed_decides_examples_and_memories(whole: Material, sources: Sources, phrasings: Phrasings) -> None:
    again = material(sources, phrasings)
    assert whole.examples(Random(1)) == again.examples(Random(1)) != whole.examples(Random(2))
    assert whole.refinements(Random(1)) == again.refinements(Random(1)) != whole.refinements(Random(2))
    assert [*whole.memories(Random(1))] == [*again.memories(Random(1))]


def test_no_example_is_about_a_relation_left_out(without_birth: Material, sources: Sources) -> None:
    examples = without_birth.examples(Random(0))
    for example in (*examples, *without_birth.refinements(Random(0))):
        assert {example.fact.relation, example.asked}.isdisjoint(without_birth.left_out)
    counterfact = {example.fact.prompt for example in examples if example.source.startswith("counterfact")}
    assert counterfact
    assert not any(prompt.endswith("was born in") for prompt in counterfact)
    zsre = {example.fact.prompt for example in examples if example.source == "zsre: paraphrase"}
    assert zsre
    assert not any("mother" in prompt for prompt in zsre)
    assert any("mother" in request.prompt for request in sources.zsre[:18])


def test_refinements_are_half_attributes_and_half_fresh_examples(whole: Material) -> None:
    refinements = whole.refinements(Random(0))
    attributes = [example for example in refinements if example.source.startswith("attributes")]
    assert (len(refinements), len(attributes)) == (80, 40)
    assert refinements[:40] != attributes


def test_examples_left_out_are_about_the_relations_left_out(whole: Material, without_birth: Material) -> None:
    examples = without_birth.examples_left_out(Random(0))
    assert len(examples) == 50
    assert {example.fact.relation for example in examples} == without_birth.left_out
    assert whole.examples_left_out(Random(0)) == []


def test_memories_are_of_all_sources_and_asked_of_all_relations(sources: Sources, phrasings: Phrasings) -> None:
    memories = list(material(sources, phrasings, *sorted(phrasings.relations)[::3]).memories(Random(0)))
    groups = [{query.group.split(": ")[0] for query in memory.queries} for memory in memories]
    assert groups == [{"counterfact", "everyday"}, {"zsre"}, {"catalogue", "left out"}, {"claims"}]
    assert len(memories[0].edits) == 4 + 6
    for memory in memories:
        assert len(memory.queries) <= 70
        ids = {edit.id for edit in memory.edits}
        assert all(query.owner is None or query.owner in ids for query in memory.queries)


def test_records_that_are_trained_on_are_not_asked_about(whole: Material, sources: Sources) -> None:
    trained = {request.subject for request in sources.zsre[:18]}
    (_, zsre, *_) = whole.memories(Random(0))
    subjects = {edit.id: edit.subject for edit in zsre.edits}
    asked = {subjects[query.owner] for query in zsre.queries if query.owner}
    assert asked
    assert asked.isdisjoint(trained)
    assert trained < set(subjects.values())


def test_nothing_for_evaluation_is_trained_on_or_asked(whole: Material) -> None:
    prompts = [example.prompt for example in (*whole.examples(Random(0)), *whole.refinements(Random(0)))]
    prompts += [query.prompt for memory in whole.memories(Random(0)) for query in memory.queries]
    assert not any(NEVER in prompt.lower() for prompt in prompts)


def test_the_standard_takes_most_of_the_published_files() -> None:
    assert (STANDARD.counterfact, STANDARD.zsre) == (10_000, 700)
