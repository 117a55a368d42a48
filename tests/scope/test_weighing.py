"""Features weigh as much as they are given to, by how the subject is mentioned."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_editor.scope.weighing import Mentioned, Regression, Weighing, mentioned

NAMES = ("similarity", "overlap")
REGRESSIONS = {
    Mentioned.WHOLE: Regression(1.0, np.array([2.0, -4.0]), np.array([0.5, 0.25])),
    Mentioned.PART: Regression(-1.0, np.array([0.0, 1.0]), np.array([0.0, 0.0])),
    Mentioned.NOT: Regression(-3.0, np.array([4.0, 0.5]), np.array([0.1, 0.2])),
}
WEIGHING = Weighing(NAMES, REGRESSIONS)


@pytest.mark.parametrize(
    ("share", "kind"),
    [(1.0, "whole"), (0.99, "part"), (0.3, "part"), (0.29, "not"), (0.0, "not")],
)
def test_how_a_subject_is_mentioned(share: float, kind: str) -> None:
    assert mentioned(share) is Mentioned(kind)
    assert WEIGHING.of(share) is REGRESSIONS[Mentioned(kind)]


def test_log_odds_are_linear() -> None:
    assert REGRESSIONS[Mentioned.WHOLE].log_odds(np.array([0.5, 0.25])) == 1.0
    assert REGRESSIONS[Mentioned.WHOLE].log_odds(np.array([1.0, 1.0])) == -1.0


def test_a_feature_moves_the_log_odds_from_those_of_its_mean() -> None:
    regression = REGRESSIONS[Mentioned.WHOLE]
    row = np.array([1.0, 1.0])
    assert regression.contributions(row).tolist() == [1.0, -3.0]
    assert regression.contributions(regression.means).tolist() == [0.0, 0.0]
    assert regression.log_odds(row) == regression.log_odds(regression.means) + regression.contributions(row).sum()


def test_each_row_is_weighed_by_its_own_share() -> None:
    rows = np.array([[1.0, 1.0]] * 3)
    odds = np.array([-1.0, 0.0, 1.5])
    found = WEIGHING.probabilities([1.0, 0.5, 0.0], rows)
    assert np.allclose(found, np.exp(odds) / (1 + np.exp(odds)), rtol=1e-12, atol=0)
    assert found[1] == 0.5
    assert WEIGHING.probabilities([], np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize(("size", "limit"), [(1e6, 1.0), (-1e6, 0.0)])
def test_any_features_give_a_probability(size: float, limit: float) -> None:
    (found,) = WEIGHING.probabilities([0.5], np.array([[0.0, size]]))
    assert 0 < found <= 1
    assert found == pytest.approx(limit, abs=1e-20)


def test_shares_and_rows_belong_together() -> None:
    with pytest.raises(ValueError, match="zip"):
        WEIGHING.probabilities([1.0], np.zeros((2, 2)))


def equal(one: Weighing, other: Weighing) -> bool:
    """Say whether two weighings are the same to the last bit."""
    return one.names == other.names and all(
        one.regressions[kind].bias == other.regressions[kind].bias
        and np.array_equal(one.regressions[kind].weights, other.regressions[kind].weights)
        and np.array_equal(one.regressions[kind].means, other.regressions[kind].means)
        for kind in Mentioned
    )


def test_weights_as_json_are_named() -> None:
    assert WEIGHING.to_dict()["whole"] == {
        "bias": 1.0,
        "weights": {"similarity": 2.0, "overlap": -4.0},
        "means": {"similarity": 0.5, "overlap": 0.25},
    }
    assert list(WEIGHING.to_dict()) == ["whole", "part", "not"]


NUMBER = st.floats(allow_nan=False, allow_infinity=False)
REGRESSION = st.builds(
    Regression, NUMBER, st.tuples(NUMBER, NUMBER).map(np.array), st.tuples(NUMBER, NUMBER).map(np.array)
)


@given(st.fixed_dictionaries(dict.fromkeys(Mentioned, REGRESSION)))
def test_weights_are_read_as_written_in_any_order_of_the_names(regressions: dict[Mentioned, Regression]) -> None:
    weighing = Weighing(NAMES, regressions)
    raw = json.loads(json.dumps(weighing.to_dict()))
    assert equal(Weighing.from_dict(NAMES, raw), weighing)
    turned = Weighing.from_dict(NAMES[::-1], raw)
    assert turned.of(1).weights.tolist() == weighing.of(1).weights.tolist()[::-1]


@pytest.mark.parametrize("path", [("part",), ("whole", "bias"), ("not", "weights", "overlap"), ("part", "means")])
def test_weights_of_other_features_are_refused(path: tuple[str, ...]) -> None:
    raw: Any = WEIGHING.to_dict()
    inner = raw
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    with pytest.raises(KeyError, match=path[-1]):
        Weighing.from_dict(NAMES, raw)


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError, match="lead"):
        Weighing.from_dict((*NAMES, "lead"), WEIGHING.to_dict())
