"""A route is a value that says what was decided, how clearly and why."""

import json
from dataclasses import FrozenInstanceError

import pytest

from memory_editor.edits import Edit
from memory_editor.scope.route import Kind, Route, ScoredEdit

FIRST = ScoredEdit(Edit("The CEO of Twitter is", "Linda"), 0.9, Kind.DIRECT, ("similarity 0.88", "mentioned"))
SECOND = ScoredEdit(Edit("Twitter was founded in", "2006"), 0.25, Kind.CONSEQUENCE, ("similarity 0.40",))


def test_an_edit_that_answers_leads_over_the_runner_up() -> None:
    assert Route("p", (FIRST,), SECOND, 0.5).in_scope
    assert Route("p", (FIRST,), SECOND, 0.5).margin == 0.9 - 0.25
    assert Route("p", (FIRST,), None, 0.5).margin == 0.9
    assert Route("p", (FIRST, SECOND), None, 0.2).margin == 0.9


def test_where_none_answers_the_best_stays_below_the_threshold() -> None:
    assert not Route("p", (), SECOND, 0.5).in_scope
    assert Route("p", (), SECOND, 0.5).margin == 0.25
    assert Route("p", (), None, 0.5).margin == 0.5


def test_a_route_becomes_json() -> None:
    route = Route("Who runs Twitter?", (FIRST,), SECOND, 0.5)
    assert json.loads(json.dumps(route.to_dict())) == {
        "prompt": "Who runs Twitter?",
        "in_scope": True,
        "edits": [
            {
                "id": FIRST.edit.id,
                "fact": "The CEO of Twitter is Linda",
                "probability": 0.9,
                "kind": "direct",
                "reasons": ["similarity 0.88", "mentioned"],
            }
        ],
        "runner_up": {
            "id": SECOND.edit.id,
            "fact": "Twitter was founded in 2006",
            "probability": 0.25,
            "kind": "consequence",
            "reasons": ["similarity 0.40"],
        },
        "margin": 0.9 - 0.25,
        "threshold": 0.5,
        "abstained": False,
    }
    assert Route("p", (), None, 0.5).to_dict() == {
        "prompt": "p",
        "in_scope": False,
        "edits": [],
        "runner_up": None,
        "margin": 0.5,
        "threshold": 0.5,
        "abstained": False,
    }


def test_that_a_route_abstained_is_said() -> None:
    values = Route("p", (), FIRST, 0.5, abstained=True).to_dict()
    assert (values["abstained"], values["in_scope"], values["edits"]) == (True, False, [])
    assert type(Route("p", (FIRST,), None, 0.5).to_dict()["edits"][0]["kind"]) is str


def test_a_route_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Route("p", (), None, 0.5).threshold = 0.1  # type: ignore[misc]
