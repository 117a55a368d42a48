"""Adding, updating and finding edits with store, index and encoder in step."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory_editor.edits import Conflict, Edit, EditId, Status
from memory_editor.errors import EditConflict, EncoderMismatch, InvalidEdit, StoreError, UnknownEdit
from memory_editor.memory import Added, EditMemory, OnConflict, Pair
from memory_editor.memory import memory as memory_module
from memory_editor.store import Action, Filter, Note, Store, Vectors
from tests.fakes import FakeEncoder, open_memory
from tests.memory.test_conflicts import ToldJudge

TWITTER = Edit("The CEO of Twitter is", "Linda", paraphrases=("Who runs Twitter?",))
NOW = Edit("The CEO of Twitter is now", "Elon")
FRANCE = Edit("The capital of France is", "Lyon")
FRANCE_NOW = Edit("The capital of France is now", "Nice")


def statuses(memory: EditMemory) -> dict[EditId, str]:
    return {record.edit.id: str(record.status) for record in memory.store.select(Filter(status=None))}


def nearest(memory: EditMemory, text: str, k: int = 1) -> list[Edit]:
    """Return the live edits to which the keys nearest to a text belong."""
    (found,) = memory.nearest(memory.encoder.encode([text]), k)
    return [memory.store.live_with_keys([neighbour.id])[0][1] for neighbour in found]


def test_what_is_added_is_found_with_its_similarity(memory: EditMemory) -> None:
    assert memory.add(TWITTER) == Added((TWITTER,), (), (), ())
    memory.add(FRANCE)
    assert memory.count() == 2
    (found,) = memory.nearest(memory.encoder.encode(["who runs twitter"]), 5)
    assert found[0].id == 2
    assert found[0].similarity == pytest.approx(1, abs=1e-6)
    assert nearest(memory, "The capital of France") == [FRANCE]
    assert len(found) == 3


def test_nothing_is_near_in_an_empty_memory(memory: EditMemory) -> None:
    assert memory.nearest(memory.encoder.encode(["a", "b"]), 5) == [[], []]


def test_the_same_prompt_supersedes(memory: EditMemory) -> None:
    new = Edit("the ceo of twitter is…", "Elon", subject="another")
    memory.add(TWITTER)
    added = memory.add(new)
    assert added == Added((replace(new, supersedes=TWITTER.id),), (), (TWITTER,), ())
    assert statuses(memory) == {TWITTER.id: "superseded", new.id: "live"}
    assert memory.store.get(new.id).edit.supersedes == TWITTER.id


def test_the_same_subject_and_relation_supersede(memory: EditMemory) -> None:
    first = Edit("The CEO of “Twitter” is", "Linda", subject="Twitter")
    second = Edit("The CEO of: TWITTER — is", "Elon", subject="twitter")
    memory.add(first)
    assert memory.add(second).superseded == (first,)
    assert statuses(memory) == {first.id: "superseded", second.id: "live"}


def test_another_relation_or_subject_stands_beside(memory: EditMemory) -> None:
    others = [Edit("Twitter was founded in", "2006"), Edit("The CEO of Reddit is", "Steve")]
    memory.add(TWITTER)
    for edit in others:
        assert memory.add(edit) == Added((edit,), (), (), ())
    assert memory.count() == 3


def test_restating_changes_nothing_and_returns_the_live_edit(memory: EditMemory) -> None:
    memory.add(TWITTER)
    again = replace(TWITTER, id=Edit("x").id, source="elsewhere")
    assert memory.add(again) == Added((TWITTER,), (TWITTER,), (), ())
    assert (memory.store.generation, statuses(memory)) == (1, {TWITTER.id: "live"})


def test_what_was_removed_can_be_added_again(memory: EditMemory) -> None:
    memory.add(TWITTER)
    memory.store.remove([TWITTER.id])
    again = replace(TWITTER, id=Edit("x").id)
    assert memory.add(again).edits == (again,)
    assert nearest(memory, "who runs twitter") == [again]


def test_an_id_that_was_used_before_is_replaced(memory: EditMemory) -> None:
    memory.add(TWITTER)
    memory.store.remove([TWITTER.id])
    (again,) = memory.add(TWITTER).edits
    assert again == replace(TWITTER, id=again.id)
    assert statuses(memory) == {TWITTER.id: "removed", again.id: "live"}
    # The live one says the same, so it stays as it is.
    assert memory.add_many([TWITTER, again]).restated == (again, again)


def test_an_unclear_conflict_is_reported_with_both(memory: EditMemory) -> None:
    memory.add(TWITTER)
    with pytest.raises(EditConflict) as caught:
        memory.add(NOW)
    assert [(conflict.edit, conflict.live) for conflict in caught.value.conflicts] == [(NOW, TWITTER)]
    assert str(caught.value).startswith(
        f"'The CEO of Twitter is now Elon' may contradict live edit {TWITTER.id} 'The CEO of Twitter is Linda' ("
    )
    assert (memory.store.generation, statuses(memory)) == (1, {TWITTER.id: "live"})


def test_replace_supersedes_and_keep_both_keeps(memory: EditMemory) -> None:
    memory.add_many([TWITTER, FRANCE])
    added = memory.add(NOW, on_conflict=OnConflict.REPLACE)
    assert (added.edits, added.superseded) == ((replace(NOW, supersedes=TWITTER.id),), (TWITTER,))
    kept = memory.add(FRANCE_NOW, on_conflict=OnConflict.KEEP_BOTH)
    assert (kept.edits, kept.superseded) == ((FRANCE_NOW,), ())
    for result, edit, live in ((added, NOW, TWITTER), (kept, FRANCE_NOW, FRANCE)):
        assert [(conflict.edit, conflict.live) for conflict in result.unclear] == [(edit, live)]
    assert statuses(memory) == {TWITTER.id: "superseded", NOW.id: "live", FRANCE.id: "live", FRANCE_NOW.id: "live"}


def test_edits_given_together_do_not_conflict_but_later_ones_supersede(memory: EditMemory) -> None:
    elon = Edit("The CEO of Twitter is", "Elon", paraphrases=("Who runs it?",))
    again = replace(elon, id=Edit("x").id)
    added = memory.add_many([TWITTER, NOW, elon, again], note=Note("me", "all at once"))
    stored = replace(elon, supersedes=TWITTER.id)
    assert added.edits == (TWITTER, NOW, stored, stored)
    assert (added.restated, added.superseded) == ((stored,), (TWITTER,))
    assert added.unclear == ()
    assert statuses(memory) == {TWITTER.id: "superseded", NOW.id: "live", elon.id: "live"}
    (change,) = memory.store.history()
    assert (change.action, change.note) == (Action.ADD, Note("me", "all at once"))


def test_replace_replaces_what_was_live_before_alone(memory: EditMemory) -> None:
    memory.add(FRANCE)
    elsewhere = Edit("The CEO of Twitter is now", "Jack")
    added = memory.add_many([TWITTER, elsewhere, FRANCE_NOW], on_conflict=OnConflict.REPLACE)
    assert added.superseded == (FRANCE,)
    assert [(conflict.edit, conflict.live) for conflict in added.unclear] == [(FRANCE_NOW, FRANCE)]
    assert [record.edit.id for record in memory.store.select()] == sorted([TWITTER.id, elsewhere.id, FRANCE_NOW.id])


def test_all_conflicts_with_what_was_live_are_reported_at_once_and_nothing_is_stored(memory: EditMemory) -> None:
    memory.add_many([TWITTER, FRANCE])
    with pytest.raises(EditConflict) as caught:
        memory.add_many([Edit("The CEO of Reddit is", "Steve"), NOW, FRANCE_NOW])
    assert [(conflict.edit, conflict.live) for conflict in caught.value.conflicts] == [
        (NOW, TWITTER),
        (FRANCE_NOW, FRANCE),
    ]
    assert "and 1 more; say --replace" in str(caught.value)
    assert (memory.store.generation, memory.count()) == (1, 2)


def judged_by(path: Path, tell: Callable[[Pair], float]) -> tuple[EditMemory, ToldJudge]:
    judge = ToldJudge(tell)
    return EditMemory(Store(path), FakeEncoder, judge=judge), judge


def test_the_judge_says_what_conflicts_restates_and_is_independent(path: Path) -> None:
    told = {NOW.prompt: 0.97, FRANCE_NOW.prompt: 0.49}
    memory, _ = judged_by(path, lambda pair: told.get(pair.prompt, 0.8))
    with memory:
        memory.add_many([TWITTER, FRANCE])
        with pytest.raises(EditConflict, match=r"\(probability 0\.97\); say --replace") as caught:
            memory.add(NOW)
        assert caught.value.conflicts == (Conflict(NOW, TWITTER, 0.97),)
        assert memory.add(FRANCE_NOW) == Added((FRANCE_NOW,), (), (), ())
        agreeing = Edit("The CEO of Twitter is still", "linda")
        assert memory.add(agreeing) == Added((agreeing,), (), (), (), (Conflict(agreeing, TWITTER, 0.8),))
        assert statuses(memory) == {edit.id: "live" for edit in (TWITTER, FRANCE, FRANCE_NOW, agreeing)}


def test_all_that_is_added_is_judged_at_once_against_what_was_live_before(path: Path) -> None:
    memory, judge = judged_by(path, lambda _: 0.0)
    with memory:
        memory.add_many([TWITTER, NOW])
        memory.add(FRANCE)
        judge.asked.clear()
        still = Edit("The CEO of Twitter is still", "Jack")
        memory.add_many([FRANCE_NOW, still, Edit("nothing of the kind", "yes")])
        (asked,) = judge.asked
        assert [(pair.edit, pair.live) for pair in asked] == [(FRANCE_NOW, FRANCE), (still, TWITTER), (still, NOW)]


def test_of_edits_given_together_the_last_that_surely_asks_for_the_same_is_live(path: Path) -> None:
    still, born = Edit("The CEO of Twitter is still", "Jack"), Edit("The CEO of Twitter was born in", "Rome")
    told = {(NOW.prompt, TWITTER.prompt): 0.9, (still.prompt, NOW.prompt): 0.95, (born.prompt, still.prompt): 0.89}
    memory, judge = judged_by(path, lambda pair: told.get((pair.prompt, pair.key), 0.0))
    with memory:
        added = memory.add_many([TWITTER, NOW, still, FRANCE, born])
        stored = (TWITTER, replace(NOW, supersedes=TWITTER.id), replace(still, supersedes=NOW.id), FRANCE, born)
        assert added == Added(stored, (), stored[:2], ())
        assert {edit.id for edit in stored[2:]} == {id_ for id_, how in statuses(memory).items() if how == "live"}
        assert {pair.edit.subject for asked in judge.asked for pair in asked} == {"Twitter"}
        memory.store.undo()
        assert memory.count() == 0


def test_all_that_is_given_together_is_kept_if_both_are_to_be(path: Path) -> None:
    memory, _ = judged_by(path, lambda _: 1.0)
    with memory:
        assert memory.add_many([TWITTER, NOW], on_conflict=OnConflict.KEEP_BOTH).superseded == ()
        assert memory.count() == 2


def test_what_was_known_before_is_not_superseded_by_what_is_given_after_it(path: Path) -> None:
    memory, _ = judged_by(path, lambda pair: 0.95 if pair.live.id != TWITTER.id else 0.0)
    again = replace(TWITTER, id=Edit("x").id)
    with memory:
        memory.add(TWITTER)
        added = memory.add_many([again, NOW])
        assert (added.restated, added.superseded, memory.count()) == ((TWITTER,), (), 2)


def test_likeness_without_a_common_subject_is_noticed_among_few(path: Path) -> None:
    live, requested = Edit("The home town of Bill Gates is", "Rome"), Edit("The home town of William Gates is", "Bonn")
    assert live.subject != requested.subject
    crowd = [Edit(f"wholly different words {number}", "yes") for number in range(64)]
    memory, judge = judged_by(path, lambda pair: 0.9 if pair.edit.subject == "William Gates" else 0.0)
    with memory:
        memory.add(live)
        with pytest.raises(EditConflict):
            memory.add_many([requested, *crowd[:63]])
        assert judge.asked[0][0].live == live
        judge.asked.clear()
        memory.add_many([requested, *crowd])
        assert judge.asked == []


def test_others_may_write_while_the_judge_thinks_and_are_judged_too(path: Path) -> None:
    still = Edit("The CEO of Twitter is still", "Jack")

    def slow(pair: Pair) -> float:
        if pair.live == TWITTER:
            with open_memory(path) as other:
                other.add(still, on_conflict=OnConflict.KEEP_BOTH)
        return 0.6

    memory, judge = judged_by(path, slow)
    with memory:
        memory.add(TWITTER)
        with pytest.raises(EditConflict) as caught:
            memory.add(NOW)
        assert [[pair.live for pair in asked] for asked in judge.asked] == [[TWITTER], [still]]
        assert {conflict.live.id for conflict in caught.value.conflicts} == {TWITTER.id, still.id}


def test_what_was_superseded_in_the_same_change_is_no_conflict(memory: EditMemory) -> None:
    memory.add(TWITTER)
    added = memory.add_many([Edit(TWITTER.prompt, "Jack"), NOW])
    assert (added.superseded, added.unclear, memory.count()) == ((TWITTER,), (), 2)


def test_an_update_is_not_judged_against_what_it_replaces_and_leaves_the_index_in_step(path: Path) -> None:
    memory, judge = judged_by(path, lambda _: 1.0)
    with memory:
        memory.add_many([TWITTER, FRANCE])
        new = memory.update(TWITTER.id, prompt="The CEO of Twitter is today", paraphrases=()).edits[0]
        assert judge.asked == []
        with pytest.raises(EditConflict):
            memory.update(FRANCE.id, prompt="The CEO of Twitter is now")
        memory.store.remove([new.id])
        assert nearest(memory, TWITTER.prompt, 9) == [FRANCE]


def test_edits_of_several_namespaces_are_not_added_as_if_they_were_of_one(memory: EditMemory) -> None:
    edits = [Edit("The CEO is", "Ann", namespace="acme"), Edit("The CEO is", "Bob", namespace="globex")]
    with pytest.raises(InvalidEdit, match="several namespaces, acme, globex; add those of each by themselves"):
        memory.add_many(edits)
    assert memory.store.generation == 0
    assert memory.add(edits[0]).edits[0].namespace == memory.namespace


def test_adding_none_is_no_change(memory: EditMemory) -> None:
    assert memory.add_many([]) == Added((), (), (), ())
    assert memory.store.generation == 0


def test_progress_is_told(memory: EditMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "_ENCODE_AT_ONCE", 3)
    told: list[int] = []
    edits = [
        Edit(f"prompt {number}", paraphrases=("p",) * (number % 3), exclusions=(f"x {number}",)) for number in range(8)
    ]
    memory.add_many(edits, on_progress=told.append, on_conflict=OnConflict.KEEP_BOTH)
    assert told == [3, 6, 8]
    assert memory.store.verify() == []
    for edit in edits:
        assert nearest(memory, edit.prompt) == [replace(edit, supersedes=memory.store.get(edit.id).edit.supersedes)]


def test_an_update_is_a_new_edit_that_supersedes(memory: EditMemory) -> None:
    memory.add(TWITTER)
    new = memory.update(TWITTER.id[-6:], target_new="Elon", note=Note("me", "news")).edits[0]
    assert new == replace(TWITTER, target_new="Elon", id=new.id, supersedes=TWITTER.id)
    assert new.id > TWITTER.id
    assert statuses(memory) == {TWITTER.id: "superseded", new.id: "live"}
    change = memory.store.history()[0]
    assert (change.number, change.action, change.note) == (2, Action.UPDATE, Note("me", "news"))
    assert nearest(memory, "who runs twitter") == [new]


@pytest.mark.parametrize(
    ("old", "changes", "subject"),
    [
        (Edit("The CEO of Twitter is", "Linda"), {"prompt": "The CEO of Reddit is"}, "Reddit"),
        (Edit("The CEO of Twitter is", "Linda"), {"prompt": "its ceo is"}, None),
        (Edit("The CEO of Twitter is", "Linda"), {"prompt": "The CEO of Reddit is", "subject": "CEO"}, "CEO"),
        (Edit("The CEO of Twitter is", "Linda", subject="CEO"), {"prompt": "The CEO of Reddit is"}, "CEO"),
        (Edit("The CEO of Twitter is", "Linda", subject="CEO"), {"subject": None}, "Twitter"),
        (Edit("The CEO of Twitter is", "Linda"), {"target_new": "Elon"}, "Twitter"),
    ],
)
def test_the_subject_follows_the_prompt_unless_it_was_given(
    memory: EditMemory, old: Edit, changes: dict[str, Any], subject: str | None
) -> None:
    memory.add(old)
    assert memory.update(old.id, **changes).edits[0].subject == subject


def test_fields_can_be_taken_out(memory: EditMemory) -> None:
    memory.add(replace(TWITTER, target_true="Elon", source="news"))
    new = memory.update(TWITTER.id, target_new=None, target_true=None, source=None, paraphrases=()).edits[0]
    assert (new.target_new, new.target_true, new.source, new.keys) == (None, None, None, (TWITTER.prompt,))


def test_an_update_stands_to_other_edits_as_if_it_were_added(memory: EditMemory) -> None:
    reddit = Edit("The CEO of Reddit is", "Steve")
    memory.add_many([TWITTER, FRANCE, reddit])
    with pytest.raises(EditConflict, match="may contradict live edit"):
        memory.update(reddit.id, prompt=NOW.prompt)
    assert (memory.store.generation, memory.count()) == (1, 3)
    updated = memory.update(reddit.id, prompt=FRANCE.prompt)
    (new,) = updated.edits
    assert updated.superseded == (reddit, FRANCE)
    assert new.supersedes == reddit.id
    assert statuses(memory) == {TWITTER.id: "live", FRANCE.id: "superseded", reddit.id: "superseded", new.id: "live"}
    kept = memory.update(new.id, prompt=NOW.prompt, on_conflict=OnConflict.KEEP_BOTH).edits[0]
    assert [record.edit for record in memory.store.select()] == [TWITTER, kept]


def test_only_live_edits_are_updated_and_only_in_their_fields(memory: EditMemory) -> None:
    memory.add(TWITTER)
    with pytest.raises(InvalidEdit, match="unknown field 'target'; an edit has prompt, target_new,"):
        memory.update(TWITTER.id, target="x")
    with pytest.raises(InvalidEdit, match="target_new must not be empty"):
        memory.update(TWITTER.id, target_new="")
    with pytest.raises(UnknownEdit):
        memory.update(FRANCE.id, target_new="x")
    memory.store.remove([TWITTER.id])
    with pytest.raises(StoreError) as caught:
        memory.update(TWITTER.id, target_new="x")
    assert str(caught.value) == (
        f"edit {TWITTER.id} is removed; only live edits can be updated, `memedit list` shows them"
    )
    assert statuses(memory) == {TWITTER.id: "removed"}


def test_namespaces_are_separate(memory: EditMemory, path: Path) -> None:
    with open_memory(path, namespace="other") as other:
        memory.add(TWITTER)
        assert other.nearest(other.encoder.encode(["Who runs Twitter?"]), 5) == [[]]
        elsewhere = replace(NOW, namespace="other")
        assert other.add(NOW).edits == (elsewhere,)
        assert (memory.count(), other.count()) == (1, 1)
        assert nearest(memory, "Who runs Twitter?", 5) == [TWITTER, TWITTER]
        assert nearest(other, "Who runs Twitter?", 5) == [elsewhere]


@pytest.mark.parametrize("namespace", ["", "../up", "Upper"])
def test_a_namespace_is_checked_before_a_file_is_made(tmp_path: Path, namespace: str) -> None:
    with pytest.raises(InvalidEdit, match=r"namespace .* must match"):
        EditMemory.open(tmp_path / "memory.db", namespace=namespace)
    assert list(tmp_path.iterdir()) == []


def test_opening_loads_no_encoder(tmp_path: Path) -> None:
    with EditMemory.open(tmp_path / "memory.db", encoder="no such encoder") as memory:
        assert memory.count() == 0
    with pytest.raises(StoreError, match="there is no memory at"):
        EditMemory.open(tmp_path / "nowhere.db", create=False)


def test_what_another_process_does_is_seen_at_the_next_call(memory: EditMemory, path: Path) -> None:
    with open_memory(path) as other:
        memory.add(TWITTER)
        assert nearest(other, "Who runs Twitter?") == [TWITTER]
        memory.add(FRANCE)
        assert nearest(other, FRANCE.prompt) == [FRANCE]
        other.store.remove([FRANCE.id])
        assert nearest(memory, FRANCE.prompt, 9) == [TWITTER, TWITTER]
        memory.store.undo()
        assert nearest(other, FRANCE.prompt) == [FRANCE]
        memory.store.remove([TWITTER.id])
        memory.store.purge([TWITTER.id])
        assert nearest(other, "Who runs Twitter?", 9) == [FRANCE]


def test_another_encoder_is_refused_until_the_memory_is_reindexed(memory: EditMemory, path: Path) -> None:
    memory.add_many([TWITTER, FRANCE])
    assert nearest(memory, "Who runs Twitter?") == [TWITTER]
    message = (
        "the vectors of this memory were made by encoder 'fake', not by 'other'; give --encoder fake, "
        "or change it for good with `memedit reindex --encoder other`"
    )
    for encoder in (FakeEncoder("other"), FakeEncoder("other", dimension=8)):
        with open_memory(path, encoder) as other:
            for use in (
                lambda: other.encoder,
                lambda: other.add(NOW),
                lambda: other.update(TWITTER.id, target_new="x"),
            ):
                with pytest.raises(EncoderMismatch) as caught:
                    use()
                assert str(caught.value) == message
            assert other.count() == 2
    with open_memory(path, FakeEncoder("other", dimension=8)) as other:
        assert other.reindex(FakeEncoder("other", dimension=8)) == 3
        assert nearest(other, "Who runs Twitter?") == [TWITTER]
        assert other.store.verify() == []
        # This one was opened before, and holds the encoder and the index of before.
        with pytest.raises(EncoderMismatch, match="made by encoder 'other', not by 'fake'"):
            memory.nearest(FakeEncoder().encode(["Who runs Twitter?"]), 1)
        with pytest.raises(EncoderMismatch):
            memory.add(Edit("The CEO of Reddit is", "Steve"))
        assert (other.count(), other.store.verify()) == (2, [])


def test_the_first_to_add_decides_on_the_encoder(path: Path) -> None:
    with open_memory(path) as one, open_memory(path, FakeEncoder("other")) as other:
        assert (one.encoder.name, other.encoder.name) == ("fake", "other")
        one.add(TWITTER)
        with pytest.raises(EncoderMismatch):
            other.add(FRANCE)
        with pytest.raises(EncoderMismatch):
            other.nearest(FakeEncoder("other").encode(["x"]), 1)


def test_an_encoder_that_differs_in_the_last_digits_is_the_same(memory: EditMemory, path: Path) -> None:
    class Blurred(FakeEncoder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            vectors = super().encode(texts) + np.float32(1e-4)
            return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    memory.add(TWITTER)
    with open_memory(path, Blurred()) as other:
        assert nearest(other, "Who runs Twitter?") == [TWITTER]


def test_a_reindexed_memory_goes_on(memory: EditMemory) -> None:
    memory.add_many([TWITTER, FRANCE])
    memory.store.remove([FRANCE.id])
    assert memory.reindex(FakeEncoder("other")) == 3
    memory.store.undo()
    assert nearest(memory, FRANCE.prompt) == [FRANCE]
    memory.add(Edit("The CEO of Reddit is", "Steve"))
    assert (memory.encoder.name, memory.count(), memory.store.verify()) == ("other", 3, [])


def test_texts_that_were_encoded_before_a_reindex_are_refused(
    memory: EditMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = EditMemory._encode

    def then_reindexed(self: EditMemory, *args: Any) -> Any:
        vectors = encoded(self, *args)
        self.reindex(FakeEncoder("other"))
        return vectors

    memory.add(TWITTER)
    with monkeypatch.context() as patched:
        patched.setattr(EditMemory, "_encode", then_reindexed)
        with pytest.raises(EncoderMismatch, match="encoded anew meanwhile"):
            memory.add(FRANCE)
        with pytest.raises(EncoderMismatch, match="encoded anew meanwhile"):
            memory.update(TWITTER.id, target_new="Elon")
    assert [record.edit for record in memory.store.select()] == [TWITTER]
    memory.add(FRANCE)


def test_threads_share_a_memory(memory: EditMemory) -> None:
    edits = [Edit(f"The CEO of Company{number} is", "Linda") for number in range(60)]
    failures: list[BaseException] = []

    def guarded(work: Sequence[Edit]) -> None:
        try:
            for edit in work:
                memory.add(edit)
                assert nearest(memory, edit.prompt)[0].subject == edit.subject
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(edits[start::3],), daemon=True) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads), "the threads wait for each other"
    assert failures == []
    assert (memory.count(), memory.store.verify()) == (60, [])
    assert {record.status for record in memory.store.select()} == {Status.LIVE}


def test_a_removed_edit_is_imported_again_under_a_new_id(memory: EditMemory) -> None:
    edit = memory.add(Edit("The CEO of Twitter is", "Linda Yaccarino")).edits[0]
    memory.store.remove([edit.id])
    again = memory.add(edit).edits[0]
    assert again.id != edit.id
    assert again.says_the_same(edit)
    assert [record.edit for record in memory.store.select()] == [again]
