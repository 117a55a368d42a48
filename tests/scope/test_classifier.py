"""Features weigh every candidate, the pair model reads the few that may be in scope; what is certain is not read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.edits import Edit
from memory_editor.scope.candidates import Candidate
from memory_editor.scope.classifier import CLOSE_CALLS, READ_FROM, READ_NAMES, TrainedClassifier, read_features
from memory_editor.scope.features import NAMES
from memory_editor.scope.pair_model import Pair, PairModel
from memory_editor.scope.route import Kind, ScoredEdit
from tests.scope.seen import ADA, PLAIN, STATEMENT, TWITTER, seen
from tests.scope.test_pair_model import random_adapter
from tests.scope.trained import READING, TellLogits, classifier, out, weighing
from tests.tiny_bert import write_tiny_bert

PROMPT = "Who runs Twitter?"
CROWD = tuple(Edit(f"wording {number} about Twitter", str(number), subject="Twitter") for number in range(6))


def score(found: list[Candidate], tell: TellLogits = out) -> tuple[list[ScoredEdit], list[Pair]]:
    trained, pair_model = classifier(tell)
    (scored,) = trained.score([found])
    assert [one.edit for one in scored] == [one.edit for one in found]
    return scored, pair_model.read


def glanced(similarity: float) -> float:
    return float(1 / (1 + np.exp(10 - 20 * similarity)))


def by_words(pair: Pair) -> tuple[float, float, float]:
    """Tell logits that differ from pair to pair and depend on nothing else."""
    sizes = [float(sum(map(ord, text)) % 7) for text in pair]
    return sizes[0], sizes[1], (sizes[0] + sizes[1]) % 3


def test_the_prompt_itself_is_certain_whatever_is_excluded_and_nothing_is_read() -> None:
    exact = seen(PROMPT, TWITTER, 0.2, exclusion=1.0, is_exact=True)
    scored, read = score([seen(PROMPT, CROWD[0], 0.9), exact, seen(PROMPT, CROWD[1], 0.1)])
    assert scored[1] == ScoredEdit(TWITTER, 1.0, Kind.DIRECT, ("the prompt is the edit's own",))
    assert scored[0].probability == READ_FROM
    assert scored[2].probability == pytest.approx(glanced(0.1))
    assert read == []


@pytest.mark.parametrize("exclusion", [0.7, 0.71, 1.0])
def test_what_is_closer_to_an_exclusion_is_out_whatever_is_read(exclusion: float) -> None:
    (scored,), _ = score([seen(PROMPT, exclusion=exclusion)], lambda _: (0.0, 50.0, 0.0))
    told = ("similarity 0.70", f"it is closer to an exclusion of the edit ({exclusion:.2f})")
    assert scored == ScoredEdit(TWITTER, 0.0, Kind.DIRECT, told)


def test_what_is_farther_from_an_exclusion_is_as_if_it_had_none() -> None:
    assert score([seen(PROMPT, exclusion=0.69)], by_words) == score([seen(PROMPT)], by_words)


def test_what_may_be_in_scope_is_read_masked() -> None:
    _, read = score([seen(PROMPT), seen(PROMPT, ADA)])
    assert read == [
        ("Who runs [MASK]?", "The CEO of [MASK] is Linda Yaccarino"),
        (PROMPT, "The mother tongue of Ada Lovelace is French"),
    ]


def test_only_the_likeliest_are_read() -> None:
    assert CLOSE_CALLS == 3
    similarities = [0.6, 0.9, 0.7, 0.9, 0.8, 0.5]
    found = [seen(PROMPT, edit, value) for edit, value in zip(CROWD, similarities, strict=True)]
    scored, read = score(found, lambda _: (0.0, 3.0, 0.0))
    # Of equals the one that comes first goes first.
    assert [pair[1] for pair in read] == [found[place].masked_fact for place in (1, 3, 4)]
    assert [one.probability == READ_FROM for one in scored] == [True, False, True, False, False, True]


@pytest.mark.parametrize(("similarity", "is_read"), [(0.271, True), (0.27, False)])
def test_only_what_may_be_in_scope_is_read(similarity: float, is_read: bool) -> None:
    assert (glanced(similarity) >= READ_FROM) is is_read
    (scored,), read = score([seen(PROMPT, similarity=similarity)], lambda _: (0.0, 50.0, 0.0))
    assert bool(read) is is_read
    assert scored.probability == pytest.approx(1.0 if is_read else glanced(similarity))


def test_what_is_read_is_weighed_with_its_features() -> None:
    reading = weighing(READ_NAMES, 0.5, asks_for_it=2.0, follows_from_it=-1.0, similarity=4.0)
    trained, _ = classifier(lambda _: (1.0, 2.0, 0.5), reading=reading)
    ((scored,),) = trained.score([[seen(PROMPT, similarity=0.5)]])
    odds = 0.5 + 2 * (np.log(np.exp(2.0) + np.exp(0.5)) - 1) - (0.5 - 2) + 4 * 0.5
    assert scored.probability == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-6)
    assert scored.reasons == (
        "the subject 'Twitter' is mentioned",
        "the prompt asks for what the edit says (for)",
        "similarity 0.50 (for)",
        "what is asked is the edit itself (for)",
    )


def test_what_is_not_read_says_why_by_its_features() -> None:
    (scored,), _ = score([seen(PROMPT, similarity=0.1)])
    assert scored.reasons == ("the subject 'Twitter' is mentioned", "similarity 0.10 (for)")


def test_read_features_are_log_odds() -> None:
    in_scope, consequence = read_features(np.array([1.0, 2.0, 3.0], np.float32))
    assert in_scope == pytest.approx(np.log((np.exp(2) + np.exp(3)) / np.exp(1)))
    assert consequence == 1.0
    assert read_features(np.array([0.0, 1000.0, -1000.0], np.float32)).tolist() == [1000.0, -2000.0]


@pytest.mark.parametrize(
    ("logits", "kind"),
    [((0.0, 1.0, 2.0), Kind.CONSEQUENCE), ((0.0, 2.0, 1.0), Kind.DIRECT), ((9.0, 1.0, 1.0), Kind.DIRECT)],
)
def test_the_kind_is_the_likelier_of_the_two(logits: tuple[float, float, float], kind: Kind) -> None:
    (scored,), _ = score([seen(PROMPT)], lambda _: logits)
    assert scored.kind is kind


def test_all_prompts_are_read_at_once_and_none_needs_candidates() -> None:
    trained, pair_model = classifier()
    assert trained.score([]) == []
    assert trained.score([[], [seen(PROMPT)], []])[::2] == [[], []]
    assert len(pair_model.read) == 1


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    prompt = draw(st.sampled_from([PROMPT, "Ada Lovelace on Twitter", "it is blue", ""]))
    edits = draw(st.lists(st.sampled_from([TWITTER, ADA, STATEMENT, PLAIN, *CROWD]), unique=True, max_size=6))
    values = st.floats(-1, 1, width=16)
    exact = draw(st.sampled_from([*edits, None, None, None])) if edits else None
    return [seen(prompt, edit, draw(values), exclusion=draw(values), is_exact=edit is exact) for edit in edits]


@settings(deadline=None)
@given(st.lists(candidates(), max_size=4))
def test_scores_depend_on_their_own_prompt_alone(found: list[list[Candidate]]) -> None:
    trained, _ = classifier(by_words)
    assert trained.score(found) == [trained.score([row])[0] for row in found]


@settings(deadline=None)
@given(candidates())
def test_what_is_certain_and_what_is_unread_keeps_its_bounds(found: list[Candidate]) -> None:
    scored, read = score(found, lambda _: (0.0, 50.0, 0.0))
    assert len(read) <= CLOSE_CALLS
    assert not read or not any(one.is_exact for one in found)
    above = 0
    for one, candidate in zip(scored, found, strict=True):
        assert 0 <= one.probability <= 1
        if candidate.is_exact:
            assert one.probability == 1.0
        elif candidate.exclusion_similarity >= candidate.similarity:
            assert one.probability == 0.0
        else:
            above += one.probability > READ_FROM
    assert above <= len(read)


def test_a_real_pair_model_gives_a_batch_what_it_gives_one_by_one(tmp_path: Path) -> None:
    pair_model = PairModel(write_tiny_bert(tmp_path), random_adapter())
    trained = TrainedClassifier(weighing(NAMES), READING, pair_model, threshold=0.5)
    prompts = [PROMPT, "Who is the CEO of Twitter in France, one two three?", "two", "Ada Lovelace"]
    found = [[seen(prompt, edit) for edit in (TWITTER, ADA, *CROWD[:3])] for prompt in prompts]
    together = trained.score(found)
    alone = [trained.score([row])[0] for row in found]
    for row, other in zip(together, alone, strict=True):
        assert [one.kind for one in row] == [one.kind for one in other]
        assert [one.probability for one in row] == pytest.approx([one.probability for one in other], abs=1e-5)
