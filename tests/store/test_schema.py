"""Files that are missing, foreign, newer, read-only, locked, full or damaged are refused in one line, unharmed."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from memory_editor.edits import Edit, Status
from memory_editor.errors import StoreError
from memory_editor.store import Filter, Record, Store, schema
from tests.fakes import put

EDIT, OTHER = Edit("The CEO of Twitter is", "Linda"), Edit("The capital of France is", "Lyon")


def refusal(path: Path, *, create: bool = True) -> str:
    """Return what opening the file says, which must be one line."""
    with pytest.raises(StoreError) as caught:
        Store(path, create=create)
    message = str(caught.value)
    assert "\n" not in message
    return message


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_missing_memory_is_made_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "memory.db"
    assert refusal(path, create=False) == f"there is no memory at {str(path)!r}; `memedit add-fact` makes one"
    assert not path.parent.exists()
    Store(path).close()
    Store(path, create=False).close()


def test_an_empty_file_becomes_a_memory(path: Path) -> None:
    path.touch()
    with Store(path, create=False) as store:
        put(store, EDIT)
        assert store.verify() == []


@pytest.mark.parametrize("name", ["with space", "what?is#this%41", "ünï\u0301", "'quo\"te"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with Store(tmp_path / name) as store:
        put(store, EDIT)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    content = b"not a database\n" * 1_000
    path.write_bytes(content)
    assert refusal(path) == (
        f"{str(path)!r}: file is not a database; the file is no edit memory; give --memory another path"
    )
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    run_sql(path, "CREATE TABLE notes (text)", "PRAGMA user_version = 1")
    content = path.read_bytes()
    assert refusal(path) == f"{str(path)!r} is a database of another program; give --memory another path"
    assert path.read_bytes() == content


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    Store(path).close()
    run_sql(path, "PRAGMA user_version = 2")
    assert refusal(path) == f"{str(path)!r} has schema 2, this version knows 1 and older; upgrade memory-editor"


def test_a_folder_is_no_memory(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{str(tmp_path)!r}: unable to open database file; check the path and its permissions"


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "memory.db"
    assert refusal(path).startswith(f"{str(path)!r}: ")
    assert refusal(path).endswith("; choose a place that can be written")


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as store:
        put(store, EDIT)

    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE keys")
        connection.execute("no SQL")

    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, fails))
        assert refusal(path) == f'{str(path)!r}: near "no": syntax error; nothing was changed'
    with Store(path) as store:
        assert (store.count(), store.verify()) == (1, [])


def test_a_later_migration_runs_once_on_what_is_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as store:
        put(store, EDIT)

    def add_table(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE extra (a)")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_table))
    for _ in range(2):
        with Store(path) as store:
            assert store.select() == [Record(EDIT, Status.LIVE)]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM extra").fetchone() == (0,)


def test_every_commit_reaches_the_disk_before_it_returns(store: Store) -> None:
    def setting(name: str) -> object:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert setting("journal_mode") == "wal"
    assert setting("synchronous") == 2  # FULL
    assert setting("foreign_keys") == 1
    assert setting("secure_delete") == 1
    assert setting("application_id") == int.from_bytes(b"MEME")


@contextmanager
def cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every file look as if its rights forbade writing, which do not bind root."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda path, mode: mode != os.W_OK)
        yield


def test_a_file_that_cannot_be_written_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as store:
        put(store, EDIT)
    content = path.read_bytes()
    with cannot_be_written(monkeypatch), Store(path) as store:
        assert store.select() == [Record(EDIT, Status.LIVE)]
        assert store.verify() == []
        with pytest.raises(StoreError) as caught:
            put(store, OTHER)
        assert str(caught.value) == (
            f"{str(path)!r}: attempt to write a readonly database; nothing was changed; "
            "make the file and its folder writable"
        )
        assert store.count() == 1
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_another_process_has_just_written_is_read_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as writer:
        put(writer, EDIT)
        with cannot_be_written(monkeypatch), Store(path) as reader:
            assert reader.count() == 1
            put(writer, OTHER)
            assert reader.count() == 2


def test_an_empty_file_that_cannot_be_written_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch()
    with cannot_be_written(monkeypatch):
        assert refusal(path).endswith("; nothing was changed; make the file and its folder writable")


def test_a_full_disk_changes_nothing(path: Path, store: Store) -> None:
    put(store, EDIT)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    long = [Edit(f"prompt {number}", "x" * 5_000) for number in range(10)]
    with pytest.raises(StoreError) as caught:
        put(store, *long)
    assert str(caught.value) == (
        f"{str(path)!r}: database or disk is full; nothing was changed; free some disk space and try again"
    )
    assert (store.select(Filter(status=None)), store.generation) == ([Record(EDIT, Status.LIVE)], 1)
    assert store.verify() == []
    store._connection.execute("PRAGMA max_page_count = 100000")
    put(store, *long)
    assert (store.count(), store.generation) == (11, 2)


def test_waiting_for_another_writer_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 50)
    with Store(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        put(store, EDIT)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            put(store, OTHER)
        assert str(caught.value) == (
            f"{str(path)!r}: database is locked; nothing was changed; another process is writing, try again"
        )
        assert store.count() == 1
        other.execute("ROLLBACK")
        put(store, OTHER)
        assert store.count() == 2


def test_a_writer_waits_for_another_to_end(path: Path) -> None:
    with Store(path) as store, closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.execute, ["COMMIT"])
        timer.start()
        put(store, EDIT)
        timer.join()
        assert store.count() == 1


def test_making_the_same_memory_at_once_is_no_conflict(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The moment in which SQLite refuses to change the journal mode without waiting.
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 0)
        assert refusal(path).endswith("database is locked; nothing was changed; another process is writing, try again")
        monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 10_000)
        timer = threading.Timer(0.2, other.execute, ["COMMIT"])
        timer.start()
        with Store(path) as store:
            put(store, EDIT)
        timer.join()


def damaged_in(path: Path, page: int, content: bytes) -> list[str]:
    """Return what is said of a memory in which one page of 4096 bytes has other content."""
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(content)
    try:
        with Store(path) as store:
            return store.verify()
    except StoreError as error:
        return str(error).split("\n")


@pytest.mark.parametrize(
    "content", [bytes(4096), b"\xff" * 4096, bytes(range(256)) * 16], ids=["zeros", "ones", "bytes"]
)
def test_damage_to_any_page_is_found(path: Path, content: bytes) -> None:
    with Store(path) as store:
        put(store, *(Edit(f"prompt {number}", "x" * 100) for number in range(60)))
        store.remove([store.select()[0].edit.id])
        assert store._connection.execute("PRAGMA page_size").fetchone() == (4096,)
    sound = path.read_bytes()
    pages = len(sound) // 4096
    assert pages > 15
    for page in range(pages):
        path.write_bytes(sound)
        assert len(damaged_in(path, page, content)) >= 1, f"page {page} of {pages}"
