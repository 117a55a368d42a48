"""The history says who did what, when and why; and one can go back to any point of it."""

import getpass
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from memory_editor.edits import Edit, EditId, Status
from memory_editor.errors import StoreError, UnknownEdit
from memory_editor.store import Action, Filter, Note, Store, Transition
from memory_editor.store.derived import Derived, beside
from tests.fakes import put, vectors_of

A, B, C = Edit("The CEO of A is", "one"), Edit("The CEO of B is", "two"), Edit("The CEO of C is", "three")


def statuses(store: Store) -> dict[EditId, str]:
    return {record.edit.id: str(record.status) for record in store.select(Filter(status=None))}


def update(store: Store, old: Edit, new: Edit) -> None:
    with store.changing(Action.UPDATE) as change:
        change.supersede(old.id)
        change.add(new, vectors_of(new))


def test_the_history_says_who_did_what_when_and_why(store: Store) -> None:
    put(store, A, B, note=Note("Ada", "told so"))
    update(store, A, C)
    store.remove([B.id], Note("Bob"))
    undo = store.undo(note=Note("Ada", "Bob was wrong"))
    changes = store.history()
    assert changes[0] == undo
    assert [(change.number, change.action, change.note) for change in reversed(changes)] == [
        (1, Action.ADD, Note("Ada", "told so")),
        (2, Action.UPDATE, Note(getpass.getuser(), "")),
        (3, Action.REMOVE, Note("Bob", "")),
        (4, Action.UNDO, Note("Ada", "Bob was wrong")),
    ]
    assert [change.transitions for change in reversed(changes)] == [
        (Transition(A, None, Status.LIVE), Transition(B, None, Status.LIVE)),
        (Transition(A, Status.LIVE, Status.SUPERSEDED), Transition(C, None, Status.LIVE)),
        (Transition(B, Status.LIVE, Status.REMOVED),),
        (Transition(B, Status.REMOVED, Status.LIVE),),
    ]
    times = [change.at for change in changes]
    assert times == sorted(times, reverse=True)
    assert datetime.now(UTC) - timedelta(minutes=1) < times[-1] <= times[0] <= datetime.now(UTC)


def test_the_history_of_one_edit_and_the_latest_of_all(store: Store) -> None:
    put(store, A)
    put(store, B)
    store.remove([A.id])
    assert [change.number for change in store.history(edit=A.id)] == [3, 1]
    assert [change.number for change in store.history(edit=A.id, limit=1)] == [3]
    assert [change.number for change in store.history(limit=2)] == [3, 2]
    assert store.history(edit=C.id) == []


def test_within_one_change_the_first_and_the_last_status_count(store: Store) -> None:
    with store.changing(Action.ADD) as change:
        change.add(A, vectors_of(A))
        change.supersede(A.id)
    assert store.history()[0].transitions == (Transition(A, None, Status.SUPERSEDED),)
    assert store.key_changes("default").ids.tolist() == []


def test_an_actor_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert Note() == Note("unknown", "")


def test_undo_takes_the_last_change_back(store: Store) -> None:
    put(store, A)
    update(store, A, B)
    change = store.undo()
    assert (change.number, change.action) == (3, Action.UNDO)
    assert statuses(store) == {A.id: "live", B.id: "removed"}
    assert store.generation == 3


def test_undo_again_takes_the_change_before(store: Store) -> None:
    put(store, A)
    put(store, B)
    store.remove([A.id])
    seen = []
    for _ in range(3):
        store.undo()
        seen.append(statuses(store))
    assert seen == [
        {A.id: "live", B.id: "live"},
        {A.id: "live", B.id: "removed"},
        {A.id: "removed", B.id: "removed"},
    ]
    with pytest.raises(StoreError, match="there is nothing to undo; `memedit history` lists the changes"):
        store.undo()
    assert store.generation == 6


def test_a_change_after_an_undo_is_undone_alone(store: Store) -> None:
    put(store, A)
    put(store, B)
    store.undo()
    put(store, C)
    store.undo()
    assert statuses(store) == {A.id: "live", B.id: "removed", C.id: "removed"}
    store.undo()
    assert statuses(store) == {A.id: "removed", B.id: "removed", C.id: "removed"}


def test_there_is_nothing_to_undo_in_a_new_memory(store: Store) -> None:
    with pytest.raises(StoreError, match="there is nothing to undo"):
        store.undo()
    assert store.generation == 0


def test_undo_goes_back_to_a_change_to_an_edit_and_to_the_beginning(store: Store) -> None:
    put(store, A)
    update(store, A, B)
    put(store, C)
    store.undo(1)
    assert statuses(store) == {A.id: "live", B.id: "removed", C.id: "removed"}
    store.undo(B.id)
    assert statuses(store) == {A.id: "superseded", B.id: "live", C.id: "removed"}
    store.undo(0)
    assert statuses(store) == {A.id: "removed", B.id: "removed", C.id: "removed"}
    with pytest.raises(StoreError, match="there is nothing to undo"):
        store.undo()


def test_an_undo_is_undone_by_going_forward_again(store: Store) -> None:
    put(store, A)
    store.remove([A.id])
    put(store, B)
    store.undo(1)
    store.undo(to=3)
    assert statuses(store) == {A.id: "removed", B.id: "live"}
    # What holds now is change 3, so the next undo takes that one back.
    store.undo()
    assert statuses(store) == {A.id: "removed", B.id: "removed"}


def test_going_back_to_an_undo_is_going_to_where_that_went(store: Store) -> None:
    put(store, A)
    put(store, B)
    store.undo()
    put(store, C)
    store.undo(3)
    assert statuses(store) == {A.id: "live", B.id: "removed", C.id: "removed"}
    store.undo()
    assert statuses(store) == {A.id: "removed", B.id: "removed", C.id: "removed"}


def test_going_to_where_one_is_changes_no_edit(store: Store) -> None:
    put(store, A)
    assert store.undo(to=1).transitions == ()
    assert statuses(store) == {A.id: "live"}


@pytest.mark.parametrize("to", [2, -1, 10**6, A.id, "nonsense"])
def test_an_unknown_point_of_the_history_is_named(store: Store, to: int | EditId) -> None:
    put(store, B)
    with pytest.raises(StoreError) as caught:
        store.undo(to)
    assert str(caught.value) == f"there is no change {to!r}; `memedit history` lists the changes"
    assert (store.generation, statuses(store)) == (1, {B.id: "live"})


def test_a_purged_edit_is_gone_for_good(store: Store) -> None:
    put(store, A)
    put(store, B)
    store.remove([A.id])
    store.purge([A.id], Note("Ada", "a secret"))
    assert statuses(store) == {B.id: "live"}
    with pytest.raises(UnknownEdit):
        store.get(A.id)
    assert [(change.action, change.note.reason, change.transitions) for change in store.history()] == [
        (Action.PURGE, "a secret", ()),
        (Action.REMOVE, "", ()),
        (Action.ADD, "", (Transition(B, None, Status.LIVE),)),
        (Action.ADD, "", ()),
    ]
    assert store.verify() == []


def test_a_purge_says_where_a_reader_keeps_traces_in_the_log(store: Store) -> None:
    put(store, A)
    store.remove([A.id])
    reader = sqlite3.connect(store.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM edits").fetchone()
    store._connection.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(StoreError, match="the edits are forgotten, but their traces may stay in the file: another"):
        store.purge([A.id])
    reader.close()


def test_a_purge_deletes_what_is_made_from_the_edits(store: Store) -> None:
    put(store, A)
    store.remove([A.id])
    folders = [beside(store.path, kind) for kind in Derived]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / "made.bin").write_bytes(b"traces")
    store.purge([A.id])
    assert not any(folder.exists() for folder in folders)


def test_undo_stops_at_a_purge_and_goes_around_it_when_told_where(store: Store) -> None:
    put(store, A, B)
    store.remove([A.id, B.id])
    store.purge([A.id])
    with pytest.raises(StoreError) as caught:
        store.undo()
    assert str(caught.value) == "change 3 is a purge, which cannot be undone; name an earlier change to go back to"
    assert store.generation == 3
    store.undo(1)
    assert statuses(store) == {B.id: "live"}
    with pytest.raises(StoreError, match=f"there is no change '{A.id}'"):
        store.undo(A.id)
    put(store, C)
    store.undo()
    assert statuses(store) == {B.id: "live", C.id: "removed"}
    assert store.verify() == []


def test_only_what_is_not_live_is_purged_and_all_of_it_or_none(store: Store) -> None:
    put(store, A, B)
    store.remove([A.id])
    epoch = store.epoch
    with pytest.raises(StoreError) as caught:
        store.purge([A.id, B.id])
    assert str(caught.value) == f"edit {B.id} is live; `memedit remove` it first, then purge it"
    with pytest.raises(UnknownEdit, match="no edit has the id 'nobody'"):
        store.purge([A.id, EditId("nobody")])
    assert (statuses(store), store.epoch, store.generation) == ({A.id: "removed", B.id: "live"}, epoch, 2)


def traces(path: Path, *needles: bytes) -> list[str]:
    files = [file for file in path.parent.rglob("*") if file.is_file()]
    return [f"{needle!r} in {file.name}" for file in files for needle in needles if needle in file.read_bytes()]


def test_a_purge_leaves_no_trace_in_any_file(path: Path, store: Store) -> None:
    secrets = [f"secret-{name}" for name in "prompt target subject true paraphrase exclusion source reason".split()]
    prompt, target, subject, true, paraphrase, exclusion, source, reason = secrets
    secret = Edit(
        prompt,
        target,
        subject=subject,
        target_true=true,
        paraphrases=(paraphrase,),
        exclusions=(exclusion,),
        source=source,
    )
    many = [Edit(f"an ordinary prompt {number}", "x" * 500) for number in range(50)]
    vectors = [row.tobytes() for row in vectors_of(secret)]
    needles = [b"secret", *vectors, secret.id.encode()]
    with Store(path) as other:
        put(store, *many[:25], secret, *many[25:], note=Note("me", reason))
        store.remove([secret.id], Note("me", f"{reason} again"))
        assert other.count() == 50
        index_file = store.index_folder / "default" / "vectors.index"
        index_file.parent.mkdir(parents=True)
        index_file.write_bytes(vectors[0])
        assert {trace.split(" in ")[1] for trace in traces(path, *needles)} >= {"memory.db-wal", "vectors.index"}
        store.purge([secret.id])
        assert traces(path, *needles) == []
        assert other.select() == store.select()
    store.close()
    assert traces(path, *needles) == []


def test_epochs_end_with_a_purge_or_a_reindex_alone(store: Store) -> None:
    epochs = [store.epoch]
    put(store, A)
    update(store, A, B)
    store.remove([B.id])
    store.undo()
    assert store.epoch == epochs[0]
    assert re.fullmatch("[0-9a-f]{16}", store.epoch)
    store.purge([A.id])
    epochs.append(store.epoch)
    assert store.encoder is not None
    store.reindex(lambda texts: np.ones((len(texts), 1), np.float32), store.encoder)
    epochs.append(store.epoch)
    assert len(set(epochs)) == 3


def test_an_origin_is_of_one_memory_at_one_time(store: Store, tmp_path: Path) -> None:
    put(store, A)
    put(store, B)
    with Store(tmp_path / "another.db") as another:
        put(another, A)
        origins = [store.origin(number) for number in (0, 1, 2, 3)] + [another.origin(1)]
    assert len(set(origins)) == 5
    put(store, C)
    assert [store.origin(number) for number in (0, 1, 2)] == origins[:3]
