"""Every metric equals its definition, worked by hand or by brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memory_editor.evaluation.metrics import Rate, Scores, calibration, roc

PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()), min_size=2, max_size=12)


def weighted(scored: list[tuple[float, bool]], weights: list[float]) -> Scores:
    scores = Scores.of(scored)
    return Scores(scores.probabilities, scores.positives, np.array(weights))


@pytest.mark.parametrize(
    ("hits", "total", "share", "low", "high"),
    [
        (8, 10, 0.8, 0.490162, 0.943318),
        (0, 10, 0.0, 0.0, 0.277533),
        (10, 10, 1.0, 0.722467, 1.0),
        (4990, 5000, 0.998, 0.996323, 0.998913),
        (0, 0, 0.0, 0.0, 1.0),
    ],
)
def test_a_rate_has_wilsons_interval(hits: int, total: int, share: float, low: float, high: float) -> None:
    rate = Rate(hits, total)
    assert rate.share == share
    assert rate.interval == pytest.approx((low, high), abs=1e-6)


@settings(deadline=None)
@given(total=st.integers(1, 10_000), data=st.data())
def test_a_share_lies_in_its_interval_and_that_in_0_to_1(total: int, data: st.DataObject) -> None:
    rate = Rate(data.draw(st.integers(0, total)), total)
    low, high = rate.interval
    assert 0 <= low <= rate.share <= high <= 1


def test_the_characteristic_of_four_prompts() -> None:
    curve = roc(Scores.of([(0.9, True), (0.8, False), (0.7, True), (0.1, False)]))
    assert curve.false_accepts.tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve.true_accepts.tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve.area == 0.75
    assert [curve.false_accepts_at(share) for share in (0.5, 0.51, 0.95, 1.0)] == [0, 0.5, 0.5, 0.5]


def test_weights_count_as_so_many_prompts() -> None:
    scored = [(0.9, True), (0.8, False), (0.7, True), (0.6, False)]
    curve = roc(weighted(scored, [1, 3, 3, 1]))
    assert curve.false_accepts.tolist() == [0, 0, 0.75, 0.75, 1]
    assert curve.true_accepts.tolist() == [0, 0.25, 0.25, 1, 1]
    assert curve.area == 0.25 + 0.75 * 0.25
    repeated = [scored[0], *[scored[1]] * 3, *[scored[2]] * 3, scored[3]]
    assert roc(Scores.of(repeated)).area == curve.area


def test_a_share_of_true_accepts_is_met_in_spite_of_rounding() -> None:
    positives = [(1 - rank / 100, True) for rank in range(20)]  # the 19th of 20 makes 0.95 exactly
    curve = roc(weighted([*positives, (0.815, False), (0.01, False)], [0.1 / 3] * 20 + [0.1 / 7] * 2))
    assert curve.false_accepts_at(0.95) == 0
    assert curve.false_accepts_at(0.96) == pytest.approx(0.5)


@settings(deadline=None)
@given(PAIRS)
def test_the_area_is_the_share_of_pairs_in_the_right_order(scored: list[tuple[float, bool]]) -> None:
    scores = Scores.of(scored)
    assume(scores.has_both)
    inside = [score for score, is_positive in scored if is_positive]
    outside = [score for score, is_positive in scored if not is_positive]
    wins = sum((high > low) + (high == low) / 2 for high, low in product(inside, outside))
    assert roc(scores).area == pytest.approx(wins / (len(inside) * len(outside)))


def test_the_calibration_of_five_prompts() -> None:
    found = calibration(Scores.of([(0.0, False), (0.4, True), (0.2, False), (0.9, True), (1.0, True)]), bins=2)
    assert found.predicted == pytest.approx(np.array([0.2, 0.95]))
    assert found.observed == pytest.approx(np.array([1 / 3, 1]))
    assert found.weights == pytest.approx(np.array([0.6, 0.4]))
    assert found.error == pytest.approx(0.6 * (1 / 3 - 0.2) + 0.4 * 0.05)


def test_a_bin_without_prompts_adds_nothing() -> None:
    found = calibration(weighted([(0.95, True), (0.99, False)], [3, 1]))
    assert found.weights.tolist() == [0] * 14 + [1]
    assert (found.predicted[:14].tolist(), found.observed[:14].tolist()) == ([0] * 14, [0] * 14)
    assert found.error == pytest.approx(abs((3 * 0.95 + 0.99) / 4 - 0.75))


@settings(deadline=None)
@given(PAIRS)
def test_a_calibration_error_lies_between_0_and_1(scored: list[tuple[float, bool]]) -> None:
    assert 0 <= calibration(Scores.of(scored)).error <= 1


def test_each_part_of_a_pool_weighs_the_same() -> None:
    parts = [Scores.of([(0.1, False)]), Scores.of([(0.2, True), (0.3, False), (0.4, False), (0.5, True)])]
    pool = Scores.pooled(parts)
    assert pool.probabilities.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert pool.positives.tolist() == [False, True, False, False, True]
    assert pool.weights.tolist() == [1, 0.25, 0.25, 0.25, 0.25]


def test_scores_of_one_sort_or_none_have_not_both() -> None:
    assert not Scores.of([(0.1, True)]).has_both
    assert not Scores.of([(0.1, False)]).has_both
    assert not Scores.pooled([]).has_both
    assert Scores.of([(0.1, False), (0.1, True)]).has_both
