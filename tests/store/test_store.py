"""Edits go in, come out, are found, backed up and reindexed; what fails changes nothing."""

import shutil
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memory_editor.edits import Edit, EditId, Status
from memory_editor.errors import StoreError, UnknownEdit
from memory_editor.store import Action, EncoderStamp, Filter, Note, Record, Store, key_texts
from tests.fakes import FakeEncoder, put, stamp, vectors_of

TWITTER = Edit(
    "The CEO of Twitter is", "Linda Yaccarino", paraphrases=("Who runs Twitter?",), exclusions=("Who left Twitter?",)
)
PARIS = Edit("The capital of France is", "Lyon", namespace="geo", source="a dream")
EVERY = Filter(status=None)


def live(*edits: Edit) -> list[Record]:
    return [Record(edit, Status.LIVE) for edit in edits]


def test_a_new_memory_is_empty(store: Store) -> None:
    assert (store.generation, store.count(EVERY), store.select(EVERY)) == (0, 0, [])
    assert (store.history(), store.namespaces(), store.encoder, store.verify()) == ([], {}, None, [])


def test_what_was_added_is_there_again_after_opening(path: Path) -> None:
    with Store(path) as store:
        put(store, TWITTER, PARIS)
    with Store(path, create=False) as store:
        assert store.select() == live(TWITTER, PARIS)
        assert store.get(TWITTER.id) == Record(TWITTER, Status.LIVE)
        assert store.namespaces() == {"default": 1, "geo": 1}
        assert store.encoder is not None
        assert (store.encoder.name, store.encoder.probe.tolist()) == ("fake", stamp().probe.tolist())
        assert (store.generation, store.verify()) == (1, [])


def test_any_unique_beginning_or_end_of_an_id_will_do(store: Store) -> None:
    ids = ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW", "01BRZ3NDEKTSV4RRFFQ69G5FAV"]
    first, second, third = edits = [Edit("a prompt", id=EditId(id_)) for id_ in ids]
    put(store, *edits)
    for part, edit in {
        ids[0]: first,
        "G5FAW": second,
        "01br": third,
        ids[2].lower(): third,
        ids[2][:20]: third,
    }.items():
        assert store.get(part).edit == edit
    for part in ("01AR", "5FAV", "01arz3nd"):
        with pytest.raises(UnknownEdit) as caught:
            store.get(part)
        assert str(caught.value) == (
            f"more than one edit has the id {part!r}; `memedit list` shows ids, any unique beginning or end will do"
        )


@pytest.mark.parametrize(
    "part", ["01BRZ", "FAW", "", "????", "01A*", "[0]1A", "0' OR", "ＡＢＣＤ", "01ARZ3NDEKTSV4RRFFQ69G5FAV0"]
)
def test_an_unknown_id_is_named(store: Store, part: str) -> None:
    put(store, Edit("a prompt", id=EditId("01ARZ3NDEKTSV4RRFFQ69G5FAV")))
    with pytest.raises(UnknownEdit) as caught:
        store.get(part)
    assert str(caught.value).startswith(f"no edit has the id {part!r}; ")


def test_filters(store: Store) -> None:
    removed = Edit("Twitter's owner is", "Elon", subject="Twitter")
    put(store, TWITTER, PARIS, removed)
    store.remove([removed.id])
    assert store.select() == live(TWITTER, PARIS)
    assert store.select(EVERY) == [*live(TWITTER, PARIS), Record(removed, Status.REMOVED)]
    assert store.select(Filter(namespace="geo")) == live(PARIS)
    assert store.select(Filter(status=Status.REMOVED)) == [Record(removed, Status.REMOVED)]
    assert store.select(Filter(subject="twitter")) == live(TWITTER)
    assert store.select(Filter(subject=" TWITTER!", status=None)) == [*live(TWITTER), Record(removed, Status.REMOVED)]
    assert store.select(Filter(subject="")) == []
    assert store.select(Filter(namespace="geo", containing="lyon")) == live(PARIS)
    assert [store.count(where) for where in (Filter(), EVERY, Filter(subject="Twitter"))] == [2, 3, 1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("LEFT twitter", True),
        ("Who runs", True),
        ("Yaccarino", True),
        ("default", True),
        ('quo"te', True),
        ("back\\sl", True),
        ("ÉTÉ", False),
        ("Été", True),
        ("paraphrases", False),
        ("subject", False),
        ("%", False),
        ("_", False),
        ("\\n", False),
        ("", True),
    ],
)
def test_text_is_found_in_the_values_and_not_in_the_names_of_fields(store: Store, text: str, found: bool) -> None:
    put(store, replace(TWITTER, source='a quo"te, a back\\slash, Été'))
    assert store.count(Filter(containing=text)) == found


def test_paging_goes_in_order_of_creation(store: Store) -> None:
    edits = [Edit(f"prompt {number}") for number in range(7)]
    put(store, *edits[4:])
    put(store, *edits[:4])
    assert store.select() == live(*edits)
    assert store.select(limit=3) == live(*edits[:3])
    assert store.select(limit=3, offset=5) == live(*edits[5:])
    assert store.select(offset=6) == live(edits[6])
    assert store.select(limit=0) == []


def test_live_edits_are_looked_up_by_prompt_subject_and_key(store: Store) -> None:
    removed = Edit("Who runs Twitter?", "Elon")
    other = replace(TWITTER, namespace="other", id=PARIS.id)
    put(store, TWITTER, other, removed)
    store.remove([removed.id])
    assert store.live_at(["who runs twitter"], "default") == [(1, TWITTER)]
    assert store.live_at(["The CEO of Twitter is…", "who runs twitter"], "default") == [(1, TWITTER)]
    assert store.live_at(["Who left Twitter?", "another"], "default") == []
    assert store.live_about(["twitter", "france", ""], "default") == [(1, TWITTER)]
    assert store.live_about(["twitter"], "other") == [(2, other)]
    assert store.live_with_keys([1, 2, 3, 4, 5, 6, 7, 8, 99]) == [(1, TWITTER), (2, other)]
    keys, exclusions = store.vectors_of([1, 2])[1]
    assert np.array_equal(keys, vectors_of(TWITTER)[:2])
    assert np.array_equal(exclusions, vectors_of(TWITTER)[2:])
    assert store.vectors_of([99]) == {}
    held = store.key_changes("default")
    assert (held.ids.tolist(), held.dropped.tolist()) == ([1, 2], [])
    assert np.array_equal(store.vectors_at(held.ids), vectors_of(TWITTER)[:2])
    assert store.vectors_at(held.ids[:0]).shape == (0, 0)


def test_many_values_are_looked_up_at_once(store: Store) -> None:
    edits = [Edit("a prompt", subject=f"s{number}") for number in range(1_200)]
    put(store, *edits)
    subjects = [edit.subject_key for edit in edits]
    assert sorted(store.live_about(subjects, "default")) == list(enumerate(edits, start=1))
    assert len(store.vectors_of(range(1, 1_201))) == 1_200
    assert len(store.vectors_at(store.key_changes("default").ids)) == 1_200


def test_an_update_supersedes(store: Store) -> None:
    new = replace(TWITTER, target_new="Elon Musk", id=Edit("x").id, supersedes=TWITTER.id)
    put(store, TWITTER)
    with store.changing(Action.UPDATE) as change:
        change.supersede(TWITTER.id)
        change.add(new, vectors_of(new))
    assert store.select(EVERY) == [Record(TWITTER, Status.SUPERSEDED), Record(new, Status.LIVE)]
    assert store.get(store.get(new.id).edit.supersedes or "").edit == TWITTER


def test_removing_is_all_or_none(store: Store) -> None:
    put(store, TWITTER, PARIS)
    with pytest.raises(UnknownEdit, match="no edit has the id 'nobody'"):
        store.remove([TWITTER.id, EditId("nobody")])
    assert (store.generation, store.select()) == (1, live(TWITTER, PARIS))
    store.remove([TWITTER.id, PARIS.id])
    assert (store.generation, store.select()) == (2, [])
    with pytest.raises(StoreError) as caught:
        store.remove([TWITTER.id])
    assert str(caught.value) == f"edit {TWITTER.id} is removed already; `memedit history` says since when"


def test_a_change_that_fails_leaves_nothing(store: Store) -> None:
    put(store, TWITTER)
    before = (store.select(EVERY), store.history(), store.key_changes("default"), store.epoch)

    def fail(failure: BaseException) -> None:
        with store.changing(Action.UPDATE) as change:
            change.stamp(EncoderStamp("other", np.ones(3, np.float32)))
            change.supersede(TWITTER.id)
            change.add(PARIS, vectors_of(PARIS))
            raise failure

    for failure in (RuntimeError("stop"), KeyboardInterrupt(), ValueError("no")):
        with pytest.raises(type(failure)) as caught:
            fail(failure)
        assert caught.value is failure
    assert repr((store.select(EVERY), store.history(), store.key_changes("default"), store.epoch)) == repr(before)
    assert store.encoder is not None
    assert (store.encoder.name, store.generation, store.verify()) == ("fake", 1, [])
    put(store, PARIS)
    assert store.history()[0].number == 2


def test_a_change_that_does_nothing_leaves_no_trace(store: Store) -> None:
    put(store, TWITTER)
    with store.changing(Action.ADD) as change:
        change.stamp(stamp())
    store.remove([])
    assert (store.generation, len(store.history())) == (1, 1)


def test_an_id_is_given_once(store: Store) -> None:
    put(store, TWITTER)
    with pytest.raises(StoreError) as caught:
        put(store, replace(PARIS, id=TWITTER.id))
    assert str(caught.value) == f"the memory has an edit {TWITTER.id} already; leave the id out for a new one"
    assert store.select(EVERY) == live(TWITTER)


def test_used_ids_are_those_of_any_edit(store: Store) -> None:
    put(store, TWITTER, PARIS)
    store.remove([TWITTER.id])
    assert store.used_ids([Edit("x").id, TWITTER.id, PARIS.id]) == {TWITTER.id, PARIS.id}
    assert store.used_ids([]) == set()


def test_each_text_needs_its_vector(store: Store) -> None:
    with (
        pytest.raises(ValueError, match=r"3 texts of edit .* need as many vectors, got 2"),
        store.changing(Action.ADD) as change,
    ):
        change.add(TWITTER, vectors_of(TWITTER)[:2])
    assert store.count(EVERY) == 0


def test_changes_do_not_nest(store: Store) -> None:
    with (
        pytest.raises(StoreError, match="cannot start a transaction within a transaction"),
        store.changing(Action.ADD),
    ):
        put(store, TWITTER)
    assert store.count(EVERY) == 0


def test_another_store_on_the_same_file_sees_a_change_at_once(path: Path, store: Store) -> None:
    with Store(path) as other:
        put(store, TWITTER)
        assert (other.generation, other.select()) == (1, live(TWITTER))
        other.remove([TWITTER.id])
        assert (store.generation, store.select()) == (2, [])
        with store.changing(Action.ADD) as change:
            change.add(PARIS, vectors_of(PARIS))
            assert (store.count(), other.count()) == (1, 0)
        assert other.select() == live(PARIS)


def test_threads_share_a_store(store: Store) -> None:
    edits = [Edit(f"prompt {number}") for number in range(40)]

    def add(some: Sequence[Edit]) -> None:
        for edit in some:
            put(store, edit)
            assert store.get(edit.id).edit == edit

    threads = [threading.Thread(target=add, args=(edits[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.select() == live(*edits)
    assert [change.number for change in store.history()] == list(range(40, 0, -1))
    assert store.verify() == []


def test_a_backup_equals_the_memory_and_lives_on_its_own(store: Store, tmp_path: Path) -> None:
    put(store, TWITTER, PARIS, note=Note("me", "because"))
    store.remove([PARIS.id])
    target = tmp_path / "new folder" / "copy.db"
    store.backup(target)
    store.remove([TWITTER.id])
    with Store(target, create=False) as copy:
        assert copy.select(EVERY) == [Record(TWITTER, Status.LIVE), Record(PARIS, Status.REMOVED)]
        assert copy.history() == store.history()[1:]
        assert (copy.generation, copy.epoch, copy.verify()) == (2, store.epoch, [])
        assert copy.origin(2) == store.origin(2)
        put(copy, Edit("another"))
        assert copy.origin(3) != store.origin(3)
    assert store.count(EVERY) == 2


def test_a_backup_overwrites_nothing(store: Store, path: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for taken in (path, tmp_path / "taken", tmp_path):
        with pytest.raises(StoreError) as caught:
            store.backup(taken)
        assert str(caught.value) == f"{str(taken)!r} exists already; give a new path for the backup"
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_backup_that_fails_leaves_no_file(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def backup(self, copy: sqlite3.Connection) -> None:
            copy.execute("CREATE TABLE half (a)")
            raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(store, "_connection", Broken())
        with pytest.raises(StoreError, match=r"copy.db': disk I/O error"):
            store.backup(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
    (tmp_path / "no folder").write_text("")
    with pytest.raises(StoreError, match="choose a place that can be written"):
        store.backup(tmp_path / "no folder" / "copy.db")


def test_reindex_replaces_vectors_and_stamp_alone(store: Store) -> None:
    put(store, TWITTER, PARIS)
    store.remove([PARIS.id])
    encoder = FakeEncoder("other", dimension=8)
    before = (store.select(EVERY), store.history(), store.epoch)
    new_stamp = EncoderStamp("other", encoder.encode(["a fixed sentence"])[0])
    assert store.reindex(encoder.encode, new_stamp, batch=2) == 4
    assert (store.select(EVERY), store.history()) == before[:2]
    assert store.epoch != before[2]
    assert store.encoder is not None
    assert (store.encoder.name, store.encoder.probe.tolist()) == ("other", new_stamp.probe.tolist())
    for number, edit in ((1, TWITTER), (2, PARIS)):
        assert np.array_equal(np.vstack(_filled(store.vectors_of([number])[number])), encoder.encode(key_texts(edit)))
    assert store.verify() == []


def _filled(matrices: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [matrix for matrix in matrices if matrix.size]


def test_a_reindex_that_fails_changes_nothing(store: Store) -> None:
    put(store, TWITTER, PARIS)
    before = (store.epoch, store.vectors_of([1])[1][0].tolist())

    def fails(texts: Sequence[str]) -> np.ndarray:
        if PARIS.prompt in texts:
            raise RuntimeError("stop")
        return FakeEncoder("other").encode(texts)

    with pytest.raises(RuntimeError, match="stop"):
        store.reindex(fails, stamp(), batch=1)
    assert (store.epoch, store.vectors_of([1])[1][0].tolist()) == before


def test_a_closed_store_refuses(path: Path) -> None:
    with Store(path) as store:
        pass
    with pytest.raises(StoreError, match="Cannot operate on a closed database"):
        store.count()


def test_a_memory_can_be_moved_when_closed(path: Path, store: Store, tmp_path: Path) -> None:
    put(store, TWITTER)
    store.close()
    shutil.move(path, tmp_path / "elsewhere.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere.db"]
    with Store(tmp_path / "elsewhere.db") as moved:
        assert moved.select() == live(TWITTER)
