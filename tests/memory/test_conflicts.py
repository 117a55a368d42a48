"""How a requested edit stands to live ones, without a store."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from memory_editor.edits import Conflict, Edit, new_edit_id
from memory_editor.memory.conflicts import (
    JUDGED_FROM,
    SAME_FROM,
    CosineRule,
    Judge,
    LiveEdits,
    Pair,
    Standing,
    Verdicts,
    conflict_error,
    pairs_to_judge,
    pairs_within,
    standing,
)
from memory_editor.store import key_texts
from tests.fakes import FakeEncoder

LIVE = Edit("The CEO of Twitter is", "Linda", paraphrases=("Who runs Twitter?",))
NOW = Edit("The CEO of Twitter is now", "Elon")


class ToldJudge:
    """Says what it is told, and lists the pairs that it was asked about, call by call."""

    def __init__(self, tell: Callable[[Pair], float]) -> None:
        self.tell = tell
        self.asked: list[list[Pair]] = []

    def probabilities(self, pairs: Sequence[Pair]) -> list[float]:
        self.asked.append(list(pairs))
        return [self.tell(pair) for pair in pairs]


def similarity(one: str, other: str) -> float:
    first, second = FakeEncoder().encode([one, other])
    return float(first @ second)


def pairs_of(requested: Edit, *live: Edit) -> list[Pair]:
    encode = FakeEncoder().encode
    around = [(edit, encode(edit.keys), encode(edit.exclusions)) for edit in live]
    return pairs_to_judge(requested, encode(requested.keys), around)


def against(requested: Edit, live: Edit = LIVE, judge: Judge | None = None) -> Standing:
    held = Verdicts(judge or CosineRule()).of(pairs_of(requested, live))
    return standing(requested, LiveEdits([live]), held.get(requested.id, ()))


@pytest.mark.parametrize(
    ("requested", "restated", "superseded", "unclear", "restates"),
    [
        (replace(LIVE, id=new_edit_id(), source="elsewhere"), True, False, False, False),
        (Edit("The CEO of Twitter is", "Elon"), False, True, False, False),
        (Edit("the ceo of  TWITTER is…", "Elon"), False, True, False, False),
        (Edit("Who runs Twitter?", "Elon"), False, True, False, False),
        (Edit("The CEO of Twitter is", "Linda"), False, True, False, False),
        (replace(LIVE, id=new_edit_id(), valid_until=datetime(2030, 1, 1, tzinfo=UTC)), False, True, False, False),
        (NOW, False, False, True, False),
        (Edit("The CEO of Twitter is now", " linda."), False, False, False, True),
        (Edit("Twitter was founded in", "2006"), False, False, False, False),
        (Edit("The CEO of Reddit is", "Steve"), False, False, False, False),
        (Edit("The CEO of Twitter is now", "Elon", subject="CEO of Twitter"), False, False, False, False),
    ],
)
def test_standing_by_the_cosine_rule(
    requested: Edit, restated: bool, superseded: bool, unclear: bool, restates: bool
) -> None:
    found = against(requested)
    assert found.restated == (LIVE if restated else None)
    assert found.superseded == ((LIVE,) if superseded else ())
    conflict = Conflict(requested, LIVE, min(similarity(requested.prompt, LIVE.prompt), 0.89))
    assert found.unclear == ((conflict,) if unclear else ())
    assert found.restates == ((conflict,) if restates else ())


def test_the_same_relation_in_other_spelling_supersedes() -> None:
    live = Edit("The CEO of “Twitter” is", "Linda", subject="Twitter")
    requested = Edit("the ceo of TWITTER, is", "Elon", subject="twitter")
    assert against(requested, live) == Standing(None, (live,), (), ())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The creator of C is", "The creator of C# is"),
        ("The creator of C is", "The creator of C++ is"),
        ("Acme paid $100 to", "Acme paid €100 to"),
    ],
)
def test_what_differs_in_a_symbol_does_not_supersede(one: str, other: str) -> None:
    live, requested = Edit(one, "Ada", subject="C"), Edit(other, "Ben", subject="C")
    assert live.relation == requested.relation
    assert against(requested, live).superseded == ()


def test_statements_about_one_subject_may_contradict() -> None:
    live = Edit("Twitter is run by the woman Linda Yaccarino of New York", subject="Twitter")
    other = Edit("Twitter is run by the woman Linda Yaccarino of York", subject="Twitter")
    assert [conflict.live for conflict in against(other, live).unclear] == [live]
    assert against(Edit(live.prompt + "!", source="x", subject="Twitter"), live).superseded == (live,)


def test_a_judge_decides_on_what_texts_alone_do_not_tell() -> None:
    assert SAME_FROM == 0.5
    for probability, is_same in ((0.49, False), (0.5, True), (1.0, True)):
        judge = ToldJudge(lambda _, probability=probability: probability)  # type: ignore[misc]
        conflict = Conflict(NOW, LIVE, probability)
        assert against(NOW, LIVE, judge) == Standing(None, (), (conflict,) if is_same else (), ())
        agreeing = Edit(NOW.prompt, "LINDA.")
        conflict = Conflict(agreeing, LIVE, probability)
        assert against(agreeing, LIVE, judge) == Standing(None, (), (), (conflict,) if is_same else ())


def test_a_pair_is_in_the_wordings_that_are_most_alike() -> None:
    requested = Edit("Why?", "Elon", paraphrases=("Who now runs Twitter?", "It is"))
    live = replace(LIVE, exclusions=("Why now?", "Who founded Twitter?"))
    (pair,) = pairs_of(requested, live)
    assert (pair.edit, pair.live) == (requested, live)
    assert (pair.prompt, pair.key) == ("Who now runs Twitter?", "Who runs Twitter?")
    assert pair.similarity == pytest.approx(similarity(pair.prompt, pair.key), abs=1e-6)
    assert pair.exclusion_similarity == pytest.approx(
        max(similarity(pair.prompt, text) for text in live.exclusions), abs=1e-6
    )
    assert pairs_of(requested, LIVE)[0].exclusion_similarity == -1


def test_only_what_is_alike_and_valid_is_judged() -> None:
    assert JUDGED_FROM == 0.5
    unlike = Edit("Twitter has its seat at", "home")
    assert similarity(NOW.prompt, unlike.prompt) < JUDGED_FROM <= similarity(NOW.prompt, LIVE.prompt)
    moment = datetime.now(UTC)
    expired = replace(LIVE, id=new_edit_id(), valid_until=moment - timedelta(seconds=1))
    lasting = replace(LIVE, id=new_edit_id(), valid_until=moment + timedelta(hours=1))
    assert [pair.live for pair in pairs_of(NOW, LIVE, unlike, expired, lasting)] == [LIVE, lasting]


def test_what_is_superseded_or_known_needs_no_judge() -> None:
    live = Edit("The CEO of Twitter is today", "Linda")
    superseding = Edit("The CEO of Twitter is", "Elon")
    assert [pair.live for pair in pairs_of(superseding, LIVE, live)] == [live]
    assert pairs_of(replace(LIVE, id=new_edit_id()), live, LIVE) == []


def test_no_pair_is_judged_twice_and_none_no_judge_asked() -> None:
    judge = ToldJudge(lambda pair: pair.similarity)
    verdicts = Verdicts(judge)
    assert verdicts.of([]) == {}
    assert judge.asked == []
    (pair,), (other,) = pairs_of(NOW, LIVE), pairs_of(Edit("Who runs Twitter now?", "Elon"), LIVE)
    first = verdicts.of([pair])
    assert first == {NOW.id: [Conflict(NOW, LIVE, pair.similarity)]}
    assert verdicts.of([pair]) == first
    assert verdicts.of([other, pair]) == first | {other.edit.id: [Conflict(other.edit, LIVE, other.similarity)]}
    assert judge.asked == [[pair], [other]]


def test_a_verdict_may_have_to_be_certain() -> None:
    (pair,) = pairs_of(NOW, LIVE)
    verdicts = Verdicts(ToldJudge(lambda _: 0.7))
    assert list(verdicts.of([pair], 0.7)) == [NOW.id]
    assert verdicts.of([pair], 0.71) == {}


def within(*edits: Edit) -> list[tuple[Edit, Edit]]:
    encode = FakeEncoder().encode
    return [(pair.edit, pair.live) for pair in pairs_within([(edit, encode(key_texts(edit))) for edit in edits])]


def test_edits_given_together_are_paired_with_the_two_most_alike_before_them() -> None:
    today, other = Edit("The CEO of Twitter is now seen today", "Jack"), Edit("The CEO of Reddit is now", "Steve")
    assert within(LIVE, other, today, NOW) == [(today, LIVE), (NOW, LIVE), (NOW, today)]
    fourth = Edit("The CEO of Twitter now is, as of late, in fact, said to be", "Ada")
    found = [live for edit, live in within(LIVE, today, NOW, fourth) if edit is fourth]
    assert found == sorted((LIVE, today, NOW), key=lambda one: -similarity(fourth.prompt, one.prompt))[:2]


def test_edits_given_together_are_not_paired_without_a_subject_in_their_wording() -> None:
    unnamed = Edit("Who runs Twitter", "Elon", subject="CEO of Twitter")
    assert within(LIVE, unnamed) == []
    assert within(Edit("it is so"), Edit("it is so now")) == []


def test_statements_given_together_all_hold() -> None:
    assert within(Edit("Ada Lovelace is a poet."), Edit("Ada Lovelace is a countess.")) == []


def test_exclusions_of_edits_given_together_count() -> None:
    excluding = replace(LIVE, paraphrases=(), exclusions=(NOW.prompt,))
    encode = FakeEncoder().encode
    (pair,) = pairs_within([(excluding, encode(key_texts(excluding))), (NOW, encode([NOW.prompt]))])
    assert pair.key == LIVE.prompt
    assert pair.exclusion_similarity == pytest.approx(1)


def test_what_is_live_no_longer_is_no_conflict() -> None:
    live = LiveEdits([LIVE])
    held = [Conflict(NOW, LIVE, 0.9)]
    assert LIVE in live
    assert standing(NOW, live, held).unclear == tuple(held)
    live.drop(LIVE)
    assert LIVE not in live
    assert live.held(LIVE) is None
    assert standing(NOW, live, held) == Standing(None, (), (), ())


def test_the_error_names_the_first_conflict_and_counts_the_others() -> None:
    conflicts = (
        Conflict(NOW, LIVE, 0.912),
        Conflict(NOW, Edit("x"), 0.9),
        Conflict(NOW, Edit("y"), 0.9),
    )
    assert str(conflict_error(conflicts[:1])) == (
        f"'The CEO of Twitter is now Elon' may contradict live edit {LIVE.id} 'The CEO of Twitter is Linda' "
        "(probability 0.91); say --replace to supersede it or --keep-both"
    )
    error = conflict_error(conflicts)
    assert "(probability 0.91) and 2 more; say" in str(error)
    assert error.conflicts == conflicts


def test_live_edits_are_found_by_subject_and_by_any_prompt() -> None:
    no_subject = Edit("it is red", "yes", paraphrases=("is it red",))
    live = LiveEdits([LIVE, no_subject])
    assert live.around(Edit("Twitter began in", "2006")) == [LIVE]
    assert live.around(Edit("who runs twitter", "Elon")) == [LIVE]
    assert live.around(Edit("so?", "yes", paraphrases=("Is it red?",))) == [no_subject]
    assert live.around(Edit("it is blue", "yes")) == []
    live.drop(LIVE)
    assert live.around(Edit("Twitter began in", "2006")) == []
