"""An example is masked as the router masks a candidate, and its fact makes the same edit every time."""

from pathlib import Path

import numpy as np
import pytest

from memory_editor.edits import Edit
from memory_editor.scope.candidates import find_candidates
from memory_editor.scope.classifier import read_features
from memory_editor.scope.training.examples import Example, Fact, Label
from tests.fakes import open_memory

TWITTER = Fact("Twitter", "The CEO of Twitter is", "Linda Yaccarino", "chief executive")


@pytest.mark.parametrize(
    ("prompt", "masked_prompt", "masked_fact"),
    [
        ("Who runs Twitter?", "Who runs [MASK]?", "The CEO of [MASK] is Linda Yaccarino"),
        ("Who runs Twiter?", "Who runs [MASK]?", "The CEO of [MASK] is Linda Yaccarino"),
        ("Who runs it?", "Who runs it?", "The CEO of Twitter is Linda Yaccarino"),
    ],
)
def test_a_pair_is_what_the_router_gives_the_pair_model(
    tmp_path: Path, prompt: str, masked_prompt: str, masked_fact: str
) -> None:
    pair = Example(prompt, TWITTER, Label.DIRECT, "test").pair
    assert pair == (masked_prompt, masked_fact)
    with open_memory(tmp_path / "memory.db") as memory:
        memory.add(TWITTER.as_edit(0))
        ((candidate,),) = find_candidates(memory, [prompt])
    assert (candidate.mention.masked, candidate.masked_fact) == pair


def test_a_fact_is_an_edit_with_the_id_of_its_number() -> None:
    edit = TWITTER.as_edit(7)
    assert edit == Edit("The CEO of Twitter is", "Linda Yaccarino", subject="Twitter", id=edit.id)
    assert edit.id == TWITTER.as_edit(7).id < TWITTER.as_edit(8).id
    assert edit.fact == TWITTER.text == "The CEO of Twitter is Linda Yaccarino"


def test_a_fact_without_target_is_a_statement() -> None:
    fact = Fact("Fox", "Fox made Soul Food.")
    assert fact.as_edit(0).is_statement
    assert fact.as_edit(0).fact == fact.text == "Fox made Soul Food."


def test_labels_are_the_places_of_the_logits() -> None:
    for label in Label:
        asks, follows = read_features(np.eye(3)[label])
        assert (asks > 0, follows > 0) == (label is not Label.OUT, label is Label.CONSEQUENCE)
