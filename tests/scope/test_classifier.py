"""Probabilities and their reasons in words."""

from dataclasses import replace

import pytest

from memory_editor.edits import Edit
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.classifier import SimilarityClassifier

EDIT = Edit("The CEO of Twitter is", "Linda")
SEEN = Candidate(EDIT, is_exact=False, mentions_subject=True, similarity=0.7, exclusion_similarity=-1.0)


def score(seen: Candidate) -> tuple[float, tuple[str, ...]]:
    scored = SimilarityClassifier().score("any prompt", seen)
    assert scored.edit is seen.edit
    return scored.probability, scored.reasons


def test_the_prompt_itself_is_certain_whatever_is_excluded() -> None:
    exact = replace(SEEN, is_exact=True, similarity=0.2, mentions_subject=False, exclusion_similarity=1.0)
    assert score(exact) == (1.0, ("the prompt is the edit's own",))


@pytest.mark.parametrize("exclusion", [0.7, 0.71, 1.0])
def test_what_is_closer_to_an_exclusion_is_out(exclusion: float) -> None:
    excluded = replace(SEEN, exclusion_similarity=exclusion)
    assert score(excluded) == (0.0, ("similarity 0.70", f"it is closer to an exclusion of the edit ({exclusion:.2f})"))
    assert score(replace(SEEN, exclusion_similarity=0.69)) == score(SEEN)


def test_a_mention_needs_less_similarity() -> None:
    assert score(SEEN) == (0.5, ("similarity 0.70", "the subject 'Twitter' is mentioned"))
    unmentioned = replace(SEEN, mentions_subject=False)
    assert score(replace(unmentioned, similarity=0.91)) == (
        0.5,
        ("similarity 0.91", "the subject 'Twitter' is not mentioned"),
    )
    assert score(unmentioned)[0] < 0.01
    no_subject = replace(unmentioned, edit=Edit("it is red", "yes"))
    assert score(no_subject)[1] == ("similarity 0.70", "the edit has no subject to be mentioned")


@pytest.mark.parametrize("mentioned", [True, False])
def test_the_probability_rises_with_similarity_and_stays_one(mentioned: bool) -> None:
    seen = [replace(SEEN, mentions_subject=mentioned, similarity=step / 20) for step in range(-19, 21)]
    found = [score(each)[0] for each in seen]
    assert found == sorted(found)
    assert 0 < found[0] < 1e-6
    assert 0.9 < found[-1] < 1
