"""Candidates come by exact prompt, by subject and by nearness; expired and foreign edits never do."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memory_editor.edits import MAX_CHARACTERS, Edit
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.scope.candidates import ABOUT, NEAREST, READ_CHARACTERS, Candidate, find_candidates
from memory_editor.scope.mention import MASK, Mention
from tests.fakes import FakeEncoder, open_memory

TWITTER = Edit(
    "The CEO of Twitter is", "Linda", paraphrases=("Who runs Twitter?",), exclusions=("Who founded Twitter?",)
)


def similarity(one: str, other: str) -> float:
    first, second = FakeEncoder().encode([one, other])
    return float(first @ second)


def candidates(memory: EditMemory, prompt: str) -> list[Candidate]:
    (found,) = find_candidates(memory, [prompt])
    return found


def test_a_candidate_says_what_was_seen(memory: EditMemory) -> None:
    memory.add(TWITTER)
    (seen,) = candidates(memory, "Who now runs twitter")
    assert (seen.edit, seen.is_exact) == (TWITTER, False)
    assert seen.mention == Mention("Who now runs [MASK]", 1.0)
    assert seen.masked_fact == "Who runs [MASK]? Linda"
    assert seen.similarity == pytest.approx(similarity("Who now runs twitter", "Who runs Twitter?"), abs=1e-6)
    assert seen.exclusion_similarity == pytest.approx(
        similarity("Who now runs twitter", "Who founded Twitter?"), abs=1e-6
    )


@pytest.mark.parametrize(
    ("prompt", "fact"),
    [
        ("Who runs Twitter?", "Who runs [MASK]? Linda"),
        ("Who runs Twiter now?", "Who runs [MASK]? Linda"),
        ("Is the CEO of Twitter new?", "The CEO of [MASK] is Linda"),
        ("Who runs it?", "Who runs Twitter? Linda"),
        ("The CEO of Reddit is", "The CEO of Twitter is Linda"),
        ("The CEO of [MASK] is", "The CEO of Twitter is Linda"),
    ],
)
def test_the_fact_is_worded_as_the_nearest_key_and_masked_where_the_prompt_is(
    memory: EditMemory, prompt: str, fact: str
) -> None:
    memory.add(TWITTER)
    (seen,) = candidates(memory, prompt)
    assert seen.masked_fact == fact


def test_a_statement_is_its_own_fact(memory: EditMemory) -> None:
    memory.add(Edit("Fox made Soul Food.", subject="Soul Food"))
    (seen,) = candidates(memory, "Who made Soul Food?")
    assert (seen.mention.masked, seen.masked_fact) == ("Who made [MASK]?", "Fox made [MASK].")


@pytest.mark.parametrize("prompt", ["The CEO of Twitter is", " the  CEO of TWITTER is…", "who runs twitter"])
def test_any_key_in_any_spelling_is_exact(memory: EditMemory, prompt: str) -> None:
    memory.add(TWITTER)
    (seen,) = candidates(memory, prompt)
    assert (seen.is_exact, seen.mention.share) == (True, 1.0)
    assert seen.similarity == pytest.approx(1, abs=1e-6)


def test_an_exclusion_is_no_key(memory: EditMemory) -> None:
    memory.add(TWITTER)
    (seen,) = candidates(memory, "Who founded Twitter?")
    assert not seen.is_exact
    assert seen.exclusion_similarity == pytest.approx(1, abs=1e-6)


def test_a_prompt_of_several_sentences_is_as_similar_as_its_last_one(memory: EditMemory) -> None:
    memory.add(TWITTER)
    told = "I have read a great deal about companies lately. Tell me this. "
    for last in ("Who runs Twitter?", "Who founded Twitter?"):
        (seen,) = candidates(memory, told + last)
        (alone,) = candidates(memory, last)
        assert not seen.is_exact
        assert seen.similarity == pytest.approx(alone.similarity, abs=1e-6)
        assert seen.exclusion_similarity == pytest.approx(alone.exclusion_similarity, abs=1e-6)
        assert seen.masked_fact == alone.masked_fact
        assert seen.mention.masked == told + alone.mention.masked


def test_it_is_also_looked_for_as_a_whole(memory: EditMemory) -> None:
    memory.add(TWITTER)
    prompt = "The CEO of Twitter is new. So who is it?"
    (seen,) = candidates(memory, prompt)
    assert seen.similarity == pytest.approx(similarity(prompt, "The CEO of Twitter is"), abs=1e-6)


def test_what_the_last_sentence_is_near_is_found_behind_any_crowd(memory: EditMemory) -> None:
    crowd = [Edit(f"tell them all about number {number}", "much") for number in range(30)]
    hidden = Edit("it is red", "yes")
    memory.add_many([hidden, *crowd])
    told = "tell them all about number 7 and tell them all about number 8"
    assert hidden not in [seen.edit for seen in candidates(memory, told)]
    found = candidates(memory, f"{told}. Is it red?")
    assert hidden in [seen.edit for seen in found]
    assert len(found) <= 2 * NEAREST


def test_without_subject_and_exclusions_nothing_is_made_up(memory: EditMemory) -> None:
    memory.add(Edit("it is red", "yes"))
    (seen,) = candidates(memory, "it is blue")
    assert seen.mention == Mention("it is blue", 0.0)
    assert (seen.masked_fact, seen.exclusion_similarity) == ("it is red yes", -1.0)


def test_an_exact_prompt_is_found_behind_any_number_of_nearer_keys(memory: EditMemory) -> None:
    # To the fake encoder the order of words does not count, so these are all as near as the prompt itself.
    words = "red green blue black".split()
    orders = [f"{a} {b} {c} {d}" for a in words for b in words for c in words for d in words if len({a, b, c, d}) == 4]
    edits = [Edit(order, "yes") for order in orders]
    assert len(edits) == 24
    memory.add_many(edits)
    for edit in edits:
        found = candidates(memory, edit.prompt.upper())
        assert [seen.edit for seen in found if seen.is_exact] == [edit]
        assert len(found) in (NEAREST, NEAREST + 1)


def test_a_mention_is_found_however_far_the_prompt_is(memory: EditMemory) -> None:
    crowd = [Edit(f"what do they say about number {number} these days", "much") for number in range(30)]
    memory.add_many([TWITTER, *crowd], on_conflict=OnConflict.KEEP_BOTH)
    prompt = "what do they say about number 7 these days, as Twitter has it"
    found = candidates(memory, prompt)
    (seen,) = [seen for seen in found if seen.edit == TWITTER]
    assert (seen.mention.share, seen.is_exact) == (1.0, False)
    assert len(found) == NEAREST + 1
    assert TWITTER not in [seen.edit for seen in candidates(memory, prompt.replace("Twitter", "Reddit"))]


@pytest.mark.parametrize(
    ("subject", "prompt"),
    [
        ("日本", "日本の首都はどこですか"),
        ("ประเทศไทย", "เมืองหลวงของประเทศไทยคือ"),
        ("فرنسا", "ما هي عاصمة فرنسا؟"),
        ("कला", "कला क्या है"),
    ],
)
def test_a_mention_is_found_in_any_script(memory: EditMemory, subject: str, prompt: str) -> None:
    memory.add(Edit("an edit with quite another wording", "yes", subject=subject))
    (seen,) = candidates(memory, prompt)
    assert seen.mention.share == 1.0


def test_no_more_are_taken_by_mention_than_agreed(memory: EditMemory) -> None:
    edits = [Edit(f"{word} {number}", "yes", subject="Twitter") for number in range(50) for word in ("odd", "even")]
    memory.add_many(edits)
    words = " ".join(f"w{number}" for number in range(200))
    assert ABOUT == 64
    assert ABOUT <= len(candidates(memory, f"{words} Twitter {words[:50]}")) <= ABOUT + NEAREST


def test_the_most_similar_comes_first_and_of_equals_the_earlier(memory: EditMemory) -> None:
    same = [Edit("red green", "yes"), Edit("green red", "yes")]
    memory.add_many([Edit("red blue green", "yes"), *same])
    found = candidates(memory, "green, red!")
    assert [seen.edit for seen in found][:2] == same
    assert [seen.similarity for seen in found] == sorted((seen.similarity for seen in found), reverse=True)


def test_expired_removed_and_foreign_edits_are_none(memory: EditMemory, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    expired = Edit("The CEO of Twitter is", "Elon", valid_until=now - timedelta(seconds=1))
    lasting = Edit("The CEO of Reddit is", "Steve", valid_until=now + timedelta(hours=1))
    removed = Edit("The capital of France is", "Lyon")
    memory.add_many([expired, lasting, removed])
    memory.store.remove([removed.id])
    with open_memory(tmp_path / "memory.db", namespace="other") as other:
        other.add(TWITTER)
    for prompt in (expired.prompt, removed.prompt, "Who runs Twitter?"):
        assert [seen.edit for seen in candidates(memory, prompt)] == [lasting]


def test_an_empty_memory_asks_no_encoder(memory: EditMemory, encoder: FakeEncoder) -> None:
    assert find_candidates(memory, ["a", "b"]) == [[], []]
    assert encoder.encoded == []
    memory.add(TWITTER)
    memory.store.remove([TWITTER.id])
    encoder.encoded.clear()
    assert find_candidates(memory, ["a", "b"]) == [[], []]
    assert encoder.encoded == []


def test_no_prompts_have_no_candidates(memory: EditMemory) -> None:
    memory.add(TWITTER)
    assert find_candidates(memory, []) == []


def test_of_a_huge_prompt_the_end_is_read(memory: EditMemory) -> None:
    memory.add(TWITTER)
    (seen,) = candidates(memory, "Elon and " * 1_000_000 + "Twitter")
    assert (seen.mention.share, len(seen.mention.masked)) == (1.0, READ_CHARACTERS - len("Twitter") + len(MASK))
    (unseen,) = candidates(memory, "Twitter" + " and Elon" * 1_000_000)
    assert unseen.mention.share == 0.0


def test_an_edit_of_the_longest_texts_is_found_by_each_of_them(memory: EditMemory) -> None:
    longest = f"{'long ' * ((MAX_CHARACTERS - 20) // 5)}Who runs Twitter?"
    memory.add(Edit(longest, "Linda"))
    (seen,) = candidates(memory, longest.upper())
    assert seen.is_exact


def test_many_candidates_of_a_long_prompt_take_no_time(memory: EditMemory) -> None:
    crowd = [Edit(f"wording {number} of it", "yes", subject="Bank of American Words") for number in range(64)]
    memory.add_many(crowd, on_conflict=OnConflict.KEEP_BOTH)
    prompt = f"{'some words of a long prompt about many things ' * 340} Bank of American Words"
    start = time.perf_counter()
    assert ABOUT <= len(candidates(memory, prompt)) <= ABOUT + NEAREST
    assert time.perf_counter() - start < 2


def test_a_prompt_that_asks_whether_a_claim_is_true_is_looked_for_by_the_claim(memory: EditMemory) -> None:
    memory.add(Edit("Ada Lovelace wrote programs."))
    (claim,) = candidates(memory, "Ada Lovelace wrote poems.")
    assert candidates(memory, "Is the following claim true? Ada Lovelace wrote poems.") == [claim]
    (exact,) = candidates(memory, "Ada Lovelace wrote programs. True or false?")
    assert exact.is_exact


def test_an_edit_of_such_a_question_is_found_by_it(memory: EditMemory) -> None:
    asked = "Is it true that Ada Lovelace wrote programs?"
    memory.add(Edit(asked, "Yes"))
    (seen,) = candidates(memory, asked)
    assert seen.is_exact
