"""memedit consolidate: a bank made, shown, refused and undone; training itself is tested elsewhere."""

from collections.abc import Sequence
from typing import Any

import pytest

from memory_editor.adapters.bank import bank_folder, current_bank
from memory_editor.consolidation import building
from memory_editor.consolidation.verifying import Verdict
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from tests.adapters.bank.banks import random_weights
from tests.cli.conftest import Memedit

JAPAN = Edit("The capital of Japan is", "Paris")
TWITTER = Edit("Who runs Twitter?", "Linda")
STATEMENT = Edit("Linda Yaccarino runs Twitter.")


@pytest.fixture(autouse=True)
def failing(monkeypatch: pytest.MonkeyPatch) -> set[Edit]:
    """Edits that training fails on; it takes no time."""
    failing: set[Edit] = set()

    def verify(base: object, adapter: object, edits: Sequence[Edit], others: object) -> Verdict:
        return Verdict(tuple(edit.id for edit in edits if edit in failing), 1, 8)

    def train(base: LanguageModel, *_: Any) -> Any:
        return random_weights(base, seed=0, rank=4), 7

    monkeypatch.setattr(building, "train_cluster", train)
    monkeypatch.setattr(building, "verify", verify)
    return failing


def edits_in_force(memedit: Memedit) -> int | None:
    bank = current_bank(bank_folder(memedit.path, "default"))
    return None if bank is None else len(bank)


def test_a_bank_is_made_of_the_live_edits_and_undone(memedit: Memedit) -> None:
    memedit.put([JAPAN, TWITTER, STATEMENT])
    result = memedit.run("consolidate")
    assert result.exit_code == 0
    columns, row = result.stdout.splitlines()
    assert columns.split("\t") == ["LEARNT", "REGRESSIONS", "STEPS", "SECONDS", "SUCH AS"]
    assert row.split("\t")[:3] == ["2 of 2", "1 of 8", "7"]
    assert result.stderr.splitlines() == [
        "memedit: 2 of 2 edits learnt, 0 kept, 1 statements or long prompts left to the fallback"
    ]
    assert edits_in_force(memedit) == 2
    memedit("remove", JAPAN.id)
    assert memedit.json("consolidate")["learnt"] == 1
    assert edits_in_force(memedit) == 1
    assert memedit("consolidate", "--undo") == "the bank of 2 edits before is in force again\n"
    assert memedit.json("consolidate", "--undo") == {"edits": 0}
    assert "no adapter bank is in force" in memedit.error("consolidate", "--undo")


def test_the_bank_answers_and_what_it_does_not_hold_is_answered_as_before(memedit: Memedit) -> None:
    memedit.add(JAPAN.prompt, "Paris")
    memedit("consolidate")
    memedit.add(TWITTER.prompt, "Linda")

    def answer(prompt: str, adapter: str) -> Any:
        (told,) = memedit.json_lines("query", prompt, "--adapter", adapter, "--max-new-tokens", "4")
        assert told["route"]["in_scope"]
        return told["answer"]

    assert answer(JAPAN.prompt, "bank") != answer(JAPAN.prompt, "in-context")
    assert answer(TWITTER.prompt, "bank") == answer(TWITTER.prompt, "in-context")


def test_what_was_not_learnt_is_told_and_too_much_of_it_changes_nothing(memedit: Memedit, failing: set[Edit]) -> None:
    memedit.put([JAPAN, TWITTER])
    failing.add(JAPAN)
    result = memedit.run("consolidate", "--cluster-size", "1")
    assert result.exit_code == 1
    assert f"not learnt, answered as before: {JAPAN.prompt} ({JAPAN.id})" in result.stderr
    assert "too few edits were learnt; all is as it was" in result.stderr
    assert edits_in_force(memedit) is None
    told = memedit.run("consolidate", "--json")
    assert (told.exit_code, '"is_in_force": false' in told.stdout) == (1, True)


def test_a_memory_without_edits_has_nothing_to_learn(memedit: Memedit) -> None:
    memedit.put([STATEMENT])
    assert memedit.json("consolidate")["trained"] == 0
    assert edits_in_force(memedit) is None


def test_consolidating_needs_a_memory(memedit: Memedit) -> None:
    assert memedit.error("consolidate").startswith(f"there is no memory at '{memedit.path}'")
    assert not memedit.path.exists()
