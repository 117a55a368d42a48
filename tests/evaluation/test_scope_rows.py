"""Each row asks what its published files hold, and none of it enters an edit."""

from pathlib import Path

import pytest

from memory_editor.edits import Edit, EditId
from memory_editor.evaluation.published import Published
from memory_editor.evaluation.rows import Row, RowName
from memory_editor.evaluation.scope_rows import read_row
from tests.evaluation.data import ADA, BLANC, PERU, write

FATHER = "Who is the father of Ada Lovelace?"

# What is asked, by set: each prompt with the prompt of the edit it was written for, a + before those in scope.
ASKED: dict[RowName, dict[str, list[tuple[str, str]]]] = {
    RowName.COUNTERFACT: {
        "edit prompt": [(ADA, f"+{ADA}"), (PERU, f"+{PERU}"), (PERU, f"+{PERU}"), (BLANC, f"+{BLANC}")],
        "paraphrase": [
            ("Ada Lovelace spoke", f"+{ADA}"),
            ("Peru is governed from", f"+{PERU}"),
            ("Peru's capital city is", f"+{PERU}"),
            ("To climb Mont Blanc, go to", f"+{BLANC}"),
        ],
        "locality prompt": [
            ("Alan Turing's mother tongue is", ADA),
            ("Chile is governed from", PERU),
            ("Chile's capital city is", PERU),
            ("in PERU, Parliament sits in", BLANC),
        ],
    },
    RowName.COUNTERFACT_HARD: {
        "in scope": [
            ("What did Ada Lovelace speak?", "+Ada Lovelace's mother tongue is French."),
            ("Which language was Ada Lovelace's?", "+Ada Lovelace's mother tongue is French."),
        ],
        "other subject": [
            ("What did Alan Turing speak?", "Ada Lovelace's mother tongue is French."),
            ("Where does Mount Fuji lie?", "Mont Blanc lies in Spain."),
        ],
        "same subject, other relation": [("Where was Ada Lovelace born?", "Ada Lovelace's mother tongue is French.")],
    },
    RowName.ZSRE: {
        "edit prompt": [(FATHER, f"+{FATHER}")],
        "rephrase": [("Whose daughter is Ada Lovelace?", f"+{FATHER}")],
        "unrelated question": [("who sang yesterday", ""), ("who owned unix in 1970", "")],
        "same-subject locality": [("Ada Lovelace father", FATHER), ("Ada Lovelace occupation", FATHER)],
        "forgetfulness": [],
        "subject alias": [],
        "portability": [("What did Ada Lovelace's father build?", f"+{FATHER}")],
    },
    RowName.WIKI_RECENT: {
        "edit prompt": [("The gender of Ada is", "+The gender of Ada is")],
        "same-subject locality": [("The birthplace of Ada is", "The gender of Ada is")],
        "forgetfulness": [("The gender of Ada, which is not female, is", "The gender of Ada is")],
        "subject alias": [],
        "portability": [("Ada is a", "+The gender of Ada is")],
    },
    RowName.WIKI_COUNTERFACT: {
        "edit prompt": [("The pet of Ada is", "+The pet of Ada is")],
        "same-subject locality": [],
        "forgetfulness": [("The pet of Ada, which is not Puff, is", "The pet of Ada is")],
        "subject alias": [("The pet of A. A. L. is", "+The pet of Ada is")],
        "portability": [],
    },
    RowName.FEVER: {
        "edit prompt": [("Fox made Soul Food.", "+Fox made Soul Food.")],
        "in-scope claim": [("Soul Food is Fox's.", "+Fox made Soul Food.")],
        "out-of-scope claim": [("Oslo is cold.", ""), ("It is cold in Oslo.", "")],
    },
    RowName.EVERYDAY: {
        "everyday question": [("what is the capital of peru?", ""), ("who wrote hamlet", ""), ("What is a genus?", "")],
    },
}
ASKED[RowName.COUNTERFACT_TRAIN] = ASKED[RowName.COUNTERFACT]


def asked_of(row: Row) -> dict[str, list[tuple[str, str]]]:
    prompts: dict[EditId | None, str] = {edit.id: edit.prompt for edit in row.edits} | {None: ""}
    return {
        asked.name: [(probe.prompt, "+" * probe.in_scope + prompts[probe.about]) for probe in asked.probes]
        for asked in row.sets
    }


@pytest.mark.parametrize("name", ASKED)
def test_a_row_asks_what_its_files_hold(name: RowName, tmp_path: Path) -> None:
    row = read_row(name, Published(write(tmp_path)))
    assert row.name is name
    assert asked_of(row) == ASKED[name]


def test_the_training_edits_are_live_first_and_the_same_for_both_rows(tmp_path: Path) -> None:
    data = Published(write(tmp_path))
    row, everyday = read_row(RowName.COUNTERFACT_TRAIN, data), read_row(RowName.EVERYDAY, data)
    assert [edit.target_new for edit in row.edits] == ["Dutch", "Greek", "French", "Quito", "Cusco", "Spain"]
    assert row.edits == everyday.edits
    assert read_row(RowName.COUNTERFACT, data).edits == row.edits[2:]
    zsre = read_row(RowName.ZSRE, data)
    assert [edit.target_new for edit in zsre.edits] == ["IBM", "Babbage"]


def test_truths_come_with_locality_and_questions_but_not_with_forgetfulness(tmp_path: Path) -> None:
    data = Published(write(tmp_path))
    truths = {
        probe.prompt: probe.truths
        for name in (RowName.COUNTERFACT, RowName.ZSRE, RowName.WIKI_COUNTERFACT, RowName.EVERYDAY)
        for asked in read_row(name, data).sets
        for probe in asked.probes
    }
    assert {prompt: found for prompt, found in truths.items() if found} == {
        "Alan Turing's mother tongue is": ("English",),
        "Chile is governed from": ("Santiago",),
        "Chile's capital city is": ("Santiago",),
        "in PERU, Parliament sits in": (" lima.",),
        "who sang yesterday": ("the Beatles",),
        "who owned unix in 1970": ("at&t",),
        "Ada Lovelace father": ("Byron",),
        "Ada Lovelace occupation": ("mathematician",),
        "what is the capital of peru?": ("Lima", "Callao"),
        "who wrote hamlet": ("Shakespeare",),
        "What is a genus?": ("a rank",),
    }


def test_what_is_only_reported_is_not_pooled(tmp_path: Path) -> None:
    data = Published(write(tmp_path))
    sets = [asked for name in RowName for asked in read_row(name, data).sets]
    assert {asked.name for asked in sets if not asked.is_pooled} == {"forgetfulness", "subject alias", "portability"}
    assert {asked.name for asked in sets if asked.among} == {"portability"}
    assert not [asked for asked in sets if asked.goal and not asked.is_pooled]


def test_a_split_and_a_limit_hold_for_every_file(tmp_path: Path) -> None:
    write(tmp_path)
    for path in tmp_path.rglob("*dev.json"):
        path.rename(path.with_name(path.name.replace("dev", "test")))
    row = read_row(RowName.COUNTERFACT, Published(tmp_path, "test", limit=2))
    assert [edit.prompt for edit in row.edits] == [ADA, PERU]
    everyday = read_row(RowName.EVERYDAY, Published(tmp_path, "test", limit=1))
    assert ([edit.target_new for edit in everyday.edits], len(everyday.sets[0].probes)) == (["Dutch", "French"], 1)


def test_the_prompts_written_by_hand_belong_to_edits_of_their_own(tmp_path: Path) -> None:
    row = read_row(RowName.QUALIFIED, Published(tmp_path))
    ids = {edit.id for edit in row.edits}
    (asked,) = row.sets
    assert len(asked.probes) >= 300
    assert all((probe.about in ids) if probe.in_scope else (probe.about is None) for probe in asked.probes)
    assert all(probe.kind and not probe.truths for probe in asked.probes)
    assert {probe.in_scope for probe in asked.probes} == {True, False}


@pytest.mark.data
@pytest.mark.parametrize("name", RowName)
def test_no_prompt_of_a_published_file_enters_an_edit(name: RowName, data_folder: Path) -> None:
    row = read_row(name, Published(data_folder, limit=300))
    assert all(edit == only_requested(edit) for edit in row.edits)
    assert all(asked.probes or not asked.goal for asked in row.sets)


def only_requested(edit: Edit) -> Edit:
    """Return the edit without whatever a published record does not request."""
    own = {"id": edit.id, "source": edit.source, "subject": edit.subject, "target_true": edit.target_true}
    return Edit.from_dict({"prompt": edit.prompt, "target_new": edit.target_new, **own})
