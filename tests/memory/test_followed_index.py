"""The index answers as if it had just been built from the store, whatever becomes of its file."""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from memory_editor.edits import Edit, EditId, Status
from memory_editor.indexes import Neighbour
from memory_editor.indexes.files import FILE_NAME
from memory_editor.memory import EditMemory, followed_index, index_folder, index_problems
from memory_editor.store import Filter, KeyChanges, Store
from tests.fakes import FakeEncoder, open_memory

EDITS = [
    Edit(f"The CEO of Company{number} is", "Linda", paraphrases=(f"Who runs it {number}?",)) for number in range(8)
]
WHICH = st.integers(0, 1)
QUERIES = ["Who runs Company3?", "The CEO of Company5 is", "Who runs it 7?", "anything else"]


@pytest.fixture(autouse=True)
def save_after_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_index, "_SAVE_AFTER", 1)


def answers(memory: EditMemory, k: int = 5) -> list[list[Neighbour]]:
    return memory.nearest(memory.encoder.encode(QUERIES), k)


def fresh_answers(memory: EditMemory) -> list[list[Neighbour]]:
    """Return what a copy without an index file answers."""
    assert memory.store.encoder is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        memory.store.backup(path)
        with open_memory(path, FakeEncoder(memory.store.encoder.name), namespace=memory.namespace) as copy:
            return answers(copy)


@pytest.fixture
def filled(path: Path) -> Iterator[EditMemory]:
    """A memory whose index file has been saved."""
    with open_memory(path) as memory:
        memory.add_many(EDITS)
        answers(memory)
        yield memory


@pytest.fixture
def file(filled: EditMemory) -> Path:
    return index_folder(filled.store, "default") / FILE_NAME


def test_the_file_lies_beside_the_store_and_is_read_when_opening(
    filled: EditMemory, file: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file == path.parent / "memory.db.index" / "default" / "vectors.index"
    with open_memory(path) as again:
        since: list[int] = []
        original = Store.key_changes

        def noted(self: Store, namespace: str, start: int = 0) -> KeyChanges:
            since.append(start)
            return original(self, namespace, start)

        monkeypatch.setattr(Store, "key_changes", noted)
        assert answers(again) == answers(filled)
        again.store.remove([EDITS[0].id])
        assert answers(again) == fresh_answers(again)
    assert since == [1, 0]


def test_few_changes_are_not_worth_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_index, "_SAVE_AFTER", 256)
    with open_memory(path) as memory:
        memory.add_many(EDITS)
        answers(memory)
        assert not memory.store.index_folder.exists()
        memory.add_many([Edit(f"prompt {number}") for number in range(240)])
        answers(memory)
        assert index_folder(memory.store, "default").exists()


def test_the_file_of_a_large_index_may_lag_behind_further(
    filled: EditMemory, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_index, "_SAVE_SHARE", 0.5)
    before = file.read_bytes()
    filled.add(Edit("The CEO of Another is", "Linda"))
    assert answers(filled) == fresh_answers(filled)
    filled.update(EDITS[0].id, target_new="Elon")
    assert answers(filled) == fresh_answers(filled)
    assert file.read_bytes() == before
    filled.store.remove([EDITS[1].id, EDITS[2].id])
    answers(filled)
    assert file.read_bytes() != before


def test_an_index_is_filled_a_part_at_a_time(filled: EditMemory, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(filled.store.index_folder)
    monkeypatch.setattr(followed_index, "_READ_AT_ONCE", 3)
    with open_memory(path) as again:
        assert answers(again, 16) == answers(filled, 16)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda content: content[: len(content) // 2],
    "all but a byte": lambda content: content[:-1],
    "a byte more": lambda content: content + b"\0",
    "other content": lambda _: b"not an index" * 100,
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_rebuilt(
    filled: EditMemory, file: Path, path: Path, damage: Callable[[bytes], bytes]
) -> None:
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    assert len(index_problems(filled.store)) == 1
    with open_memory(path) as again:
        assert answers(again) == fresh_answers(again) == answers(filled)
        again.add(Edit("The CEO of Another is", "Linda"))
        assert answers(again) == fresh_answers(again)
    assert index_problems(filled.store) == []


def test_any_flipped_bit_is_noticed(filled: EditMemory, file: Path, path: Path) -> None:
    sound, expected = file.read_bytes(), fresh_answers(filled)
    for position in range(0, len(sound), len(sound) // 25):
        file.write_bytes(sound[:position] + bytes([sound[position] ^ 0x10]) + sound[position + 1 :])
        assert len(index_problems(filled.store)) == 1, position
        with open_memory(path) as again:
            assert answers(again) == expected, position


def test_a_missing_file_is_no_problem(filled: EditMemory, path: Path) -> None:
    shutil.rmtree(filled.store.index_folder)
    assert index_problems(filled.store) == []
    with open_memory(path) as again:
        assert answers(again) == fresh_answers(filled)


def test_a_file_behind_the_store_is_brought_up_to_date(filled: EditMemory, file: Path, path: Path) -> None:
    behind = file.read_bytes()
    filled.store.remove([EDITS[3].id, EDITS[5].id])
    filled.update(EDITS[7].id, target_new="Elon")
    filled.add(Edit("The CEO of Company5 is", "Steve"))
    filled.store.undo(2)
    answers(filled)
    file.write_bytes(behind)
    assert index_problems(filled.store) == []
    with open_memory(path) as again:
        assert answers(again) == fresh_answers(again) == answers(filled)


def test_the_file_of_another_memory_is_not_used(filled: EditMemory, file: Path, tmp_path: Path) -> None:
    with open_memory(tmp_path / "other.db") as other:
        other.add_many([replace(edit, prompt=f"{edit.prompt} now") for edit in EDITS])
        answers(other)
        shutil.copy(index_folder(other.store, "default") / FILE_NAME, file)
    assert index_problems(filled.store) == []
    with open_memory(filled.store.path) as again:
        assert answers(again) == fresh_answers(again)


def test_the_file_of_another_namespace_is_found_out(filled: EditMemory, file: Path) -> None:
    with open_memory(filled.store.path, namespace="other") as other:
        other.add(Edit("The CEO of Company3 is", "Elon"))
        answers(other)
    shutil.copy(index_folder(filled.store, "other") / FILE_NAME, file)
    assert index_problems(filled.store) == [
        f"index file in {file.parent} disagrees with the store; delete it, it is rebuilt when needed"
    ]


def test_a_restored_backup_does_not_use_the_file_of_its_future(path: Path, tmp_path: Path) -> None:
    with open_memory(path) as memory:
        memory.add_many(EDITS[:4])
        answers(memory)
        memory.store.backup(tmp_path / "backup.db")
        memory.store.remove([EDITS[0].id])
        memory.add_many(EDITS[4:])
        answers(memory)
    for changes in range(4):
        shutil.copy(tmp_path / "backup.db", path)
        with open_memory(path) as restored:
            # It comes to the generation of the file, and beyond, by other changes than those of before.
            for number in range(changes):
                restored.add(Edit(f"The CEO of Other{number} is", "Linda"))
            assert index_problems(restored.store) == []
            assert answers(restored) == fresh_answers(restored)
        with open_memory(path) as again:
            assert answers(again) == fresh_answers(again)


def test_a_folder_that_cannot_be_written_stops_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_memory(path) as memory:
        memory.store.index_folder.write_text("in the way")
        memory.add_many(EDITS)
        with caplog.at_level(logging.WARNING):
            assert answers(memory) == fresh_answers(memory)
    assert any("cannot be written" in record.message for record in caplog.records)


def test_a_purge_deletes_the_file_and_no_late_writer_brings_it_back(
    filled: EditMemory, file: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.store.remove([EDITS[3].id])
    original = Store.origin

    def purged_meanwhile(self: Store, generation: int) -> str:
        monkeypatch.setattr(Store, "origin", original)
        with Store(path) as other:
            other.purge([EDITS[3].id])
        return original(self, generation)

    with open_memory(path) as late:
        answers(late)
        filled.add(Edit("The CEO of Another is", "Linda"))
        monkeypatch.setattr(Store, "origin", purged_meanwhile)
        answers(late)
        assert not file.exists()
        assert answers(late) == fresh_answers(late)
    with open_memory(path) as again:
        assert answers(again) == fresh_answers(again)


class TwoMemoriesOnOneFile(RuleBasedStateMachine):
    """Whichever of two open memories is changed, both answer as a fresh build does."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "memory.db"
        self.encoder = "fake"
        self.added = 0
        self.memories = [open_memory(self.path), open_memory(self.path)]
        self.add(0)

    def teardown(self) -> None:
        for memory in self.memories:
            memory.close()
        self.folder.cleanup()

    def edits(self, *, live: bool) -> list[EditId]:
        records = self.memories[0].store.select(Filter(status=None))
        return [record.edit.id for record in records if (record.status is Status.LIVE) == live]

    @rule(which=WHICH)
    def add(self, which: int) -> None:
        edits = [Edit(f"The CEO of Company{self.added + number} is", str(self.added)) for number in range(3)]
        self.added += 2
        self.memories[which].add_many(edits)

    @precondition(lambda self: self.edits(live=True))
    @rule(which=WHICH, data=st.data())
    def remove(self, which: int, data: st.DataObject) -> None:
        self.memories[which].store.remove([data.draw(st.sampled_from(self.edits(live=True)))])

    @rule(which=WHICH, data=st.data())
    def undo(self, which: int, data: st.DataObject) -> None:
        store = self.memories[which].store
        store.undo(data.draw(st.integers(0, store.generation)))

    @precondition(lambda self: self.edits(live=False))
    @rule(which=WHICH)
    def purge(self, which: int) -> None:
        self.memories[which].store.purge(self.edits(live=False)[:1])

    @rule(which=WHICH)
    def reindex(self, which: int) -> None:
        self.encoder = "other" if self.encoder == "fake" else "fake"
        self.memories[which].reindex(FakeEncoder(self.encoder))
        self.reopen(1 - which)

    @rule(which=WHICH)
    def reopen(self, which: int) -> None:
        self.memories[which].close()
        self.memories[which] = open_memory(self.path, FakeEncoder(self.encoder))

    @invariant()
    def both_answer_as_a_fresh_build(self) -> None:
        expected = fresh_answers(self.memories[0])
        assert [answers(memory) for memory in self.memories] == [expected, expected]
        assert index_problems(self.memories[0].store) == []


TestTwoMemoriesOnOneFile = TwoMemoriesOnOneFile.TestCase
TestTwoMemoriesOnOneFile.settings = settings(max_examples=8, stateful_step_count=8, deadline=None)
