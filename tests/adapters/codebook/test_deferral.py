"""The published rule for radii, in exact values."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.adapters.codebook.deferral import COVERED, deferral_radii


def radii(places: list[float], labels: str, initial: float = 1.0) -> list[float]:
    return deferral_radii(torch.tensor([[place, 0.0] for place in places]), labels, initial).tolist()


def test_a_key_out_of_reach_is_an_entry_of_its_own() -> None:
    assert radii([0.0, 2.5, -2.25], "abc") == [1.0, 1.0, 1.0]
    assert radii([], "") == []


def test_an_entry_grows_to_cover_a_key_with_its_label() -> None:
    assert radii([0.0, 1.5], "aa") == [1.5, COVERED]
    assert radii([0.0, 0.5], "aa") == [1.0, COVERED]  # which it covers already
    assert radii([0.0, 2.0], "aa") == [2.0, COVERED]  # their reaches touch
    assert radii([0.0, 1.5, 2.5], "aaa") == [2.5, COVERED, COVERED]


def test_entries_with_other_labels_share_the_distance_between_them() -> None:
    assert radii([0.0, 1.5], "ab") == torch.tensor([0.75 - 1e-5, 0.75]).tolist()
    assert radii([0.0, 2.0, 1.5], "aba") == torch.tensor([1.0 - 1e-5, 0.25 - 1e-5, 0.25]).tolist()
    assert radii([0.0, 0.0], "ab") == torch.tensor([-1e-5, 0.0]).tolist()  # the later of two in one place


def test_only_entries_are_compared_with() -> None:
    # The nearest key to 3 is the one at 1.75, which is covered; the entry at 0 is too far away.
    assert radii([0.0, 1.75, 3.0], "aab") == [1.75, COVERED, 1.0]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-20, 20), st.sampled_from("abc")), max_size=12),
    st.sampled_from([0.5, 1.0, 3.0]),
)
def test_every_key_is_an_entry_or_covered_and_changes_one_other_at_most(
    keys: list[tuple[int, str]], initial: float
) -> None:
    places, labels = [float(place) for place, _ in keys], "".join(label for _, label in keys)
    found = radii(places, labels, initial)
    entries = [row for row, radius in enumerate(found) if radius > COVERED]
    assert bool(entries) == bool(keys)
    for row, radius in enumerate(found):
        assert radius < math.inf
        assert radius > COVERED or any(labels[entry] == labels[row] for entry in entries)
    # The last key changed no entry but the nearest.
    if keys:
        before = radii(places[:-1], labels[:-1], initial)
        assert sum(one != other for one, other in zip(before, found, strict=False)) <= 1
