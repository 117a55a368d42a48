"""The store does what a few dictionaries do, whatever is done to it in whatever order."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from memory_editor.edits import Edit, EditId, Status
from memory_editor.errors import StoreError
from memory_editor.store import Action, Changing, Filter, Store
from tests.fakes import put, vectors_of

NAMESPACES = ("default", "other")
State = dict[EditId, Status]


class StoreAgainstModel(RuleBasedStateMachine):
    """`states` holds every edit's status after each change, `holds` the change whose state holds after each."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "memory.db"
        self.store = Store(self.path)
        self.edits: dict[EditId, Edit] = {}
        self.added_by: dict[EditId, int] = {}
        self.states: list[State] = [{}]
        self.holds = [0]
        self.purges: set[int] = set()
        self.held: dict[tuple[str, int], set[int]] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @property
    def now(self) -> State:
        return self.states[-1]

    def having(self, *statuses: Status) -> list[EditId]:
        return sorted(id_ for id_, status in self.now.items() if status in statuses)

    def changed(self, state: State, holds: int | None = None) -> None:
        self.states.append(state)
        self.holds.append(len(self.states) - 1 if holds is None else holds)

    def made(self, texts: list[str], namespace: str) -> list[Edit]:
        edits = [
            Edit(f"{text} {len(self.edits)}", paraphrases=(text,), exclusions=("z",), namespace=namespace)
            for text in texts
        ]
        self.edits |= {edit.id: edit for edit in edits}
        self.added_by |= {edit.id: len(self.states) for edit in edits}
        return edits

    @rule(texts=st.lists(st.sampled_from("abc"), min_size=1, max_size=3), namespace=st.sampled_from(NAMESPACES))
    def add(self, texts: list[str], namespace: str) -> None:
        edits = self.made(texts, namespace)
        put(self.store, *edits)
        self.changed(self.now | {edit.id: Status.LIVE for edit in edits})

    @precondition(lambda self: self.having(Status.LIVE))
    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.having(Status.LIVE)))
        (new,) = self.made(["u"], self.edits[old].namespace)
        with self.store.changing(Action.UPDATE) as change:
            change.supersede(old)
            change.add(new, vectors_of(new))
        self.changed(self.now | {old: Status.SUPERSEDED, new.id: Status.LIVE})

    @precondition(lambda self: self.having(Status.LIVE))
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.having(Status.LIVE)), min_size=1, unique=True))
        self.store.remove(chosen)
        self.changed(self.now | dict.fromkeys(chosen, Status.REMOVED))

    @precondition(lambda self: self.having(Status.SUPERSEDED, Status.REMOVED))
    @rule(data=st.data())
    def remove_what_is_not_live(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.having(Status.SUPERSEDED, Status.REMOVED)))
        with pytest.raises(StoreError, match="already"):
            self.store.remove([*self.having(Status.LIVE), chosen])

    @precondition(lambda self: self.having(Status.LIVE))
    @rule()
    def fail(self) -> None:
        with pytest.raises(ZeroDivisionError), self.store.changing(Action.ADD) as change:
            self.add_remove_and_fail(change)

    def add_remove_and_fail(self, change: Changing) -> None:
        edit = Edit("a")
        change.add(edit, vectors_of(edit))
        change.remove(self.having(Status.LIVE)[0])
        raise ZeroDivisionError

    @rule()
    def undo_last(self) -> None:
        holds = self.holds[-1]
        if holds == 0 or holds in self.purges:
            with pytest.raises(StoreError, match="nothing to undo" if holds == 0 else f"change {holds} is a purge"):
                self.store.undo()
        else:
            self.store.undo()
            self.went_to(self.holds[holds - 1])

    @rule(data=st.data())
    def undo_to_change(self, data: st.DataObject) -> None:
        to = data.draw(st.integers(0, len(self.states) - 1))
        self.store.undo(to)
        self.went_to(to)

    @precondition(lambda self: self.now)
    @rule(data=st.data())
    def undo_to_edit(self, data: st.DataObject) -> None:
        to = data.draw(st.sampled_from(sorted(self.now)))
        self.store.undo(to)
        self.went_to(self.added_by[to])

    def went_to(self, to: int) -> None:
        then = self.states[to]
        self.changed({id_: then.get(id_, Status.REMOVED) for id_ in self.now}, self.holds[to])

    @precondition(lambda self: self.having(Status.SUPERSEDED, Status.REMOVED))
    @rule(data=st.data())
    def purge(self, data: st.DataObject) -> None:
        chosen = data.draw(
            st.lists(st.sampled_from(self.having(Status.SUPERSEDED, Status.REMOVED)), min_size=1, unique=True)
        )
        self.store.purge(chosen)
        self.purges.add(len(self.states))
        self.changed(self.now)
        self.states = [{id_: status for id_, status in state.items() if id_ not in chosen} for state in self.states]
        self.held.clear()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.path)

    @invariant()
    def edits_and_statuses_agree(self) -> None:
        records = self.store.select(Filter(status=None))
        assert {record.edit.id: record.status for record in records} == self.now
        assert [record.edit for record in records] == [self.edits[id_] for id_ in sorted(self.now)]

    @invariant()
    def each_change_is_one_generation(self) -> None:
        assert self.store.generation == len(self.states) - 1
        assert [change.number for change in self.store.history()] == list(range(len(self.states) - 1, 0, -1))

    @invariant()
    def the_file_is_sound(self) -> None:
        assert self.store.verify() == []

    @invariant()
    def key_changes_lead_from_any_generation_of_the_epoch_to_now(self) -> None:
        for namespace in NAMESPACES:
            now = self.store.key_changes(namespace)
            assert (now.generation, now.dropped.tolist()) == (self.store.generation, [])
            live = [self.edits[id_] for id_ in self.having(Status.LIVE) if self.edits[id_].namespace == namespace]
            expected = sorted(row.tobytes() for edit in live for row in vectors_of(edit)[: len(edit.keys)])
            assert sorted(row.tobytes() for row in self.store.vectors_at(now.ids)) == expected
            self.held[namespace, now.generation] = held_now = set(now.ids.tolist())
            for (of, since), held in self.held.items():
                if of == namespace and since:
                    changes = self.store.key_changes(namespace, since)
                    assert (held - set(changes.dropped.tolist())) | set(changes.ids.tolist()) == held_now


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
