"""The measures of a small run, worked out by hand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_editor.evaluation.comparison.asking import Answered
from memory_editor.evaluation.comparison.cases import Kind
from memory_editor.evaluation.comparison.measures import Bootstrap, measures, routing


def inside(place: int, kind: Kind, begins: bool, *, score: float | None = None, own: bool = True) -> Answered:
    routed = None if score is None else score >= 0.5
    return Answered(
        place,
        int(kind is not Kind.RELIABILITY),
        place,
        kind,
        "p",
        "t",
        begins=begins,
        contains=True,
        forced_matched=0.5,
        is_routed=routed,
        is_own=routed and own,
        score=score,
    )


def outside(place: int, kind: Kind, same: bool, *, score: float | None = None, collision: bool = False) -> Answered:
    routed = None if score is None else score >= 0.5
    return Answered(
        place, 5, place, kind, "p", "t", is_same=same, is_collision=collision, is_routed=routed, score=score
    )


# Ten cases: reliability 9 of 10, generality 8 of 10, locality 5 of 6 and two collisions.
RUN = [
    *(inside(place, Kind.RELIABILITY, place != 0) for place in range(10)),
    *(inside(place, Kind.GENERALITY, place > 1) for place in range(10)),
    *(outside(place, Kind.NEAR_MISS, place != 9) for place in range(5, 10)),
    outside(0, Kind.SAME_SUBJECT, True),
    outside(1, Kind.NEAR_MISS, False, collision=True),
    outside(2, Kind.NEAR_MISS, True, collision=True),
    outside(3, Kind.EVERYDAY, False),
]


def test_the_measures_of_a_run() -> None:
    found = measures(RUN, 20, seed=0)
    value = {name: {column: one["value"] for column, one in columns.items()} for name, columns in found.items()}
    assert value["reliability"] == {"begins": 0.9, "exact": 0.0, "contains": 1.0, "forced tokens": 0.5}
    assert value["generality"]["begins"] == 0.8
    assert value["near miss"] == {"same": 0.8}
    assert value["same subject"] == {"same": 1.0}
    assert value["locality"] == {"same": pytest.approx(5 / 6)}
    assert value["collisions"] == {"same": 0.5}
    assert value["everyday"] == {"same": 0.0}
    assert value["harmonic mean"] == {"mean": pytest.approx(3 / (1 / 0.9 + 1 / 0.8 + 6 / 5))}
    # Edits of twenty cases are applied: the first two are the oldest tenth.
    assert value["retention"]["begins"] == 0.5
    assert set(found) == {*value} - {"portability", "alias", "routing"}
    assert found["reliability"]["begins"]["prompts"] == 10


def test_intervals_hold_their_values_and_are_the_same_every_time() -> None:
    found = measures(RUN, 20, seed=3)
    assert found == measures(RUN[::-1], 20, seed=3)
    assert found != measures(RUN, 20, seed=4)
    for columns in found.values():
        for one in columns.values():
            assert one["low"] <= one["value"] <= one["high"]
    # A binomial share of 9 in 10: its 95 % bootstrap interval reaches from about 0.7 to 1.
    assert found["reliability"]["begins"]["low"] == pytest.approx(0.7)
    assert found["reliability"]["begins"]["high"] == 1.0


def test_nothing_is_made_of_nothing() -> None:
    found = measures([inside(0, Kind.RELIABILITY, True)], 0, seed=0)
    assert set(found) == {"reliability"}
    part_missing = measures([inside(0, Kind.RELIABILITY, True), inside(0, Kind.GENERALITY, True)], 0, seed=0)
    assert "harmonic mean" not in part_missing


def test_a_part_that_is_zero_makes_the_harmonic_mean_zero() -> None:
    run = [
        inside(0, Kind.RELIABILITY, False),
        replace(inside(0, Kind.GENERALITY, True), number=2),
        outside(0, Kind.NEAR_MISS, True),
    ]
    assert measures(run, 0, seed=0)["harmonic mean"]["mean"] == {"value": 0.0, "low": 0.0, "high": 0.0, "prompts": 1}


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_the_mean_is_that_of_the_prompts(hits: list[bool]) -> None:
    run = [inside(place // 3, Kind.RELIABILITY, hit) for place, hit in enumerate(hits)]
    found = Bootstrap((one.place for one in run), 0).mean(run, lambda one: one.begins)
    assert found
    assert found.value == pytest.approx(sum(hits) / len(hits))
    assert not any(math.isnan(drawn) for drawn in found.drawn)


def test_routing_is_measured_where_the_method_decides() -> None:
    run = [
        inside(0, Kind.RELIABILITY, True, score=0.1),  # an edit's own prompt does not count
        inside(0, Kind.GENERALITY, True, score=0.9),
        inside(1, Kind.GENERALITY, True, score=0.6, own=False),
        inside(2, Kind.GENERALITY, True, score=0.2),
        outside(0, Kind.NEAR_MISS, True, score=0.7),
        outside(1, Kind.NEAR_MISS, True, score=0.1),
        outside(1, Kind.EVERYDAY, True, score=0.1),
    ]
    # Of the six pairs of a paraphrase and a near miss, four are the right way round.
    assert routing(run) == {
        "routing": {
            "auroc": pytest.approx(4 / 6),
            "false_accepts_at_95": 0.5,
            "accepted": pytest.approx(2 / 3),
            "to_own_edit": pytest.approx(1 / 3),
            "false_accepts": 0.5,
            "everyday_accepts": 0.0,
        }
    }
    assert routing([replace(one, score=None) for one in run]) == {}
    assert routing(run[:4]) == {}
