"""check and add-fact --check: what the model says of edits, and an exit code that tells whether it is right."""

import json
from datetime import UTC, datetime

from memory_editor.edits import Edit
from tests.cli.conftest import Memedit

PROMPT = "The CEO of Twitter is"


def test_check_prints_what_the_model_says_and_fails_where_it_is_wrong(memedit: Memedit) -> None:
    id_ = memedit.add(PROMPT, "Linda Yaccarino", "--paraphrase", "Who runs Twitter?")
    result = memedit.run("check", "--max-new-tokens", "4")
    assert result.exit_code == 1  # a random model gives no such answer
    header, own, *_ = result.stdout.splitlines()
    assert header.split("\t") == ["", "ASKED", "PROMPT", "ANSWER"]
    assert own.split("\t")[:3] == ["wrong", "own prompt", PROMPT]
    assert "of 6 are as they should be" in result.stderr
    checks = json.loads(memedit.run("check", id_, "--max-new-tokens", "4", "--json").stdout)
    assert [check["prompt"] for check in checks][:2] == [PROMPT, "Who runs Twitter?"]
    assert {check["id"] for check in checks} == {id_}


def test_check_of_an_empty_memory_has_nothing_to_find_wrong(memedit: Memedit) -> None:
    memedit.put([])
    assert memedit.json("check") == []


def test_expired_edits_are_checked_only_by_name(memedit: Memedit) -> None:
    expired = Edit(PROMPT, "Elon Musk", valid_until=datetime(2020, 1, 1, tzinfo=UTC))
    memedit.put([expired])
    assert memedit.json("check") == []
    assert memedit.run("check", expired.id, "--max-new-tokens", "1").exit_code == 1


def test_check_of_an_unknown_edit_is_an_error(memedit: Memedit) -> None:
    memedit.put([])
    assert "no edit" in memedit.error("check", "01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_a_fact_is_checked_after_it_was_added(memedit: Memedit) -> None:
    result = memedit.run("add-fact", PROMPT, "Linda Yaccarino", "--check", "--json")
    assert result.exit_code == 1
    values = json.loads(result.stdout)
    assert values["checks"][0]["prompt"] == PROMPT
    assert {check["id"] for check in values["checks"]} == {values["id"]}
    assert memedit.json("show", values["id"])["status"] == "live"
    printed = memedit.run("add-fact", "The capital of Peru is", "Cusco", "--check").stdout.splitlines()
    assert printed[0].startswith("added ")
    assert "own prompt" in printed[2]
