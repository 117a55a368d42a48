"""What a prompt and a candidate are in numbers, each worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_editor.edits import Edit
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.features import NAMES, Features, features, matrix
from tests.scope.seen import ADA, PLAIN, STATEMENT, TWITTER, seen

PROMPTS = ["Who runs Twitter?", "What did Ada Lovelace tweet on Twitter in 1843?", "Soul Food", "it is blue", ""]


def alone(prompt: str, edit: Edit = TWITTER) -> Features:
    (found,) = features([seen(prompt, edit)])
    return found


def test_a_candidate_by_hand() -> None:
    # {linda, new, ceo, peru} and {ceo, linda, yaccarino} share two of five; only Peru is news.
    assert alone("Is Linda the new CEO of Twitter in Peru?") == Features(
        similarity=0.7,
        lead=0.7,
        share=1.0,
        is_within_name=0.0,
        rivals=0.0,
        overlap=2 / 5,
        others_named=1.0,
        answer_named=1 / 2,
        is_statement=0.0,
    )


def test_candidates_of_one_prompt_are_seen_beside_each_other() -> None:
    prompt = "Did Ada Lovelace use Twitter?"
    twitter, ada, fox = features([seen(prompt, TWITTER, 0.5), seen(prompt, ADA, 0.625), seen(prompt, STATEMENT, 0.25)])
    assert [row.lead for row in (twitter, ada, fox)] == [-0.125, 0.125, -0.375]
    assert [row.rivals for row in (twitter, ada, fox)] == [np.log1p(1), np.log1p(1), np.log1p(2)]
    assert [row.is_statement for row in (twitter, ada, fox)] == [0.0, 0.0, 1.0]
    assert [row.share for row in (twitter, ada, fox)] == [1.0, 1.0, 0.0]


def test_a_subject_mentioned_in_part_is_no_rival() -> None:
    prompt = "Did Lovelace use Twitter?"
    twitter, ada = features([seen(prompt, TWITTER), seen(prompt, ADA)])
    assert (twitter.rivals, ada.rivals, ada.share) == (0.0, np.log1p(1), 0.5)


def test_of_two_as_similar_neither_leads() -> None:
    assert [row.lead for row in features([seen("x"), seen("x", ADA)])] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("prompt", "edit", "overlap"),
    [
        ("The CEO of Twitter is Linda Yaccarino", TWITTER, 1.0),
        ("the ceo, Linda Yaccarino", TWITTER, 3 / 4),
        ("Twitter", TWITTER, 0.0),
        ("Who is it?", TWITTER, 0.0),
        ("red red red", PLAIN, 1 / 2),
        ("of", Edit("Twitter", subject="Twitter"), 0.0),
        ("Twitter", Edit("Twitter", subject="Twitter"), 0.0),
    ],
)
def test_overlap_is_the_share_of_words_that_both_have(prompt: str, edit: Edit, overlap: float) -> None:
    assert alone(prompt, edit).overlap == overlap


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("Who runs Twitter?", 0.0),
        ("Who is Linda of Twitter?", 0.0),
        ("Linda of Twitter", 0.0),
        ("Peru: who runs Twitter?", 0.0),
        ("Who ran Twitter in Peru?", 1.0),
        ("Who ran Twitter in Peru in 2021?", 2.0),
        ("Who ran Twitter in Peru, Chile, Bolivia and Brazil?", 3.0),
        ("Who ran Twitter in Peru, in Peru?", 1.0),
        ("Who ran Twitter? Élan did. Élan!", 0.0),
        ("So Élan ran Twitter", 1.0),
    ],
)
def test_names_and_numbers_that_the_fact_has_not_are_counted_to_three(prompt: str, named: float) -> None:
    assert alone(prompt).others_named == named


@pytest.mark.parametrize(
    ("prompt", "edit", "share"),
    [
        ("Is it Linda?", TWITTER, 1 / 2),
        ("Is it LINDA YACCARINO?", TWITTER, 1.0),
        ("Is it Elon?", TWITTER, 0.0),
        ("Soul Food", STATEMENT, 0.0),
        ("of the", Edit("it is", "of the"), 0.0),
    ],
)
def test_the_answer_may_be_named_already(prompt: str, edit: Edit, share: float) -> None:
    assert alone(prompt, edit).answer_named == share


def test_a_longer_name_is_told_by_its_mention() -> None:
    assert alone("Is Twitter Inc. American?").is_within_name == 1.0


def test_numbers_come_in_the_order_of_the_names() -> None:
    rows = features([seen("Who runs Twitter?"), seen("Who runs Twitter?", ADA, 0.5)])
    assert tuple(Features.__dataclass_fields__) == NAMES
    numbers = matrix(rows)
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [[getattr(row, name) for name in NAMES] for row in rows]
    assert matrix([]).shape == (0, len(NAMES))
    assert features([]) == []


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    prompt = draw(st.sampled_from(PROMPTS) | st.text(max_size=20))
    edits = draw(st.lists(st.sampled_from([TWITTER, ADA, STATEMENT, PLAIN]), unique=True))
    return [seen(prompt, edit, draw(st.floats(-1, 1, width=16))) for edit in edits]


@given(candidates())
def test_features_are_bounded_and_those_of_each_candidate_whatever_the_order(found: list[Candidate]) -> None:
    rows = features(found)
    assert features(found[::-1]) == rows[::-1]
    for row, candidate in zip(rows, found, strict=True):
        assert row.similarity == candidate.similarity
        assert row.share == candidate.mention.share
        assert all(0 <= getattr(row, name) <= 1 for name in ("overlap", "answer_named", "is_statement", "share"))
        assert 0 <= row.rivals <= np.log1p(len(found) - 1)
        assert -2 <= row.lead <= 2
    if len(found) == 1:
        assert rows[0].lead == found[0].similarity


@given(candidates())
def test_what_an_exclusion_is_like_is_no_feature(found: list[Candidate]) -> None:
    assert features([replace(one, exclusion_similarity=0.9, is_exact=True) for one in found]) == features(found)
