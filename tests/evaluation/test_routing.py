"""Of each prompt it is kept what the router made of it; only live edits count, and collisions count by themselves."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from memory_editor.edits import Edit
from memory_editor.errors import DataError
from memory_editor.evaluation.metrics import Rate
from memory_editor.evaluation.published import Published
from memory_editor.evaluation.routing import Figure, RoutePrompts, RowResult, evaluate
from memory_editor.evaluation.rows import Probe, ProbeSet, Row, RowName
from memory_editor.evaluation.scope_rows import read_row
from memory_editor.memory import EditMemory
from memory_editor.scope.route import Kind, Route, ScoredEdit
from memory_editor.scope.router import Router
from tests.evaluation.data import ADA, BLANC, PERU, write
from tests.fakes import FakeClassifier, FakeEncoder
from tests.memory.test_conflicts import ToldJudge

THRESHOLD = 0.5
KINDS = {"B is": Kind.CONSEQUENCE}
"""How the edits with these prompts answer; all others directly."""


def giving(probabilities: dict[str, dict[str, float]]) -> Callable[[EditMemory], RoutePrompts]:
    """Return a router that gives each prompt the probabilities it is told, by the prompts of the edits."""

    def router(memory: EditMemory) -> RoutePrompts:
        live = {record.edit.prompt: record.edit for record in memory.store.select()}

        def route(prompts: Sequence[str]) -> list[Route]:
            return [routed(prompt, probabilities.get(prompt, {}), live) for prompt in prompts]

        return route

    return router


def routed(prompt: str, probabilities: dict[str, float], live: dict[str, Edit]) -> Route:
    scored = [
        ScoredEdit(live[about], value, KINDS.get(about, Kind.DIRECT), ()) for about, value in probabilities.items()
    ]
    scored.sort(key=lambda one: -one.probability)
    answering = [one for one in scored if one.probability >= THRESHOLD]
    others = scored[len(answering) :]
    return Route(prompt, tuple(answering), others[0] if others else None, THRESHOLD)


def asked(row: Row, probabilities: dict[str, dict[str, float]]) -> RowResult:
    (result,) = evaluate([row], FakeEncoder(), giving(probabilities))
    return result


def outcomes(figure: Figure) -> dict[str, tuple[bool, str | None, float]]:
    return {one.probe.prompt: (one.is_right, one.answered, one.score) for one in figure.outcomes}


def test_a_row_of_counterfact(tmp_path: Path) -> None:
    row = read_row(RowName.COUNTERFACT, Published(write(tmp_path)))
    result = asked(
        row,
        {
            ADA: {ADA: 1.0},
            PERU: {PERU: 1.0, ADA: 0.2},
            BLANC: {ADA: 0.9, BLANC: 0.4},
            "Ada Lovelace spoke": {ADA: 0.7},
            "Peru's capital city is": {PERU: 0.3},
            "Chile's capital city is": {PERU: 0.6, ADA: 0.1},
            "Alan Turing's mother tongue is": {ADA: 0.4},
            "in PERU, Parliament sits in": {PERU: 0.8},
        },
    )
    own, paraphrase, locality, collisions = result.figures
    assert (result.live, result.superseded, result.threshold) == (3, 1, THRESHOLD)
    assert outcomes(own) == {
        ADA: (True, f"{ADA} French", 1.0),
        PERU: (True, f"{PERU} Cusco", 1.0),
        BLANC: (False, f"{ADA} French", 0.4),
    }
    assert outcomes(paraphrase) == {
        "Ada Lovelace spoke": (True, f"{ADA} French", 0.7),
        "Peru's capital city is": (False, None, 0.3),
        "To climb Mont Blanc, go to": (False, None, 0.0),
    }
    assert outcomes(locality) == {
        "Alan Turing's mother tongue is": (True, None, 0.4),
        "Chile's capital city is": (False, f"{PERU} Cusco", 0.6),
    }
    assert outcomes(collisions) == {"in PERU, Parliament sits in": (True, f"{PERU} Cusco", 0.8)}
    assert [figure.right for figure in result.figures] == [Rate(2, 3), Rate(1, 3), Rate(1, 2), Rate(1, 1)]
    assert [(figure.name, figure.goal, figure.is_pooled) for figure in result.figures] == [
        ("edit prompt", "100 %", True),
        ("paraphrase", "≥ 98 %", True),
        ("locality prompt", "≥ 99 %", True),
        ("locality prompt: collisions", "", False),
    ]


def test_training_edits_are_superseded_and_cover_prompts_but_are_not_asked(tmp_path: Path) -> None:
    row = read_row(RowName.COUNTERFACT_TRAIN, Published(write(tmp_path)))
    result = asked(row, {ADA: {ADA: 1.0}})
    assert (result.live, result.superseded) == (4, 2)
    assert outcomes(result.figures[0])[ADA] == (True, f"{ADA} French", 1.0)
    assert outcomes(result.figures[3]) == {
        "Alan Turing's mother tongue is": (False, None, 0.0),
        "in PERU, Parliament sits in": (False, None, 0.0),
    }
    assert [edit.prompt for one in result.figures[3].outcomes for edit in one.owners] == ["Alan Turing spoke", PERU]


def test_rows_with_the_same_edits_share_a_memory_that_is_encoded_once(tmp_path: Path) -> None:
    data, encoder = Published(write(tmp_path)), FakeEncoder()
    rows = [read_row(name, data) for name in (RowName.EVERYDAY, RowName.FEVER, RowName.COUNTERFACT_TRAIN)]
    memories: list[EditMemory] = []

    def router(memory: EditMemory) -> RoutePrompts:
        memories.append(memory)
        return giving({})(memory)

    results = evaluate(rows, encoder, router)
    assert [result.row for result in results] == rows
    assert len(memories) == 2
    assert [encoder.encoded.count(prompt) for prompt in (ADA, "Alan Turing spoke", "Fox made Soul Food.")] == [2, 1, 1]
    assert not any(memory.store.path.exists() for memory in memories)


def test_a_router_with_a_classifier_is_asked(tmp_path: Path) -> None:
    row = read_row(RowName.FEVER, Published(write(tmp_path)))
    (result,) = evaluate([row], FakeEncoder(), lambda memory: Router(memory, FakeClassifier()).route)
    assert outcomes(result.figures[0]) == {"Fox made Soul Food.": (True, "Fox made Soul Food.", 1.0)}


def test_what_the_judge_says_is_superseded_is_not_asked() -> None:
    one, other = Edit("A is now", "1", subject="A"), Edit("A is today", "2", subject="A")
    probes = ProbeSet("own", tuple(Probe(edit.prompt, edit.id, in_scope=True) for edit in (one, other)))
    row = Row(RowName.ZSRE, (one, other), (probes,))
    judge = ToldJudge(lambda _: 0.95)
    (result,) = evaluate([row], FakeEncoder(), giving({}), judge=judge)
    assert (result.live, result.superseded, result.figures[0].right) == (1, 1, Rate(0, 1))
    assert [(pair.edit, pair.live) for asked in judge.asked for pair in asked] == [(other, one)]


def test_a_consequence_may_be_any_of_the_edits_that_answer_a_restatement_only_the_first() -> None:
    one, other = Edit("A is", "1", subject="A"), Edit("B is", "2", subject="B")
    probes = (Probe("x", other.id, in_scope=True),)
    row = Row(RowName.ZSRE, (one, other), (ProbeSet("direct", probes), ProbeSet("consequence", probes, among=True)))
    direct, consequence = asked(row, {"x": {"A is": 0.9, "B is": 0.8}}).figures
    assert outcomes(direct) == {"x": (False, "A is 1", 0.8)}
    assert outcomes(consequence) == {"x": (True, "A is 1", 0.8)}
    assert [figure.outcomes[0].kind for figure in (direct, consequence)] == [Kind.DIRECT, Kind.CONSEQUENCE]


def test_an_edit_that_says_the_same_again_is_the_one_that_is_live() -> None:
    first = Edit("A is", "1", subject="A", source="first")
    again = Edit("A is", "1", subject="A", source="again")
    own = ProbeSet("own", (Probe("A is", first.id, in_scope=True), Probe("A is", again.id, in_scope=True)))
    result = asked(Row(RowName.ZSRE, (first, again), (own,)), {"A is": {"A is": 1.0}})
    assert (result.live, result.superseded, result.figures[0].right) == (1, 0, Rate(2, 2))


def test_a_prompt_may_be_its_owners_or_anothers_word_for_word() -> None:
    one, other = Edit("A is", "1", subject="A"), Edit("B is", "2", subject="B")
    probes = (
        Probe("a IS", one.id, in_scope=True),
        Probe("A was", one.id, in_scope=True),
        Probe("B is.", one.id, in_scope=True),
        Probe("B is", one.id),
        Probe("C is", one.id),
    )
    (figure,) = asked(Row(RowName.ZSRE, (one, other), (ProbeSet("mixed", probes),)), {}).figures
    assert [outcome.is_exact for outcome in figure.outcomes] == [True, False, False, False, False]
    assert [outcome.is_another_edits for outcome in figure.outcomes] == [False, False, True, True, False]


def test_a_row_without_prompts_is_an_error(tmp_path: Path) -> None:
    row = read_row(
        RowName.FEVER, Published(write(tmp_path, {"fever/edits_dev.json": [], "fever/out_of_scope_dev.json": []}))
    )
    with pytest.raises(DataError, match="row fever has nothing to ask; its files hold no records"):
        evaluate([row], FakeEncoder(), giving({}))


def test_progress_is_told_of_edits_and_of_prompts(tmp_path: Path) -> None:
    told: list[tuple[str, int, list[int]]] = []

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
        told.append((label, total, []))
        yield told[-1][2].append

    edit = Edit("A is", "1")
    row = Row(RowName.FEVER, (edit,), (ProbeSet("claim", tuple(Probe(str(number)) for number in range(130))),))
    (result,) = evaluate([row], FakeEncoder(), giving({}), progress=progress)
    assert told == [("adding 1 edits", 1, [1]), ("fever", 130, [64, 128, 130])]
    assert result.prompts_a_second == 130 / result.seconds
