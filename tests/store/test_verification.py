"""What can be derived from something else is, and where the two disagree the edit is named."""

from pathlib import Path

import pytest

from memory_editor.edits import FIELDS, Edit, EditId
from memory_editor.store import Store
from tests.fakes import put

ID = EditId("01ARZ3NDEKTSV4RRFFQ69G5FAV")
EDIT = Edit("The CEO of Twitter is", "Linda", paraphrases=("Who runs it?",), exclusions=("Who left?",), id=ID)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE edits SET status = 'removed'", f"edit {ID} is removed, its history says live"),
        ("DELETE FROM transitions", f"edit {ID} is live, its history says None"),
        (
            "UPDATE edits SET content = '{'",
            f"edit {ID} cannot be read: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            "UPDATE edits SET content = '{\"x\": 1}'",
            f"edit {ID} cannot be read: unknown field 'x'; an edit has {', '.join(FIELDS)}",
        ),
        ("UPDATE edits SET namespace = 'other'", f"edit {ID}: its columns disagree with its content"),
        ("UPDATE edits SET subject_key = 'x'", f"edit {ID}: its columns disagree with its content"),
        ("UPDATE edits SET relation = 'x'", f"edit {ID}: its columns disagree with its content"),
        ("UPDATE keys SET fingerprint = x'00' WHERE number = 2", f"edit {ID}: its keys disagree with its texts"),
        ("UPDATE keys SET is_exclusion = 1 WHERE number = 2", f"edit {ID}: its keys disagree with its texts"),
        ("DELETE FROM keys WHERE number = 3", f"edit {ID}: its keys disagree with its texts"),
        (
            "UPDATE keys SET vector = x'00000000' WHERE number = 3",
            f"edit {ID}: its vectors have another dimension than the encoder's",
        ),
        ("DELETE FROM meta WHERE name = 'probe'", f"edit {ID}: its vectors have another dimension than the encoder's"),
        (
            "INSERT INTO keys SELECT 9, 7, 0, fingerprint, vector, digest FROM keys WHERE number = 1",
            "a row of keys belongs to nothing",
        ),
    ],
)
def test_a_disagreement_is_named(store: Store, statement: str, problem: str) -> None:
    put(store, EDIT)
    assert store.verify() == []
    store._connection.execute("PRAGMA foreign_keys = OFF")
    store._connection.execute(statement)
    assert store.verify() == [problem]


@pytest.mark.parametrize("content", ["'[]'", "'7'", "'{}'", "x'ff'"])
def test_content_that_is_no_edit_is_named(store: Store, content: str) -> None:
    put(store, EDIT)
    store._connection.execute(f"UPDATE edits SET content = {content}")
    (problem,) = store.verify()
    assert problem.startswith(f"edit {ID} cannot be read: ")


def test_each_edit_is_looked_at(path: Path, store: Store) -> None:
    edits = [Edit(f"prompt {number}") for number in range(3)]
    put(store, *edits)
    store._connection.execute("UPDATE edits SET relation = 'x'")
    assert store.verify() == [f"edit {edit.id}: its columns disagree with its content" for edit in edits]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE edits SET content = replace(content, 'Linda', 'Lindy')", "its content was changed behind"),
        ("UPDATE keys SET vector = zeroblob(length(vector))", "a vector was changed behind"),
    ],
)
def test_a_byte_changed_behind_its_back_is_found(tmp_path: Path, statement: str, message: str) -> None:
    with Store(tmp_path / "facts.db") as store:
        put(store, Edit("The CEO of Twitter is", "Linda"))
        store._connection.execute(statement)
        assert [message in problem for problem in store.verify()] == [True]
