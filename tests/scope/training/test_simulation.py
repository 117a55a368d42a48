"""A simulated memory is asked as the router asks its own; queries that lost their meaning are dropped."""

import pytest

from memory_editor.scope.training.examples import Fact
from memory_editor.scope.training.memories import Query, SimulatedMemory
from memory_editor.scope.training.simulation import simulate
from tests.fakes import FakeEncoder

FACTS = [
    Fact("Twitter", "The CEO of Twitter is", "Linda"),
    Fact("Peru", "The capital of Peru is", "Cusco"),
    Fact("Fox", "Fox made Soul Food."),
]
EDITS = tuple(fact.as_edit(number) for number, fact in enumerate(FACTS))
TWITTER, PERU, _ = (edit.id for edit in EDITS)


def memory(*queries: Query, edits: tuple[Fact, ...] = ()) -> SimulatedMemory:
    more = tuple(fact.as_edit(number) for number, fact in enumerate(edits, len(EDITS)))
    return SimulatedMemory(EDITS + more, queries)


def test_candidates_are_those_of_the_live_edits() -> None:
    asked = Query("Who runs Twitter?", TWITTER, "test")
    (seen,) = simulate(memory(asked), FakeEncoder())
    assert seen.query == asked
    assert {candidate.edit.fact for candidate in seen.candidates} == {fact.text for fact in FACTS}
    (own,) = [candidate for candidate in seen.candidates if candidate.edit.id == TWITTER]
    assert (own.mention.masked, own.masked_fact) == ("Who runs [MASK]?", "The CEO of [MASK] is Linda")


def test_a_query_of_a_superseded_edit_is_dropped() -> None:
    later = Fact("Peru", "The capital of Peru is", "Lima")
    asked = memory(Query("Peru's capital?", PERU, "test"), Query("Twitter's CEO?", TWITTER, "test"), edits=(later,))
    assert [seen.query.prompt for seen in simulate(asked, FakeEncoder())] == ["Twitter's CEO?"]


def test_a_query_of_a_restated_edit_belongs_to_the_one_that_is_live() -> None:
    again = FACTS[1].as_edit(len(EDITS))
    asked = memory(Query("Peru's capital?", again.id, "test"), edits=(FACTS[1],))
    assert [seen.query.owner for seen in simulate(asked, FakeEncoder())] == [PERU]


@pytest.mark.parametrize(("owner", "kept"), [(None, 0), (PERU, 1)])
def test_the_own_prompt_of_an_edit_is_not_out_of_scope(owner: None, kept: int) -> None:
    asked = memory(Query("the capital of  PERU is", owner, "test"))
    assert len(simulate(asked, FakeEncoder())) == kept


def test_progress_is_told_up_to_all() -> None:
    told: list[int] = []
    queries = [Query(f"Who is number {number}?", None, "test") for number in range(100)]
    dropped = Query("The capital of Peru is", None, "test")
    seen = simulate(memory(*queries, dropped), FakeEncoder(), told.append)
    assert [one.query for one in seen] == queries
    assert told == [65, 101]
