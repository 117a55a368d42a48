"""What is looked up for a route: the right edits, in time that does not grow with the number of edits."""

from collections import Counter

import numpy as np
import pytest

from memory_editor.edits import Edit
from memory_editor.store import Store, reader
from tests.fakes import FakeEncoder, put, vectors_of

ABOUT = [
    Edit("Ada plays the", "oboe", subject="Ada"),
    Edit("Ada was born in", "Oslo", subject="Ada", paraphrases=("The birthplace of Ada is", "Ada hails from")),
    Edit("Ada works for", "Nokia", subject="Ada", exclusions=("Ada is from",)),
    Edit("Ben was born in", "Lima", subject="Ben"),
]


def test_the_edits_about_subjects_come_nearest_first(store: Store) -> None:
    put(
        store, *ABOUT, Edit("Cyd was born in", "Rome", subject="Cyd"), Edit("Ada is from", subject="Ada", namespace="b")
    )
    asked = FakeEncoder().encode(["the birthplace of ada is", "she works for"])
    similarities = [float((vectors_of(edit)[: len(edit.keys)] @ asked.T).max()) for edit in ABOUT]
    order = sorted(range(4), key=lambda place: -similarities[place])
    expected = [(place + 1, ABOUT[place]) for place in order]
    assert expected[:2] == [(2, ABOUT[1]), (3, ABOUT[2])]
    assert store.nearest_about(["ada", "ben", ""], "default", asked, 10) == expected
    assert store.nearest_about(["ada", "ben"], "default", asked, 2) == expected[:2]
    assert store.nearest_about(["dan", ""], "default", asked, 2) == []
    store.remove([ABOUT[1].id])
    assert store.nearest_about(["ada", "ben"], "default", asked, 2) == expected[1:3]


def test_no_more_edits_are_looked_at_than_so_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_LOOKED_AT", 7)
    edits = [Edit("a prompt", subject=f"s{number % 3}") for number in range(30)]
    put(store, *edits, Edit("a prompt", subject="zoe"))
    found = store.nearest_about(["s0", "s1", "zoe"], "default", vectors_of(edits[0]), 20)
    assert Counter(edit.subject for _, edit in found) == {"s0": 2, "s1": 2, "zoe": 1}
    assert len(store.nearest_about(["s0"], "default", vectors_of(edits[0]), 20)) == 7


def test_no_lookup_of_a_route_goes_through_all_edits(store: Store) -> None:
    put(store, *ABOUT)
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)
    assert (store.generation, store.epoch, store.encoder is not None) == (1, store.epoch, True)
    store.live_at(["Ada plays the"], "default")
    store.live_about(["ada", "ben"], "default")
    store.nearest_about(["ada", "ben"], "default", vectors_of(ABOUT[0]), 64)
    store.live_with_keys([1, 2])
    store.vectors_of([1, 2])
    store.vectors_at(np.array([1, 2]))
    store.key_changes("default", 1)
    store._connection.set_trace_callback(None)
    queries = [statement for statement in statements if statement.lstrip().startswith("SELECT")]
    assert len(queries) >= 10
    for query in queries:
        plan = [row[3] for row in store._connection.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert not [step for step in plan if step.startswith(("SCAN edits", "SCAN keys"))], query
        assert not [step for step in plan if "edits_by_namespace" in step or "SCAN transitions" in step], query
