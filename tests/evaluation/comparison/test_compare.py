"""What is worse beyond the intervals is named, and nothing else."""

from copy import deepcopy

import pytest

from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.compare import Difference, compare, missing
from tests.evaluation.comparison.summaries import estimate, summary


def test_shares_differ_when_their_intervals_do_not_meet() -> None:
    before, after = summary(), deepcopy(summary())
    after["measures"]["reliability"] = {"begins": estimate(0.55), "contains": estimate(0.7)}
    after["measures"]["generality"] = {"begins": estimate(0.95)}
    run = "capitals:dev, ours, 10 edits"
    assert compare([before], [after]) == [
        Difference(run, "reliability, begins", 0.8, 0.55, is_worse=True),
        Difference(run, "generality, begins", 0.7, 0.95, is_worse=False),
    ]
    assert compare([before], [before]) == []


def test_collisions_are_neither_better_nor_worse() -> None:
    before, after = summary(), deepcopy(summary())
    before["measures"]["collisions"] = {"same": estimate(0.9)}
    after["measures"]["collisions"] = {"same": estimate(0.1)}
    assert compare([before], [after]) == []


def test_runs_that_are_not_there_are_named() -> None:
    both = [summary("ours"), summary("rag")]
    assert missing(both, [summary("rag")]) == ["capitals:dev, ours, 10 edits"]
    assert missing([summary("rag")], both) == []
    assert missing([summary("ours")], [summary("rag")]) == []  # single ones are compared whatever they are


def test_what_edits_cost_is_compared_edit_by_edit() -> None:
    assert compare([summary(edits=10)], [summary(edits=20, cost={"edits": 20, "seconds": 40.0})]) == []


def test_costs_differ_from_twice_as_much_on() -> None:
    before, after = summary(), deepcopy(summary())
    after["cost"]["seconds"] = 39.0
    after["general"]["query"]["edited_p50"] = 210.0
    (found,) = compare([before], [after])
    assert (found.figure, found.is_worse) == ("general, query, edited_p50", True)
    (found,) = compare([after], [before])
    assert not found.is_worse


def test_an_undo_that_leaves_a_trace_is_a_regression() -> None:
    (found,) = compare([summary()], [summary(undone=False)])
    assert found.to_dict() == {
        "run": "capitals:dev, ours, 10 edits",
        "figure": "undone bit for bit",
        "before": 1,
        "after": 0,
        "is_worse": True,
    }


def test_runs_are_matched_and_single_ones_are_compared_whatever_they_are() -> None:
    worse = deepcopy(summary("rag"))
    worse["measures"]["locality"] = {"same": estimate(0.0)}
    both = [summary("ours"), summary("rag")]
    assert [one.run for one in compare(both, [worse, summary("ours")])] == ["capitals:dev, rag, 10 edits"]
    (found,) = compare([summary("ours")], [worse])
    assert found.run == "capitals:dev, ours, 10 edits → capitals:dev, rag, 10 edits"
    with pytest.raises(DataError, match="no run of the one has the data set"):
        compare(both, [summary("ours", 20), summary("grace")])
