"""Records of published files, read once, with the edit that each requests and never more."""

import json
from pathlib import Path

import pytest

from memory_editor.errors import DataError
from memory_editor.evaluation.published import Published
from memory_editor.evaluation.rows import Probe
from tests.evaluation.data import ADA, FILES, PERU, write


@pytest.fixture
def data(tmp_path: Path) -> Published:
    return Published(write(tmp_path))


def test_a_record_comes_with_the_edit_it_requests(data: Published) -> None:
    first, second = data.records("zsre/train.json")
    assert first.edit is not None
    assert (first.edit.prompt, first.edit.target_new, first.edit.subject) == ("Who made Unix?", "IBM", "Unix")
    assert second.edit is None
    assert data.requests("zsre/train.json") == [first]
    (question,) = data.records("questions/nq_open.json")
    assert (question.edit, question.text("question")) == (None, "who wrote hamlet")


def test_a_file_is_read_once_so_that_its_edits_stay_the_same(data: Published, tmp_path: Path) -> None:
    before = data.records("counterfact/edit_{split}.json")
    (tmp_path / "counterfact" / "edit_dev.json").unlink()
    assert data.records("counterfact/edit_dev.json") == before


def test_a_limit_takes_the_first_records(tmp_path: Path) -> None:
    cases = Published(write(tmp_path), limit=2).records("counterfact/edit_{split}.json")
    assert [case.text("prompt") for case in cases] == [ADA, PERU]


def test_fields_are_texts_parts_items_and_firsts(data: Published) -> None:
    (case,) = data.records("knowedit/wiki_recent_{split}.json")
    assert case.texts("ground_truth") == ("",)
    assert case.texts("no such field") == ()
    (item,) = case.part("locality").items("Relation_Specificity")
    assert (item.text("prompt"), item.texts("ground_truth"), item.edit) == (
        "The birthplace of Ada is",
        ("London",),
        case.edit,
    )
    assert list(case.part("portability").items("Subject_Aliasing")) == []
    (hard, _) = data.records("counterfact_hard/{split}.json")
    assert list(hard.firsts("edit_scope")) == ["What did Ada Lovelace speak?", "Which language was Ada Lovelace's?"]


def test_a_probe_knows_for_which_edit_it_was_written(data: Published) -> None:
    (case,) = data.records("fever/edits_{split}.json")
    assert case.edit is not None
    assert case.inside("x", "sort") == Probe("x", case.edit.id, in_scope=True, kind="sort")
    assert case.outside("x", ("true",)) == Probe("x", case.edit.id, truths=("true",))
    (question,) = data.records("questions/nq_open.json")
    assert question.outside("x") == Probe("x")


def test_a_missing_file_is_named_with_what_to_do(data: Published, tmp_path: Path) -> None:
    data.split = "test"
    with pytest.raises(DataError) as raised:
        data.records("fever/edits_{split}.json")
    assert str(raised.value) == (
        f"there is no fever/edits_test.json in {str(tmp_path)!r}; give the folder of the published data sets, or name "
        f"with --split and --row what it holds"
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("rephrase_prompt", 3, "rephrase_prompt must hold text, got int"),
        ("rephrase_prompt", None, "rephrase_prompt must hold text, got NoneType"),
        ("locality", "x", "locality must hold objects, got str"),
        ("items", {}, "items must hold a list, got dict"),
        ("items", ["x"], "items must hold objects, got str"),
        ("pairs", [[]], "pairs must hold text, got NoneType"),
        ("pairs", None, "pairs must hold a list, got NoneType"),
        ("target_new", " ", "target_new must not be empty; leave it out instead"),
        ("prompt", [], "prompt must be text, got list"),
    ],
)
def test_what_is_no_such_record_is_an_error_that_says_where(
    tmp_path: Path, field: str, value: object, reason: str
) -> None:
    good = {**FILES["knowedit/zsre_dev.json"][0], "items": [], "pairs": []}
    path = tmp_path / "file.json"
    path.write_text(json.dumps([good, {**good, field: value}]))
    with pytest.raises(DataError) as raised:
        read_whole(Published(tmp_path))
    assert str(raised.value).startswith(f"{path}, record 2: {reason}")


def read_whole(data: Published) -> None:
    for case in data.records("file.json"):
        case.text("rephrase_prompt")
        case.part("locality")
        list(case.items("items"))
        list(case.firsts("pairs"))


def test_what_is_no_json_is_the_readers_error(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text("{}")
    with pytest.raises(DataError, match=r"a \.json file must hold a list of records"):
        Published(tmp_path).records("file.json")
