"""Simulated memories: what is asked of them has the owner that it is said to have, or none."""

from dataclasses import replace
from random import Random

import pytest

from memory_editor.edits import Edit
from memory_editor.scope.training.counterfact import CounterFact
from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.memories import (
    Query,
    SimulatedMemory,
    catalogue_memory,
    claim_memory,
    counterfact_memory,
    everyday_queries,
    zsre_memory,
)
from memory_editor.scope.training.sources import Sources
from memory_editor.scope.training.zsre import ZsRe
from memory_editor.text import mentions
from tests.fakes import FakeEncoder


def owners(memory: SimulatedMemory, group: str) -> list[tuple[str, str | None]]:
    """Return the prompts of a group, each with the subject of its owner."""
    subjects = {edit.id: edit.subject for edit in memory.edits}
    return [(one.prompt, subjects[one.owner] if one.owner else None) for one in memory.queries if one.group == group]


class TestCounterFact:
    """A memory of CounterFact's requests."""

    @pytest.fixture
    def memory(self, sources: Sources, lexicon: Lexicon) -> SimulatedMemory:
        counterfact = CounterFact(sources.counterfact, lexicon)
        return counterfact_memory(counterfact, sources.counterfact_val, sources.counterfact[4:], Random(0))

    def test_all_requests_are_live_and_some_are_asked_about(self, memory: SimulatedMemory, sources: Sources) -> None:
        live = [*sources.counterfact_val, *sources.counterfact[4:]]
        assert [(edit.prompt, edit.target_new) for edit in memory.edits] == [
            (one.prompt, one.target_new) for one in live
        ]
        assert owners(memory, "counterfact: paraphrase") == [
            (one.rephrase, one.subject) for one in sources.counterfact_val
        ]

    def test_near_misses_have_no_owner(self, memory: SimulatedMemory, sources: Sources) -> None:
        assert owners(memory, "counterfact: other subject") == [
            (one.near_miss, None) for one in sources.counterfact_val
        ]

    def test_a_near_miss_that_an_edit_covers_is_not_asked(self, sources: Sources, lexicon: Lexicon) -> None:
        covered = replace(
            sources.counterfact[0],
            near_miss="Emmy Noether was born in",
            near_miss_true=sources.counterfact[6].target_true,
        )
        assert sources.counterfact[6].subject == "Emmy Noether"
        memory = counterfact_memory(
            CounterFact(sources.counterfact, lexicon), [covered], sources.counterfact[1:], Random(0)
        )
        assert owners(memory, "counterfact: other subject") == []
        elsewhere = replace(covered, near_miss_true="Atlantis")
        memory = counterfact_memory(
            CounterFact(sources.counterfact, lexicon), [elsewhere], sources.counterfact[1:], Random(0)
        )
        assert owners(memory, "counterfact: other subject") == [("Emmy Noether was born in", None)]

    def test_other_relations_are_asked_of_the_same_subjects(self, memory: SimulatedMemory) -> None:
        found = owners(memory, "counterfact: other relation")
        assert found
        assert all("located" in prompt or "climb" in prompt for prompt, _ in found if mentions(prompt, "Ada Lovelace"))
        assert {owner for _, owner in found} == {None}


class TestZsRe:
    """A memory of zsRE's requests."""

    @pytest.fixture
    def memory(self, sources: Sources, lexicon: Lexicon) -> SimulatedMemory:
        requests = [*sources.zsre, replace(sources.zsre[20], prompt="Who is Zed23son Smythe?", target_new="x")]
        zsre = ZsRe(requests, lexicon, FakeEncoder())
        return zsre_memory(zsre, requests, range(20, 27), lexicon, Random(0))

    def test_requests_with_a_subject_of_their_own_are_asked_about(
        self, memory: SimulatedMemory, sources: Sources
    ) -> None:
        assert len(memory.edits) == 28
        assert owners(memory, "zsre: plain paraphrase") == [(one.rephrase, one.subject) for one in sources.zsre[21:27]]

    def test_prompts_that_another_edit_answers_are_not_asked(self, memory: SimulatedMemory) -> None:
        groups = {query.group for query in memory.queries}
        assert {"zsre: other relation", "zsre: plain paraphrase"} <= groups
        assert groups.isdisjoint({"zsre: other subject", "zsre: paraphrase"})

    def test_only_what_is_in_scope_has_an_owner(self, memory: SimulatedMemory) -> None:
        for query in memory.queries:
            assert (query.owner is None) == (query.group in {"zsre: other relation", "zsre: longer name", "zsre: form"})


BIRTH = Fact("Ada", "Ada was born in", "Oslo", "place of birth")


def example(prompt: str, fact: Fact, label: Label, source: str = "catalogue: question", asked: str = "") -> Example:
    return Example(prompt, fact, label, source, asked or fact.relation)


class TestCatalogue:
    """A memory of the facts of examples."""

    def test_each_fact_is_live_once_and_its_first_prompt_asked(self, lexicon: Lexicon) -> None:
        again = replace(BIRTH, subject="ADA", target="Rome")
        memory = catalogue_memory(
            [example("Where was Ada born?", BIRTH, Label.DIRECT), example("Ada birthplace", again, Label.DIRECT)],
            lexicon,
            (),
        )
        assert memory.edits == (BIRTH.as_edit(0),)
        assert memory.queries == (Query("Where was Ada born?", memory.edits[0].id, "catalogue: question"),)

    def test_negatives_have_no_owner(self, lexicon: Lexicon) -> None:
        memory = catalogue_memory([example("Who married Ada?", BIRTH, Label.OUT, asked="spouse")], lexicon, ())
        assert memory.queries == (Query("Who married Ada?", None, "catalogue: question"),)

    @pytest.mark.parametrize(
        ("relation", "is_covered"), [("place of birth", True), ("origin", True), ("place of death", False)]
    )
    def test_a_negative_that_another_edit_may_answer_is_not_asked(
        self, lexicon: Lexicon, relation: str, is_covered: bool
    ) -> None:
        spouse, other = Fact("Ada", "Ada married", "Carl", "spouse"), Fact("Ada", "Ada, of", "Oslo", relation)
        examples = [
            example("Where was Ada born?", spouse, Label.OUT, asked="place of birth"),
            example("Of where is Ada?", other, Label.DIRECT),
        ]
        asked = [query.prompt for query in catalogue_memory(examples, lexicon, ()).queries]
        assert asked == (["Of where is Ada?"] if is_covered else ["Where was Ada born?", "Of where is Ada?"])

    def test_relations_left_out_make_groups_of_their_own(self, lexicon: Lexicon) -> None:
        spouse = Fact("Carl", "Carl married", "Ada", "spouse")
        examples = [
            example("Where was Ada born?", BIRTH, Label.DIRECT),
            example("Carl born?", spouse, Label.OUT, asked="place of birth"),
        ]
        groups = [
            [query.group for query in catalogue_memory(examples, lexicon, left_out).queries]
            for left_out in ((), {"spouse"}, {"place of birth"})
        ]
        own, left = "catalogue: question", "left out: catalogue: question"
        assert groups == [[own, own], [own, left], [left, left]]

    def test_few_facts_are_about_one_subject_and_none_is_asked_in_reverse(self, lexicon: Lexicon) -> None:
        facts = [Fact("Ada", f"Ada {name}", "x", name) for name in lexicon.phrasings.relations]
        examples = [example("Who?", facts[0], Label.CONSEQUENCE, "catalogue: reverse")]
        examples += [example("Ada?", fact, Label.DIRECT) for fact in facts]
        assert [edit.prompt for edit in catalogue_memory(examples, lexicon, ()).edits] == [
            fact.prompt for fact in facts[:3]
        ]


def test_of_claims_one_about_a_subject_is_live() -> None:
    facts = [Fact("Ada", "Ada was here."), Fact("ada", "Ada was there."), Fact("Carl", "Carl was here.")]
    memory = claim_memory(
        [
            Example("Ada wasn't here.", facts[0], Label.DIRECT, "claims: same"),
            Example("Ada was ill.", facts[1], Label.OUT, "claims: other claim"),
            Example("Emmy was ill.", facts[2], Label.OUT, "claims: other subject"),
            Example("Carl was ill.", facts[2], Label.OUT, "claims: other claim"),
        ]
    )
    assert memory.edits == (facts[0].as_edit(0), facts[2].as_edit(1))
    assert memory.queries == (
        Query("Ada wasn't here.", memory.edits[0].id, "claims: same"),
        Query("Carl was ill.", None, "claims: other claim"),
    )


def test_everyday_prompts_mention_no_subject_of_the_memory(lexicon: Lexicon) -> None:
    memory = SimulatedMemory((Edit("Oslo is", "x", subject="Oslo"), Edit("It is", "y", subject="Bob Marley")), ())
    asked = ["Where is Oslo?", "Where is Lima?"]
    queries = list(everyday_queries(memory, lexicon, asked, 300, Random(0)))
    prompts = [query.prompt for query in queries]
    assert {"Where is Lima?", "where is lima"} & set(prompts)
    assert {(query.owner, query.group) for query in queries} == {(None, "everyday")}
    assert not any(mentions(prompt, subject) for prompt in prompts for subject in ("Oslo", "Bob Marley"))
    sentences = {*lexicon.sentences, *(sentence.lower() for sentence in lexicon.sentences)}
    assert sentences & set(prompts)
    assert len(prompts) > 300


def test_the_seed_decides_what_is_asked(sources: Sources, lexicon: Lexicon) -> None:
    counterfact = CounterFact(sources.counterfact, lexicon)
    one, same = (
        counterfact_memory(counterfact, sources.counterfact_val, (), Random(3)),
        counterfact_memory(counterfact, sources.counterfact_val, (), Random(3)),
    )
    assert one == same
