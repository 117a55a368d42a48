"""Only live edits own prompts, and a collision is what the one rule says it is."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.edits import Edit
from memory_editor.evaluation.live import Live
from memory_editor.evaluation.rows import Probe
from memory_editor.memory import Added
from memory_editor.text import mentions


def live(*edits: Edit) -> Live:
    return Live(edits, Added(edits, (), (), ()))


def test_a_superseded_edit_owns_nothing_and_is_not_asked() -> None:
    old, new = Edit("A is", "1", subject="A", target_true="0"), Edit("A is", "2", subject="A", target_true="0")
    edits = Live([old, new], Added((old, new), (), (old,), ()))
    assert (edits.count, edits.superseded) == (1, 1)
    assert [edits.asks(Probe("x", about)) for about in (old.id, new.id, None)] == [False, True, True]
    assert edits.owners(Probe("x", new.id, in_scope=True)) == (new,)
    assert edits.covering(Probe("of A", truths=("0",))) == (new,)
    assert edits.word_for_word("a is.") == (new,)


def test_an_edit_is_known_by_the_id_it_was_to_have() -> None:
    stored = Edit("A is", "1")
    again = replace(stored, id=Edit("x").id)
    edits = Live([stored, again], Added((stored, stored), (stored,), (), ()))
    assert (edits.count, edits.owners(Probe("x", again.id, in_scope=True))) == (1, (stored,))


def test_a_prompt_to_be_kept_out_has_no_owner_and_one_in_scope_no_collision() -> None:
    edit = Edit("A is", "1", subject="A", target_true="0", paraphrases=("What is A?",))
    edits = live(edit)
    assert edits.owners(Probe("A was", edit.id, truths=("0",))) == ()
    assert edits.covering(Probe("A was", edit.id, in_scope=True, truths=("0",))) == ()
    assert edits.covering(Probe("A was", edit.id, truths=("0",))) == (edit,)
    assert edits.word_for_word("what is a") == (edit,)
    assert edits.word_for_word("A was") == ()


WORDS = st.lists(st.sampled_from(["Ada", "of", "Peru", "ÅBO", "x"]), min_size=1, max_size=4).map(" ".join)
ANSWERS = st.sampled_from(["Lima", "lima.", "Quito", ""])


@settings(deadline=None, max_examples=50)
@given(
    facts=st.lists(st.tuples(WORDS, st.sampled_from(["Lima", "Quito"])), max_size=4),
    prompt=WORDS,
    truths=st.lists(ANSWERS, max_size=2),
)
def test_a_collision_mentions_a_live_subject_and_has_its_truth(
    facts: list[tuple[str, str]], prompt: str, truths: list[str]
) -> None:
    edits = [Edit(f"{n} {subject} is", "new", subject=subject, target_true=t) for n, (subject, t) in enumerate(facts)]
    found = live(*edits).covering(Probe(prompt, truths=tuple(truths)))
    known = {truth.strip(".").casefold() for truth in truths}
    expected = [e for e in edits if mentions(prompt, e.subject or "") and (e.target_true or "").casefold() in known]
    assert sorted(edit.id for edit in found) == sorted(edit.id for edit in expected)
