"""list, show, history and undo: what they print, and that they lose nothing."""

import pytest

from memory_editor.edits import Edit
from tests.cli.conftest import Memedit

CEO = "The CEO of Twitter is"
PERU = "The capital of Peru is"


def test_list_filters_by_subject_text_and_status(memedit: Memedit) -> None:
    musk = memedit.add(CEO, "Elon Musk")
    yaccarino = memedit.add(CEO, "Linda Yaccarino")
    lima = memedit.add(PERU, "Lima")
    memedit("remove", lima)
    memedit.add(CEO, "nobody", "--namespace", "press")

    def listed(*options: str) -> list[tuple[str, str]]:
        return [(edit["id"], edit["status"]) for edit in memedit.json("list", *options)["edits"]]

    assert listed() == [(yaccarino, "live")]
    assert listed("--status", "all") == [(musk, "superseded"), (yaccarino, "live"), (lima, "removed")]
    assert listed("--status", "removed") == [(lima, "removed")]
    assert listed("--status", "all", "--subject", "TWITTER") == [(musk, "superseded"), (yaccarino, "live")]
    assert listed("--status", "all", "--containing", "elon") == [(musk, "superseded")]
    assert listed("--subject", "Peru") == []
    assert "Invalid value for '--status'" in memedit.usage_error("list", "--status", "dead")


def test_list_says_how_many_more_there_are(memedit: Memedit) -> None:
    edits = [Edit(f"Number {number} is", str(number)) for number in range(5)]
    memedit.put(edits)
    result = memedit.run("list", "--limit", "2", "--offset", "1")
    assert result.stdout == "".join(["ID\tSTATUS\tFACT\n", *(f"{edit.id}\tlive\t{edit.fact}\n" for edit in edits[1:3])])
    assert result.stderr == "memedit: 2 more; --offset 3 lists the next\n"
    assert memedit.run("list", "--offset", "3").stderr == ""
    listed = memedit.json("list", "--limit", "1", "--offset", "4")
    assert (listed["total"], listed["offset"], [edit["id"] for edit in listed["edits"]]) == (5, 4, [edits[4].id])


def test_a_listed_edit_has_every_field(memedit: Memedit) -> None:
    edit = Edit(CEO, "Linda Yaccarino", source="Zeitung für Ärzte")
    memedit.put([edit])
    assert memedit.json("list")["edits"] == [
        {
            "prompt": CEO,
            "target_new": "Linda Yaccarino",
            "subject": "Twitter",
            "target_true": None,
            "paraphrases": [],
            "exclusions": [],
            "source": "Zeitung für Ärzte",
            "namespace": "default",
            "valid_until": None,
            "supersedes": None,
            "id": edit.id,
            "status": "live",
            "created_at": edit.created_at.isoformat(),
        }
    ]


def test_a_fact_of_several_lines_is_listed_on_one(memedit: Memedit) -> None:
    edit = Edit("Roses are red,\nviolets are", "blue,\n\tsugar is sweet")
    memedit.put([edit])
    assert memedit("list").splitlines()[1:] == [f"{edit.id}\tlive\tRoses are red, violets are blue, sugar is sweet"]


def test_show_prints_all_fields_and_the_history_of_the_edit(memedit: Memedit) -> None:
    id_ = memedit.add(CEO, "Linda Yaccarino", "--paraphrase", "Who runs Twitter?", "--paraphrase", "Twitter's CEO?")
    memedit.add(PERU, "Lima")
    memedit("remove", id_, "--reason", "she left")
    fields, changes = memedit("show", id_).split("\n\n")
    lines = fields.splitlines()
    assert lines[:6] == [
        f"prompt       {CEO}",
        "target_new   Linda Yaccarino",
        "subject      Twitter",
        "target_true  -",
        "paraphrases  Who runs Twitter?",
        "             Twitter's CEO?",
    ]
    assert lines[11:13] == [f"id           {id_}", "status       removed"]
    header, removed, added = (line.split("\t") for line in changes.splitlines())
    assert header == ["CHANGE", "WHEN", "WHO", "ACTION", "WHY", "OLD → NEW"]
    fact = "The CEO of Twitter is Linda Yaccarino"
    assert [removed[0], *removed[2:]] == ["3", "ada", "remove", "she left", f"{fact}: live → removed"]
    assert [added[0], *added[2:]] == ["1", "ada", "add", "", f"{fact}: none → live"]


def test_history_lists_the_latest_change_first(memedit: Memedit) -> None:
    musk = memedit.add(CEO, "Elon Musk")
    lima = memedit.add(PERU, "Lima")
    yaccarino = memedit.add(CEO, "Linda Yaccarino", "--reason", "news")
    latest, *earlier = memedit.json("history")
    del latest["at"]
    assert latest == {
        "number": 3,
        "actor": "ada",
        "action": "add",
        "reason": "news",
        "edits": [
            {"id": musk, "fact": "The CEO of Twitter is Elon Musk", "old": "live", "new": "superseded"},
            {"id": yaccarino, "fact": "The CEO of Twitter is Linda Yaccarino", "old": None, "new": "live"},
        ],
    }
    assert [change["number"] for change in earlier] == [2, 1]
    assert [change["number"] for change in memedit.json("history", "--limit", "2")] == [3, 2]
    assert [change["number"] for change in memedit.json("history", "--edit", lima[-6:])] == [2]
    assert memedit.error("history", "--edit", "nothing").startswith("no edit has the id 'nothing'")


def test_history_prints_a_few_edits_of_a_large_change(memedit: Memedit) -> None:
    memedit.put([Edit(f"Number {number} is", str(number)) for number in range(1_007)])
    printed = memedit("history").splitlines()[1].split("\t")[-1]
    assert printed == "; ".join([*(f"Number {n} is {n}: none → live" for n in range(5)), "and 1,002 more"])
    assert len(memedit.json("history")[0]["edits"]) == 1_007


def test_undo_goes_back_by_one_change_or_to_a_change_or_an_edit(memedit: Memedit) -> None:
    def live() -> list[str]:
        return [edit["target_new"] for edit in memedit.json("list")["edits"]]

    musk = memedit.add(CEO, "Elon Musk")
    memedit.add(PERU, "Lima")
    memedit.add(CEO, "Linda Yaccarino")
    undone = memedit("undo", "--reason", "too early").splitlines()[1].split("\t")
    assert undone[2:] == [
        *("ada", "undo", "too early"),
        "The CEO of Twitter is Elon Musk: superseded → live; The CEO of Twitter is Linda Yaccarino: live → removed",
    ]
    assert live() == ["Elon Musk", "Lima"]
    assert memedit.json("undo", "--to", musk[-6:])["action"] == "undo"
    assert live() == ["Elon Musk"]
    memedit("undo", "--to", "3")
    assert sorted(live()) == ["Lima", "Linda Yaccarino"]
    memedit("undo", "--to", "0")
    assert live() == []
    assert memedit.error("undo", "--to", "99").startswith("there is no change 99")


@pytest.mark.parametrize("to", ["", "9" * 30])
def test_undo_goes_nowhere_that_is_not_named(memedit: Memedit, to: str) -> None:
    memedit.add(PERU, "Lima")
    assert memedit.error("undo", "--to", to).startswith(f"no edit has the id '{to}'")
    assert memedit.json("list")["total"] == 1


def test_undo_of_nothing_is_an_error(memedit: Memedit) -> None:
    memedit.put([])
    assert memedit.error("undo") == "there is nothing to undo; `memedit history` lists the changes"
