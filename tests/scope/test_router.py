"""Each prompt gets its route, for itself."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_editor.edits import Edit, EditId
from memory_editor.memory import EditMemory
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.route import Route, ScoredEdit
from memory_editor.scope.router import Router
from tests.fakes import FakeEncoder

TWITTER = Edit("The CEO of Twitter is", "Linda", exclusions=("Who founded Twitter?",))
FRANCE = Edit("The capital of France is", "Lyon")
PROMPTS = [
    "The CEO of Twitter is",
    "Who founded Twitter?",
    "the capital of france is",
    "The capital of Italy is",
    "Tell me: the CEO of Twitter is",
    "two plus two",
    "",
    "🎉",
    "日本の首都は",
]


@dataclass(frozen=True)
class Given:
    """A classifier that gives each edit the probability it is told."""

    probabilities: dict[EditId, float]
    threshold: float = 0.5

    def score(self, prompt: str, candidate: Candidate) -> ScoredEdit:
        return ScoredEdit(candidate.edit, self.probabilities[candidate.edit.id], (prompt,))


@pytest.fixture
def router(memory: EditMemory) -> Router:
    memory.add_many([TWITTER, FRANCE])
    return Router(memory)


def test_an_exact_prompt_is_answered_with_certainty(router: Router) -> None:
    (route,) = router.route(["the CEO of TWITTER is"])
    assert (route.prompt, route.threshold) == ("the CEO of TWITTER is", 0.5)
    assert route.edits == (ScoredEdit(TWITTER, 1.0, ("the prompt is the edit's own",)),)
    assert route.runner_up is not None
    assert route.runner_up.edit == FRANCE
    assert route.margin == 1.0 - route.runner_up.probability


@pytest.mark.parametrize("prompt", ["Who founded Twitter?", "The capital of Italy is", "two plus two", "", "🎉"])
def test_other_prompts_are_the_base_models(router: Router, prompt: str) -> None:
    (route,) = router.route([prompt])
    assert (route.edits, route.in_scope) == ((), False)
    assert route.runner_up is not None
    assert 0 < route.margin <= 0.5


def test_an_exclusion_keeps_its_edit_out(router: Router) -> None:
    (route,) = router.route(["Who founded Twitter?"])
    assert route.runner_up is not None
    scores = {scored.edit: scored.probability for scored in (route.runner_up, *route.edits)}
    assert scores.get(TWITTER, 0.0) == 0.0


def test_an_empty_memory_gives_the_base_route_without_the_encoder(memory: EditMemory, encoder: FakeEncoder) -> None:
    assert Router(memory).route(PROMPTS) == [Route(prompt, (), None, 0.5) for prompt in PROMPTS]
    assert encoder.encoded == []


def test_the_threshold_is_inclusive(memory: EditMemory) -> None:
    memory.add_many([TWITTER, FRANCE])
    chosen = {TWITTER.id: 0.75, FRANCE.id: 0.74}
    (route,) = Router(memory, Given(chosen, threshold=0.75)).route(["x"])
    assert [scored.edit for scored in route.edits] == [TWITTER]
    assert route.runner_up == ScoredEdit(FRANCE, 0.74, ("x",))
    (route,) = Router(memory, Given(chosen, threshold=0.76)).route(["x"])
    assert (route.edits, route.runner_up) == ((), ScoredEdit(TWITTER, 0.75, ("x",)))


def test_of_equals_the_later_edit_answers(memory: EditMemory) -> None:
    later = replace(TWITTER, prompt="Twitter is led by", id=Edit("x").id)
    memory.add_many([later, TWITTER, FRANCE])
    (route,) = Router(memory, Given({later.id: 0.9, TWITTER.id: 0.9, FRANCE.id: 0.1})).route(["x"])
    assert [scored.edit for scored in route.edits] == [later]
    assert route.runner_up == ScoredEdit(TWITTER, 0.9, ("x",))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompts=st.lists(st.sampled_from(PROMPTS), max_size=6))
def test_a_route_does_not_depend_on_the_other_prompts(router: Router, prompts: list[str]) -> None:
    assert router.route(prompts) == [router.route([prompt])[0] for prompt in prompts]


def test_a_route_follows_the_memory(router: Router) -> None:
    assert router.route([FRANCE.prompt])[0].edits[0].edit == FRANCE
    new = router.memory.update(FRANCE.id, target_new="Nice")
    assert router.route([FRANCE.prompt])[0].edits[0].edit == new
    router.memory.store.undo()
    assert router.route([FRANCE.prompt])[0].edits[0].edit == FRANCE
    router.memory.store.remove([FRANCE.id])
    assert not router.route([FRANCE.prompt])[0].in_scope
