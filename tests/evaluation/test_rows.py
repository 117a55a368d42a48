"""Rows as data."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.evaluation.rows import Probe, ProbeSet, Row, RowName


def row(count: int) -> Row:
    return Row(RowName.FEVER, (), (ProbeSet("claim", tuple(Probe(str(number)) for number in range(count)), "≥ 97 %"),))


@pytest.mark.parametrize(
    ("count", "limit", "kept"), [(6, 3, [0, 2, 4]), (7, 3, [0, 3, 6]), (3, 3, [0, 1, 2]), (2, 3, [0, 1]), (0, 3, [])]
)
def test_a_sample_is_evenly_spaced(count: int, limit: int, kept: list[int]) -> None:
    (sampled,) = row(count).sampled(limit).sets
    assert [probe.prompt for probe in sampled.probes] == [str(number) for number in kept]
    assert (sampled.name, sampled.goal) == ("claim", "≥ 97 %")


@settings(deadline=None)
@given(count=st.integers(0, 100), limit=st.integers(1, 20))
def test_a_sample_keeps_to_its_limit_and_is_empty_only_of_nothing(count: int, limit: int) -> None:
    (sampled,) = row(count).sampled(limit).sets
    assert min(count, 1) <= len(sampled.probes) <= limit


def test_the_wiki_sets_are_one_line_and_every_other_row_is_its_own() -> None:
    lines = [Row(name, (), ()).line for name in RowName]
    assert (len(lines), len(set(lines))) == (9, 8)
    assert Row(RowName.WIKI_RECENT, (), ()).line == Row(RowName.WIKI_COUNTERFACT, (), ()).line
