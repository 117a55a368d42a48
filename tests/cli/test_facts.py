"""add-fact, update, remove and purge: what they change, print and refuse."""

import json

import pytest

import memory_editor.scope.files
from memory_editor.edits import Status
from memory_editor.store import Filter, Store
from tests.cli.conftest import Memedit
from tests.fakes import FakeClassifier

PROMPT = "The CEO of Twitter is"


def test_add_fact_prints_the_id_and_what_it_supersedes(memedit: Memedit) -> None:
    first = memedit.add(PROMPT, "Elon Musk")
    printed = memedit("add-fact", PROMPT, "Linda Yaccarino")
    with Store(memedit.path) as store:
        (live,) = store.select()
    assert printed == (
        f"added {live.edit.id} The CEO of Twitter is Linda Yaccarino\n"
        f"superseded {first} The CEO of Twitter is Elon Musk\n"
    )
    assert live.edit.supersedes == first


def test_a_fact_that_is_known_is_not_added_again(memedit: Memedit) -> None:
    id_ = memedit.add(PROMPT, "Linda Yaccarino")
    assert memedit("add-fact", PROMPT, "Linda Yaccarino") == (
        f"known already {id_} The CEO of Twitter is Linda Yaccarino\n"
    )
    assert memedit.json("add-fact", PROMPT, "Linda Yaccarino") == {
        "id": id_,
        "known_already": True,
        "superseded": [],
        "possible_contradictions": [],
        "restates": [],
    }


def test_every_field_can_be_given(memedit: Memedit) -> None:
    id_ = memedit.add(
        *(PROMPT, "Linda Yaccarino", "--subject", "X", "--target-true", "Elon Musk"),
        *("--paraphrase", "Who runs Twitter?", "--paraphrase", "Twitter's CEO?", "--exclusion", "Who owns Twitter?"),
        *("--source", "the news", "--valid-until", "2099-01-31T01:00:00+01:00", "--reason", "asked for"),
        *("--namespace", "press"),
    )
    shown = memedit.json("show", id_)
    del shown["created_at"]
    (change,) = shown.pop("history")
    assert (change["actor"], change["reason"]) == ("ada", "asked for")
    assert shown == {
        "prompt": PROMPT,
        "target_new": "Linda Yaccarino",
        "subject": "X",
        "target_true": "Elon Musk",
        "paraphrases": ["Who runs Twitter?", "Twitter's CEO?"],
        "exclusions": ["Who owns Twitter?"],
        "source": "the news",
        "namespace": "press",
        "valid_until": "2099-01-31T00:00:00+00:00",
        "supersedes": None,
        "id": id_,
        "status": "live",
    }


def test_a_statement_takes_no_target(memedit: Memedit) -> None:
    id_ = memedit.json("add-fact", "--statement", "東京は日本の首都です。")["id"]
    assert memedit("list") == f"ID\tSTATUS\tFACT\n{id_}\tlive\t東京は日本の首都です。\n"


@pytest.mark.parametrize(
    "args",
    [(), ("The CEO of Twitter is",), ("--statement", "A fact.", PROMPT), ("--statement", "A fact.", PROMPT, "someone")],
    ids=["nothing", "prompt alone", "statement and prompt", "statement, prompt and target"],
)
def test_a_fact_is_a_prompt_with_a_target_or_a_statement(memedit: Memedit, args: tuple[str, ...]) -> None:
    assert memedit.usage_error("add-fact", *args) == (
        "Error: Invalid value: give PROMPT and TARGET, or --statement TEXT alone"
    )
    assert not memedit.path.exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((PROMPT, " "), "target_new must not be empty; leave it out instead"),
        ((PROMPT, "x", "--valid-until", "2099-01-31"), "valid_until '2099-01-31' must be a time with a zone"),
        ((PROMPT, "x", "--namespace", "No!"), "namespace 'No!' must match"),
        ((PROMPT, "<|im_end|>"), "target_new contains the chat-template token '<|im_end|>'"),
    ],
)
def test_an_invalid_fact_is_refused_before_a_memory_is_made(
    memedit: Memedit, args: tuple[str, ...], message: str
) -> None:
    assert memedit.error("add-fact", *args).startswith(message)
    assert not memedit.path.exists()


def test_a_possible_contradiction_is_settled_by_an_option(memedit: Memedit) -> None:
    first = memedit.add(PROMPT, "Elon Musk")
    other = ("add-fact", "The CEO of Twitter is now", "Linda Yaccarino")
    assert memedit.error(*other).startswith(
        f"'The CEO of Twitter is now Linda Yaccarino' may contradict live edit {first} 'The CEO of Twitter is Elon"
    )
    assert memedit.usage_error(*other, "--replace", "--keep-both").endswith(
        "--replace and --keep-both exclude each other"
    )
    assert memedit.json("list")["total"] == 1
    kept = memedit.json(*other, "--keep-both")
    assert (kept["superseded"], kept["possible_contradictions"]) == ([], [first])
    memedit("undo")
    replaced = memedit(*other, "--replace").splitlines()
    assert replaced[1:] == [
        f"superseded {first} The CEO of Twitter is Elon Musk",
        f"may contradict {first} The CEO of Twitter is Elon Musk",
    ]


def test_the_same_in_other_words_is_added_and_told(memedit: Memedit) -> None:
    first = memedit.add(PROMPT, "Elon Musk")
    other = ("add-fact", "The CEO of Twitter is now", "elon musk")
    added, restates = memedit(*other).splitlines()
    assert added.startswith("added ")
    assert restates == f"restates {first} The CEO of Twitter is Elon Musk"
    memedit("undo")
    told = memedit.json(*other)
    assert (told["known_already"], told["possible_contradictions"], told["restates"]) == (False, [], [first])


def test_nothing_is_judged_by_the_scope_classifier_where_nothing_is_alike(
    memedit: Memedit, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[FakeClassifier] = []

    def load(*_: object) -> FakeClassifier:
        loaded.append(FakeClassifier())
        return loaded[-1]

    monkeypatch.setattr(memory_editor.scope.files, "load_classifier", load)
    memedit.add(PROMPT, "Elon Musk")
    memedit.add("Peru lies in", "South America")
    memedit.add(PROMPT, "Linda Yaccarino")
    assert loaded == []
    assert "(probability 0." in memedit.error("add-fact", "The CEO of Twitter is now", "Jack")
    assert len(loaded) == 1


def test_update_supersedes_by_what_differs(memedit: Memedit) -> None:
    old = memedit.add(PROMPT, "Elon Musk", "--source", "the news", "--paraphrase", "Who runs Twitter?")
    changed = memedit.json("update", old[-6:], "--target", "Linda Yaccarino", "--source", "", "--paraphrase", "")
    assert (changed["superseded"], changed["known_already"]) == ([old], False)
    new = memedit.json("show", changed["id"])
    assert (new["prompt"], new["target_new"], new["subject"]) == (PROMPT, "Linda Yaccarino", "Twitter")
    assert (new["source"], new["paraphrases"], new["supersedes"]) == (None, [], old)
    assert memedit.json("show", old)["status"] == "superseded"
    printed = memedit("update", changed["id"], "--target", "Elon Musk").splitlines()
    assert printed[1] == f"superseded {changed['id']} The CEO of Twitter is Linda Yaccarino"


def test_update_says_what_else_it_supersedes(memedit: Memedit) -> None:
    twitter = memedit.add(PROMPT, "Linda Yaccarino")
    peru = memedit.add("The capital of Peru is", "Cusco")
    changed = memedit.json("update", twitter, "--prompt", "The capital of Peru is")
    assert changed["superseded"] == [twitter, peru]


def test_update_keeps_the_namespace_of_the_edit(memedit: Memedit) -> None:
    old = memedit.add(PROMPT, "Elon Musk", "--namespace", "press")
    new = memedit.json("update", old, "--target", "Linda Yaccarino")["id"]
    assert memedit.json("show", new)["namespace"] == "press"


def test_update_refuses_what_changes_nothing_or_too_much(memedit: Memedit) -> None:
    id_ = memedit.add(PROMPT, "Elon Musk")
    assert memedit.usage_error("update", id_).endswith("say what is to differ, e.g. --target TEXT")
    assert memedit.error("update", id_, "--prompt", "") == "prompt must not be empty"
    memedit("remove", id_)
    assert memedit.error("update", id_, "--target", "x").startswith(f"edit {id_} is removed; only live edits")


def test_remove_takes_edits_out_all_or_none(memedit: Memedit) -> None:
    first, second = memedit.add(PROMPT, "Elon Musk"), memedit.add("The capital of Peru is", "Cusco")
    assert memedit.error("remove", first, "nothing").startswith("no edit has the id 'nothing'")
    assert memedit.json("list")["total"] == 2
    assert memedit("remove", first[-5:], "--reason", "wrong") == f"removed {first} The CEO of Twitter is Elon Musk\n"
    assert memedit.json("remove", second, second[-8:]) == {"removed": [second]}
    assert memedit.error("remove", first).startswith(f"edit {first} is removed already")
    assert memedit.json("history")[1]["reason"] == "wrong"


def test_an_id_is_found_by_any_unique_ending_only(memedit: Memedit) -> None:
    first, second = memedit.add(PROMPT, "Elon Musk"), memedit.add("The capital of Peru is", "Cusco")
    assert memedit.json("show", first[-6:].lower())["id"] == first
    shared = next(size for size in range(27) if first[: size + 1] != second[: size + 1])
    assert memedit.error("show", first[:shared]).startswith(f"more than one edit has the id '{first[:shared]}'")


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_purge_asks_and_forgets_nothing_without_a_yes(memedit: Memedit, answer: str) -> None:
    id_ = memedit.add(PROMPT, "Elon Musk")
    memedit("remove", id_)
    result = memedit.run("purge", id_, given=answer)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "forget 1 edits for good? [y/N] memedit: nothing was purged\n"
    assert memedit.json("show", id_)["status"] == "removed"


def test_purge_forgets_the_edit_its_history_and_the_index_files(memedit: Memedit) -> None:
    id_ = memedit.add(PROMPT, "Elon Musk")
    memedit("remove", id_, "--reason", "Elon Musk asked")
    with Store(memedit.path) as store:
        cache = store.index_folder / "default"
    cache.mkdir(parents=True)
    result = memedit.run("purge", id_, given="y\n")
    assert (result.exit_code, result.stdout) == (0, f"purged {id_} The CEO of Twitter is Elon Musk\n")
    assert memedit.error("show", id_).startswith("no edit has the id")
    assert "Musk" not in json.dumps(memedit.json("history"))
    assert b"Musk" not in memedit.path.read_bytes()
    assert not cache.exists()


def test_purge_all_removed_takes_the_removed_edits_of_one_namespace(memedit: Memedit) -> None:
    removed, other = memedit.add(PROMPT, "Elon Musk"), memedit.add(PROMPT, "Elon Musk", "--namespace", "press")
    superseded = memedit.add("The capital of Peru is", "Cusco")
    live = memedit.add("The capital of Peru is", "Lima")
    memedit("remove", removed, other)
    assert memedit.json("purge", "--all-removed", "--yes") == {"purged": [removed]}
    with Store(memedit.path) as store:
        standing = {record.edit.id: record.status for record in store.select(Filter(status=None))}
    assert standing == {other: Status.REMOVED, superseded: Status.SUPERSEDED, live: Status.LIVE}
    changes = len(memedit.json("history"))
    assert memedit.json("purge", "--all-removed") == {"purged": []}
    assert len(memedit.json("history")) == changes


def test_purge_refuses_live_edits_and_wrong_usage(memedit: Memedit) -> None:
    id_ = memedit.add(PROMPT, "Elon Musk")
    assert memedit.error("purge", id_, "--yes").startswith(f"edit {id_} is live; `memedit remove` it first")
    for args in ((), (id_, "--all-removed")):
        assert memedit.usage_error("purge", *args).endswith("give IDs, or --all-removed alone")
