import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from memory_editor.datasets import Form, read_edits, write_edits
from memory_editor.edits import FIELDS, Edit, new_edit_id
from memory_editor.errors import DataError, InvalidEdit, MemoryEditorError, StoreError

Write = Callable[[str, str | bytes], Path]
TWITTER = Edit("The CEO of Twitter is", "Linda Yaccarino", target_true="Elon Musk", paraphrases=("Who runs Twitter?",))
LOUVRE = Edit("Le Louvre se trouve à", "Rome")

TEXTS = st.text(alphabet="aZ9 .é中🙂\"'\\,|;{}[]<>\n\t\u2028\ufeff", min_size=1, max_size=12)
LISTS = st.lists(TEXTS, max_size=3)
REQUESTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"prompt": TEXTS},
    optional={
        "target_new": TEXTS,
        "subject": TEXTS,
        "target_true": TEXTS,
        "paraphrases": LISTS,
        "exclusions": LISTS,
        "source": TEXTS,
        "namespace": st.sampled_from(["default", "work.2-b_c"]),
        "valid_until": st.datetimes(timezones=st.just(UTC)),
        "supersedes": st.builds(new_edit_id),
    },
)
# Every example writes a file, which takes as long as the disk takes.
on_disk = settings(deadline=None, max_examples=50)


@st.composite
def valid_edits(draw: st.DrawFn) -> Edit:
    try:
        return Edit(**draw(REQUESTS))
    except InvalidEdit:
        reject()


def csv_of(edits: list[Edit]) -> str:
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, FIELDS)
    rows.writeheader()
    for edit in edits:
        row = edit.to_dict()
        rows.writerow({name: json.dumps(cell) if isinstance(cell, list) else cell for name, cell in row.items()})
    return text.getvalue()


@on_disk
@given(edits=st.lists(valid_edits(), max_size=4))
def test_what_is_written_is_read_back(edits: list[Edit], written: Write) -> None:
    path = written("edits.jsonl", "")
    assert write_edits(edits, path) == len(edits)
    assert read_edits(path) == edits


@on_disk
@given(edits=st.lists(valid_edits(), max_size=4))
def test_csv_says_as_much_as_jsonl(edits: list[Edit], written: Write) -> None:
    assert read_edits(written("edits.csv", csv_of(edits))) == edits


@on_disk
@given(content=st.binary(max_size=40), name=st.sampled_from(["a.json", "a.jsonl", "a.csv"]))
def test_any_bytes_are_refused_in_one_line_or_hold_no_edit(content: bytes, name: str, written: Write) -> None:
    reason = ""
    try:
        assert read_edits(written(name, content)) == []
    except DataError as error:
        reason = str(error)
    assert "\n" not in reason


@pytest.mark.parametrize("name", ["edits.jsonl", "edits.ndjson", "EDITS.JSONL"])
def test_jsonl_shows_in_the_extension(name: str, written: Write) -> None:
    assert read_edits(written(name, f"{TWITTER.to_json()}\n{LOUVRE.to_json()}")) == [TWITTER, LOUVRE]


def test_a_json_list_may_hold_edits(written: Write) -> None:
    assert read_edits(written("edits.json", json.dumps([TWITTER.to_dict(), LOUVRE.to_dict()]))) == [TWITTER, LOUVRE]


def test_one_object_a_line_may_be_of_any_form(written: Write) -> None:
    record = {"case_id": 5, "prompt": "Toko Yasuda, the", "target_new": "piano", "ground_truth": "guitar"}
    (edit,) = read_edits(written("counterfact.jsonl", json.dumps(record)))
    assert (edit.prompt, edit.target_new, edit.source) == ("Toko Yasuda, the", "piano", "counterfact:5")


@pytest.mark.parametrize("content", [TWITTER.to_json(), csv_of([TWITTER])])
def test_a_form_given_needs_no_extension(content: str, written: Write) -> None:
    form = Form.JSONL if content.startswith("{") else Form.CSV
    assert read_edits(written("edits", content), form=form) == [TWITTER]


def test_a_form_given_is_not_detected_anew(written: Write) -> None:
    path = written("edits.jsonl", TWITTER.to_json())
    with pytest.raises(DataError, match="line 1: field 'alt' is missing"):
        read_edits(path, form=Form.ZSRE)


def test_the_namespace_is_given_to_edits_that_name_none(written: Write) -> None:
    path = written("edits.jsonl", '{"prompt": "Water is dry."}\n{"prompt": "Ice is hot.", "namespace": "home"}')
    assert [edit.namespace for edit in read_edits(path, namespace="work")] == ["work", "home"]


def test_progress_counts_the_edits_read(written: Write) -> None:
    rewrite: dict[str, Any] = {
        "prompt": "{} is",
        "subject": "Ice",
        "target_new": {"str": "hot"},
        "target_true": {"str": "cold"},
    }
    cases = [{"requested_rewrite": [rewrite] * count, "questions": []} for count in (2, 0, 1)]
    counts: list[int] = []
    read_edits(written("mquake.json", json.dumps(cases)), on_progress=counts.append)
    assert counts == [2, 2, 3]


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        ("a.jsonl", '{"prompt": "a"}\n\n{"prompt": ""}', 3, "line 3: prompt must not be empty"),
        ("a.jsonl", '{"prompt": "a"}\n{"prompt": "b", "sorce": "c"}', 2, "line 2: unknown field 'sorce'"),
        ("a.jsonl", '{"prompt": "\\ud800"}', 1, r"line 1: prompt contains the control character '\ud800'"),
        ("a.json", '[{"prompt": "a"},\n {"target_new": "b"}]', 2, "record 2: an edit needs a prompt"),
        ("a.csv", 'prompt,target_new\n"a\nb",c\nd,d\ne,\n,f\n', 6, "line 6: an edit needs a prompt"),
        ("a.csv", "prompt;target_new\na;b\n", 2, "line 2: unknown field 'prompt;target_new'"),
        (
            "a.jsonl",
            '{"question": "a", "answer": "b"}',
            1,
            "line 1: the fields ['question', 'answer'] show no known form",
        ),
    ],
)
def test_a_bad_record_is_named_and_nothing_is_read(
    name: str, content: str, line: int, reason: str, written: Write
) -> None:
    path = written(name, content)
    with pytest.raises(DataError) as caught:
        read_edits(path)
    assert str(caught.value).startswith(f"{path}, {reason}")
    assert caught.value.line == line


@pytest.mark.parametrize(("name", "content"), [("a.txt", '{"prompt": "a"}'), ("a.jsonl", '{"text": "a"}')])
def test_an_unknown_form_names_the_known_ones(name: str, content: str, written: Write) -> None:
    with pytest.raises(
        DataError, match="name the form: jsonl, csv, counterfact, knowedit, wise, zsre, eren, mquake, unke"
    ):
        read_edits(written(name, content))


@pytest.mark.parametrize("name", ["absent.jsonl", "absent.json", "absent.csv", "folder.json"])
def test_what_cannot_be_opened_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DataError, match=f"{name} cannot be read: (No such file|Is a directory)"):
        read_edits(tmp_path / name)


def test_a_stream_gets_one_edit_a_line() -> None:
    stream = io.StringIO()
    assert write_edits(iter([TWITTER, LOUVRE]), stream) == 2
    assert stream.getvalue() == f"{TWITTER.to_json()}\n{LOUVRE.to_json()}\n"


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[Edit]:
        yield LOUVRE
        raise StoreError("the store is locked")

    path = tmp_path / "edits.jsonl"
    write_edits([TWITTER], path)
    with pytest.raises(StoreError, match="locked"):
        write_edits(failing(), path)
    assert read_edits(path) == [TWITTER]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_may_be_rewritten_from_itself(tmp_path: Path) -> None:
    path = tmp_path / "edits.jsonl"
    write_edits([TWITTER, LOUVRE], path)
    write_edits((edit for edit in read_edits(path) if edit.subject == "Twitter"), path)
    assert read_edits(path) == [TWITTER]


def test_a_link_and_the_rights_of_its_file_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "edits.jsonl", tmp_path / "link.jsonl"
    file.touch(mode=0o600)
    link.symlink_to(file.name)
    write_edits([TWITTER], link)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_edits(file) == [TWITTER]


@pytest.mark.parametrize(
    ("target", "reason"), [("", "is no regular file"), ("absent/edits.jsonl", "cannot be written: No such file")]
)
def test_what_cannot_be_written_is_named(target: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(MemoryEditorError, match=reason):
        write_edits([TWITTER], tmp_path / target)
    assert list(tmp_path.iterdir()) == []


def test_times_keep_their_moment(written: Write) -> None:
    path = written("edits.jsonl", '{"prompt": "Water is dry.", "valid_until": "2027-01-31T02:00:00+02:00"}')
    assert read_edits(path)[0].valid_until == datetime(2027, 1, 31, tzinfo=UTC)
