"""Each prompt gets its route, for itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_editor.edits import Edit, EditId
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.scope import router as router_module
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.route import Kind, Route, ScoredEdit
from memory_editor.scope.router import Router
from tests.fakes import FakeClassifier, FakeEncoder
from tests.scope.trained import classifier

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

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        return [[scored(one.edit, self.probabilities[one.edit.id]) for one in row] for row in found]


def scored(edit: Edit, probability: float) -> ScoredEdit:
    return ScoredEdit(edit, probability, Kind.DIRECT, ("told",))


@pytest.fixture
def router(memory: EditMemory) -> Router:
    memory.add_many([TWITTER, FRANCE])
    return Router(memory, FakeClassifier())


def test_an_exact_prompt_is_answered_with_certainty(router: Router) -> None:
    (route,) = router.route(["the CEO of TWITTER is"])
    assert (route.prompt, route.threshold) == ("the CEO of TWITTER is", 0.5)
    assert [(one.edit, one.probability) for one in route.edits] == [(TWITTER, 1.0)]
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
    scores = {one.edit: one.probability for one in (route.runner_up, *route.edits)}
    assert scores.get(TWITTER, 0.0) == 0.0


def test_an_empty_memory_gives_the_base_route_without_the_encoder(memory: EditMemory, encoder: FakeEncoder) -> None:
    assert Router(memory, FakeClassifier()).route(PROMPTS) == [Route(prompt, (), None, 0.5) for prompt in PROMPTS]
    assert encoder.encoded == []


def test_the_threshold_is_inclusive(memory: EditMemory) -> None:
    memory.add_many([TWITTER, FRANCE])
    chosen = {TWITTER.id: 0.75, FRANCE.id: 0.74}
    (route,) = Router(memory, Given(chosen, threshold=0.75)).route(["x"])
    assert [one.edit for one in route.edits] == [TWITTER]
    assert route.runner_up == scored(FRANCE, 0.74)
    (route,) = Router(memory, Given(chosen, threshold=0.76)).route(["x"])
    assert (route.edits, route.runner_up) == ((), scored(TWITTER, 0.75))


def test_of_equals_the_later_edit_answers(memory: EditMemory) -> None:
    later = replace(TWITTER, prompt="Twitter is led by", id=Edit("x").id)
    memory.add_many([later, TWITTER, FRANCE])
    (route,) = Router(memory, Given({later.id: 0.9, TWITTER.id: 0.9, FRANCE.id: 0.1})).route(["x"])
    assert [one.edit for one in route.edits] == [later]
    assert route.runner_up == scored(TWITTER, 0.9)


@pytest.mark.parametrize(
    ("lead", "abstains"),
    [(0.2, False), (0.125, False), (0.12, True), (0.0, True)],
)
def test_the_router_abstains_where_two_that_disagree_are_close(memory: EditMemory, lead: float, abstains: bool) -> None:
    memory.add_many([TWITTER, FRANCE])
    given = Given({TWITTER.id: 0.75, FRANCE.id: 0.75 - lead})
    (route,) = Router(memory, given, min_margin=0.125).route(["x"])
    assert route.abstained is abstains
    assert [one.edit for one in route.edits] == ([] if abstains else [TWITTER, FRANCE])
    if abstains and lead:
        assert route.runner_up == scored(TWITTER, 0.75)
    assert not Router(memory, given).route(["x"])[0].abstained


@pytest.mark.parametrize("other", [replace(TWITTER, id=Edit("x").id), Edit("Twitter is run by", " linda. ")])
def test_two_that_agree_need_no_margin(memory: EditMemory, other: Edit) -> None:
    # The same request twice is one edit; by another wording, two.
    other = replace(other, prompt="Twitter is run by")
    memory.add_many([TWITTER, other, FRANCE])
    given = Given({TWITTER.id: 0.75, other.id: 0.75, FRANCE.id: 0.1})
    (route,) = Router(memory, given, min_margin=0.5).route(["x"])
    assert ([one.edit for one in route.edits], route.abstained) == ([other], False)


def test_one_that_disagrees_is_close_whatever_stands_between(memory: EditMemory) -> None:
    again = Edit("Twitter is run by", "Linda")
    memory.add_many([TWITTER, again, FRANCE])
    given = Given({TWITTER.id: 0.9, again.id: 0.89, FRANCE.id: 0.88})
    (route,) = Router(memory, given, min_margin=0.1).route(["x"])
    assert (route.edits, route.abstained) == ((), True)


def test_statements_disagree_where_their_texts_do(memory: EditMemory) -> None:
    one, other = (
        Edit("Fox made Soul Food.", subject="Soul Food"),
        Edit("Fox never made Soul Food.", subject="Soul Food"),
    )
    memory.add_many([one, other], on_conflict=OnConflict.KEEP_BOTH)
    (route,) = Router(memory, Given({one.id: 0.9, other.id: 0.85}), min_margin=0.1).route(["x"])
    assert (route.edits, route.abstained) == ((), True)


def test_edits_about_several_subjects_answer_together(memory: EditMemory) -> None:
    again = replace(TWITTER, prompt="Twitter is run by", target_new="Elon", id=Edit("x").id)
    memory.add_many([TWITTER, again, FRANCE], on_conflict=OnConflict.KEEP_BOTH)
    (route,) = Router(memory, Given({TWITTER.id: 0.8, again.id: 0.7, FRANCE.id: 0.6})).route(["x"])
    assert route.edits == (scored(TWITTER, 0.8), scored(FRANCE, 0.6))
    assert route.runner_up == scored(again, 0.7)  # it answers the same question of the same subject
    (route,) = Router(memory, Given({TWITTER.id: 0.8, again.id: 0.7, FRANCE.id: 0.4})).route(["x"])
    assert route.edits == (scored(TWITTER, 0.8),)


def test_a_prompt_of_several_questions_is_in_scope_of_each(router: Router) -> None:
    (route,) = router.route(["The CEO of Twitter is? The capital of France is?"])
    assert {one.edit.subject: one.probability for one in route.edits} == {"Twitter": 1.0, "France": 1.0}
    assert route.prompt == "The CEO of Twitter is? The capital of France is?"


def test_two_questions_about_one_subject_are_answered_by_two_edits(router: Router) -> None:
    home = router.memory.add(Edit("The home of Twitter is", "Perth"), on_conflict=OnConflict.KEEP_BOTH).edits[0]
    (route,) = router.route(["The CEO of Twitter is? The home of Twitter is?"])
    assert {one.edit.id for one in route.edits} == {TWITTER.id, home.id}


def test_questions_in_a_script_without_capitals_have_an_edit_each(memory: EditMemory) -> None:
    one, other = Edit("日本の首都は", "大阪"), Edit("中国の首都は", "上海")
    memory.add_many([one, other], on_conflict=OnConflict.KEEP_BOTH)
    routing = Router(memory, FakeClassifier())
    (route,) = routing.route(["日本の首都は？ 中国の首都は？"])
    assert {scored.edit.id for scored in route.edits} == {one.id, other.id}
    (route,) = Router(memory, Given({one.id: 0.9, other.id: 0.8})).route(["x"])
    assert [scored.edit for scored in route.edits] == [one]


@dataclass(frozen=True)
class GivenByText(Given):
    """Gives edits their probabilities by the order in which the whole and its questions are scored."""

    in_turn: tuple[dict[EditId, float], ...] = ()

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        return [
            [scored(one.edit, told[one.edit.id]) for one in row] for row, told in zip(found, self.in_turn, strict=True)
        ]


def test_the_whole_does_not_decide_again_what_a_question_decides(memory: EditMemory) -> None:
    again = replace(TWITTER, prompt="Twitter is run by", target_new="Elon", id=Edit("x").id)
    memory.add_many([TWITTER, again, FRANCE], on_conflict=OnConflict.KEEP_BOTH)
    whole, first, second = (
        {TWITTER.id: 0.7, again.id: 0.8, FRANCE.id: 0.6},
        {TWITTER.id: 0.9, again.id: 0.85, FRANCE.id: 0.0},
        {TWITTER.id: 0.0, again.id: 0.0, FRANCE.id: 0.7},
    )
    asked = "Who is the CEO of Twitter? What is the capital of France?"
    (route,) = Router(memory, GivenByText({}, in_turn=(whole, first, second))).route([asked])
    assert route.edits == (scored(TWITTER, 0.9), scored(FRANCE, 0.7))
    assert (route.runner_up, route.abstained) == (scored(again, 0.85), False)
    (route,) = Router(memory, GivenByText({}, in_turn=(whole, first, second)), min_margin=0.1).route([asked])
    assert (route.edits, route.abstained, route.runner_up) == ((scored(FRANCE, 0.7),), False, scored(again, 0.85))


@pytest.mark.parametrize(
    "prompt", ["Who founded Twitter? The CEO of Twitter is?", "Is it true that the CEO of Twitter is Linda?"]
)
def test_an_exclusion_is_never_answered_whatever_its_parts_ask(memory: EditMemory, prompt: str) -> None:
    excluding = replace(TWITTER, paraphrases=("the CEO of Twitter is Linda",), exclusions=(prompt,))
    memory.add(excluding)
    (route,) = Router(memory, Given({TWITTER.id: 0.9})).route([prompt.lower()])
    assert (route.edits, route.abstained) == ((), False)
    assert route.runner_up is not None
    assert route.runner_up.reasons == ("the prompt is one of the edit's exclusions",)


def test_two_questions_abstain_each_for_itself(memory: EditMemory) -> None:
    memory.add_many([TWITTER, FRANCE])
    routing = Router(memory, FakeClassifier(), min_margin=0.125)
    (route,) = routing.route(["The CEO of Twitter is? The capital of France is?"])
    assert {one.edit.id for one in route.edits} == {TWITTER.id, FRANCE.id}


def test_statements_about_one_subject_answer_together(memory: EditMemory) -> None:
    one, other = Edit("Soul Food is a film.", subject="Soul Food"), Edit("Soul Food came in 1997.", subject="Soul Food")
    memory.add_many([one, other], on_conflict=OnConflict.KEEP_BOTH)
    (route,) = Router(memory, Given({one.id: 0.9, other.id: 0.85})).route(["x"])
    assert (route.edits, route.runner_up) == ((scored(one, 0.9), scored(other, 0.85)), None)


def test_what_stays_below_the_threshold_does_not_abstain(memory: EditMemory) -> None:
    memory.add_many([TWITTER, FRANCE])
    (route,) = Router(memory, Given({TWITTER.id: 0.4, FRANCE.id: 0.4}), min_margin=0.5).route(["x"])
    assert (route.edits, route.abstained) == ((), False)
    assert route.runner_up == scored(FRANCE, 0.4)


def test_the_classifier_is_loaded_once_and_only_when_asked_for(
    memory: EditMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[ScopeClassifier] = []

    def load() -> ScopeClassifier:
        loaded.append(FakeClassifier())
        return loaded[-1]

    monkeypatch.setattr(router_module, "load_classifier", load)
    router = Router(memory)
    assert loaded == []
    threads = [Thread(target=router.route, args=(["x"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [router.classifier] == loaded
    given = FakeClassifier()
    assert Router(memory, given).classifier is given
    assert len(loaded) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompts=st.lists(st.sampled_from(PROMPTS), max_size=6))
def test_a_route_does_not_depend_on_the_other_prompts(router: Router, prompts: list[str]) -> None:
    assert router.route(prompts) == [router.route([prompt])[0] for prompt in prompts]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompts=st.lists(st.sampled_from(PROMPTS), max_size=6))
def test_nor_does_it_with_trained_weights(router: Router, prompts: list[str]) -> None:
    trained, _ = classifier(lambda pair: (0.0, float(len(pair[0]) % 3 - 1), 0.0))
    routing = Router(router.memory, trained)
    assert routing.route(prompts) == [routing.route([prompt])[0] for prompt in prompts]


def test_a_route_follows_the_memory(router: Router) -> None:
    assert router.route([FRANCE.prompt])[0].edits[0].edit == FRANCE
    new = router.memory.update(FRANCE.id, target_new="Nice").edits[0]
    assert router.route([FRANCE.prompt])[0].edits[0].edit == new
    router.memory.store.undo()
    assert router.route([FRANCE.prompt])[0].edits[0].edit == FRANCE
    router.memory.store.remove([FRANCE.id])
    assert not router.route([FRANCE.prompt])[0].in_scope
