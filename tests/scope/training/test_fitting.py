"""What is fitted tells owners from others, and false accepts are counted group by group."""

from collections.abc import Sequence
from itertools import count

import numpy as np
import pytest

from memory_editor.edits import Edit
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.classifier import READ_NAMES, read_features
from memory_editor.scope.features import NAMES, features, matrix
from memory_editor.scope.pair_model import Pair
from memory_editor.scope.route import Kind, ScoredEdit
from memory_editor.scope.training.fitting import THRESHOLDS, Row, false_accepts, fit, fit_weighing
from memory_editor.scope.training.memories import Query
from memory_editor.scope.training.simulation import Seen
from memory_editor.scope.weighing import Mentioned
from tests.scope.seen import ADA, PLAIN, TWITTER, seen
from tests.scope.trained import ToldPairModel

NAMES_OF_TWO = ("good", "constant")
SHARES = {Mentioned.WHOLE: 1.0, Mentioned.PART: 0.5, Mentioned.NOT: 0.0}


def rows(values: Sequence[tuple[float, bool]], weight: float = 1.0) -> list[Row]:
    """Return rows for every way of mention."""
    return [
        Row(np.array([value, 3.0]), share, is_owner, weight) for share in SHARES.values() for value, is_owner in values
    ]


SEPARABLE = [(number / 10, number >= 10) for number in range(20)]


class TestWeighing:
    """One regression for each way of mention."""

    def test_owners_are_told_from_others(self) -> None:
        weighing = fit_weighing(NAMES_OF_TWO, rows(SEPARABLE))
        for share in SHARES.values():
            values = np.array([[value, 3.0] for value, _ in SEPARABLE])
            found = weighing.probabilities([share] * 20, values)
            assert np.array_equal(found > 0.5, [is_owner for _, is_owner in SEPARABLE])
            assert np.all(np.diff(found) > 0)

    def test_what_never_varies_weighs_nothing_and_means_are_kept(self) -> None:
        weighing = fit_weighing(NAMES_OF_TWO, rows(SEPARABLE))
        for regression in weighing.regressions.values():
            assert regression.weights[1] == 0
            assert np.allclose(regression.means, [0.95, 3.0])

    def test_probabilities_are_the_shares_that_were_seen(self) -> None:
        seen = [(0.0, False)] * 900 + [(0.0, True)] * 100 + [(1.0, True)] * 600 + [(1.0, False)] * 400
        weighing = fit_weighing(NAMES_OF_TWO, rows(seen))
        found = weighing.probabilities([1.0, 1.0], np.array([[0.0, 3.0], [1.0, 3.0]]))
        assert np.allclose(found, [0.1, 0.6], atol=0.01)

    def test_a_row_counts_as_often_as_it_weighs(self) -> None:
        once = [(0.0, False), (0.0, True), (1.0, True), (1.0, False)]
        thrice = fit_weighing(NAMES_OF_TWO, rows(once[:1], 3.0) + rows(once[1:]))
        repeated = fit_weighing(NAMES_OF_TWO, rows([once[0], once[0], *once]))
        for kind in Mentioned:
            one, other = thrice.regressions[kind], repeated.regressions[kind]
            values = np.array([0.0, 3.0])
            assert abs(one.log_odds(values) - other.log_odds(values)) < 0.1

    @pytest.mark.parametrize("kept", [True, False, None])
    def test_a_kind_of_mention_without_owners_or_others_is_never_in_scope(self, kept: bool | None) -> None:
        found = [row for row in rows(SEPARABLE) if row.share != 0.5 or row.is_owner is kept]
        weighing = fit_weighing(NAMES_OF_TWO, found)
        assert weighing.probabilities([0.5], np.array([[9.0, 3.0]]))[0] < 0.003
        assert weighing.probabilities([1.0], np.array([[9.0, 3.0]]))[0] > 0.99


_numbers = count()


def query(owner: Edit | None, *candidates: Candidate, group: str = "test") -> Seen:
    return Seen(Query(f"prompt {next(_numbers)}", owner.id if owner else None, group), candidates)


def told(pair: Pair) -> tuple[float, float, float]:
    """Return logits by what a prompt says of itself."""
    return (0.0, 4.0, -4.0) if "yes" in pair[0] else (4.0, 0.0, -8.0)


def many(times: int = 20) -> list[Seen]:
    """Return queries for every way of mention, in and out of scope as the pair model says, seldom as it does not."""
    found = []
    for prompt, edit in (("runs Twitter", TWITTER), ("runs Lovelace", ADA), ("runs", PLAIN)):
        for word in ("yes", "no"):
            for number in range(times):
                is_owner = (word == "yes") != (number % 10 == 0)
                candidate = seen(f"{word} {number} {prompt}", edit, 0.3 + 0.01 * number + 0.05 * is_owner)
                found.append(query(edit if is_owner else None, candidate, group=word))
    return found


class TestBothStages:
    """Features alone, then what the pair model reads."""

    def test_the_second_stage_trusts_the_pair_model(self) -> None:
        pair_model = ToldPairModel(told)
        glance, reading = fit(many(), pair_model)
        assert (glance.names, reading.names) == (NAMES, READ_NAMES)
        for regression in reading.regressions.values():
            assert regression.weights[READ_NAMES.index("asks_for_it")] > 0.1

    def test_the_pair_model_reads_what_the_classifier_lets_it_read(self) -> None:
        pair_model = ToldPairModel(told)
        queries = many()
        fit(queries, pair_model)
        pairs = [(one.mention.masked, one.masked_fact) for seen in queries for one in seen.candidates]
        assert set(pair_model.read) <= set(pairs)
        assert len(pair_model.read) == len(pairs)

    @pytest.mark.parametrize(
        ("edit", "mention", "expected"),
        [
            (TWITTER, "Twitter", 1 / 2),
            (ADA, "Lovelace", 1 / 9),
            (PLAIN, "it", 1 / 4),
            (Edit("Ada Lovelace wrote.", subject="Ada Lovelace"), "Lovelace", 1 / 2),
        ],
    )
    def test_close_calls_out_of_scope_count_for_more_where_part_of_a_facts_subject_is_mentioned(
        self, edit: Edit, mention: str, expected: float
    ) -> None:
        candidate = seen(f"who runs {mention}", edit)
        queries = [query(edit if number % 2 else None, candidate, group="one") for number in range(200)]
        _, reading = fit(queries, ToldPairModel(lambda _: (0.0, 0.0, 0.0)))
        row = np.concatenate([matrix(features([candidate]))[0], read_features(np.zeros(3, np.float32))])
        found = reading.probabilities([candidate.mention.share], row[np.newaxis])
        assert found == pytest.approx(expected, abs=0.01)

    def test_a_prompt_that_is_an_edits_own_is_not_fitted_on(self) -> None:
        exact = seen("yes The CEO of Twitter is", TWITTER, 1.0, is_exact=True)
        beside = seen("yes The CEO of Twitter is", ADA, 0.9)
        fitted = [fit(queries, ToldPairModel(told)) for queries in (many(), [*many(), query(TWITTER, exact, beside)])]
        assert fitted[0][0].to_dict() == fitted[1][0].to_dict()
        assert fitted[0][1].to_dict() == fitted[1][1].to_dict()

    def test_queries_without_candidates_change_nothing(self) -> None:
        one, other = (fit(queries, ToldPairModel(told)) for queries in (many(), [query(None, group="x"), *many()]))
        assert one[0].to_dict() == other[0].to_dict()

    def test_every_group_counts_the_same(self) -> None:
        crowd = [one for one in many() if one.query.group == "yes"]
        fitted = [fit(queries, ToldPairModel(told)) for queries in (many(), [*many(), *crowd, *crowd])]
        for stage in range(2):
            for kind in Mentioned:
                one, other = (weighings[stage].regressions[kind] for weighings in fitted)
                assert np.allclose(one.weights, other.weights, atol=0.02)
                assert abs(one.bias - other.bias) < 0.02

    def test_progress_is_told_up_to_all(self) -> None:
        told_of: list[int] = []
        fit(many(), ToldPairModel(told), told_of.append)
        assert told_of == [0, 120]


class GivenScores:
    """Gives each candidate its similarity as its probability."""

    threshold = 1.0

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        return [[ScoredEdit(one.edit, one.similarity, Kind.DIRECT, ()) for one in row] for row in found]


class TestFalseAccepts:
    """The share of out-of-scope queries that an edit reaches, by threshold."""

    def test_the_share_is_that_of_queries_whose_best_edit_reaches_it(self) -> None:
        queries = [
            query(None, seen("x", TWITTER, 0.4), seen("x", ADA, 0.9)),
            query(None, seen("x", TWITTER, 0.2)),
            query(None, seen("x", TWITTER, 0.005)),
            query(None),
            query(TWITTER, seen("x", TWITTER, 1.0)),
        ]
        shares = false_accepts(queries, GivenScores())
        assert tuple(shares) == THRESHOLDS
        for threshold, share in shares.items():
            assert share == sum(best >= threshold for best in (0.9, 0.2, 0.005, 0.0)) / 4

    def test_every_group_counts_the_same(self) -> None:
        crowd = [query(None, seen("x", TWITTER, 0.1), group="crowd") for _ in range(9)]
        shares = false_accepts([*crowd, query(None, seen("x", TWITTER, 0.9), group="one")], GivenScores())
        assert shares[0.5] == pytest.approx(0.5)
        assert min(shares.values()) == 0
        assert max(shares.values()) == pytest.approx(1)

    def test_thresholds_are_dense_near_certainty(self) -> None:
        assert len(THRESHOLDS) == len(set(THRESHOLDS)) == 181
        assert sorted(THRESHOLDS) == list(THRESHOLDS)
        assert 0.5 in THRESHOLDS
        assert (THRESHOLDS[0], THRESHOLDS[-1]) == (0.00247262, 0.99999386)

    def test_progress_is_told_up_to_all(self) -> None:
        told_of: list[int] = []
        false_accepts([query(None, seen("x"))] * 300, GivenScores(), told_of.append)
        assert told_of == [0, 256, 300]
