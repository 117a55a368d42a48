"""Texts and names are changed at random within what their changes promise, alike for the same seed."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_editor.scope.mention import find_mention
from memory_editor.scope.training.wording import alias, claimed_anew, denied, longer, lowered, restyled, reworded

SENTENCES = ("Rain fell.", "Nobody knew why.")
NAMES = ("Ada Lovelace", "Oslo")
SEEDS = st.integers(0, 10_000)
NAME = st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=4).map(" ".join)


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("Who runs Twitter?", "who runs Twitter?"),
        ("NASA was founded in", "NASA was founded in"),
        ("I am", "I am"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_within_a_sentence_the_first_letter_is_small(text: str, within: str) -> None:
    assert lowered(text) == within


@given(SEEDS, st.sampled_from(["Who runs Twitter?", "The CEO of Twitter is", "It is so."]))
def test_a_style_changes_marks_case_and_what_stands_before(seed: int, prompt: str) -> None:
    styled = restyled(prompt, SENTENCES, Random(seed))
    for sentence in SENTENCES:
        styled = styled.removeprefix(f"{sentence} ")
    assert styled.lower().rstrip("?.") == prompt.lower().rstrip("?.")
    assert styled == restyled(prompt, (), NoSentence(seed))


class NoSentence(Random):
    """Draws what a style of the same seed draws, but never a sentence."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.drawn = 0

    def random(self) -> float:
        self.drawn += 1
        return super().random() if self.drawn == 1 else 1.0


def test_most_prompts_stay_as_they_are() -> None:
    rng = Random(0)
    styles = [restyled("Who runs Twitter?", SENTENCES, rng) for _ in range(2_000)]
    assert 0.68 < styles.count("Who runs Twitter?") / 2_000 < 0.76
    assert 0.05 < sum(styled.startswith(SENTENCES) for styled in styles) / 2_000 < 0.11
    assert {styled for styled in styles if not styled.startswith(SENTENCES)} == {
        "Who runs Twitter?",
        "Who runs Twitter",
        "who runs twitter",
    }


@given(NAME, SEEDS)
def test_an_alias_says_no_more_words_than_the_name(name: str, seed: int) -> None:
    other = alias(name, Random(seed))
    assert other
    assert len(other.split()) <= len(name.split())
    assert other == alias(name, Random(seed))


def test_aliases_are_shortened_misspelt_or_inflected() -> None:
    rng = Random(0)
    aliases = {alias("Ada King Lovelace", rng) for _ in range(500)}
    assert {"Lovelace", "Ada King", "Ada Lovelace", "ada king lovelace", "Ada King Lovelaces"} <= aliases
    misspelt = {other for other in aliases if other.startswith("Ada King L") and other != "Ada King Lovelace"}
    assert {len(other) for other in misspelt} == {16, 17, 18}


def test_most_aliases_are_still_found() -> None:
    rng = Random(0)
    prompts = [f"Where did {alias('Ada Lovelace', rng)} live?" for _ in range(300)]
    assert sum("[MASK]" in find_mention(prompt, "Ada Lovelace").masked for prompt in prompts) > 280


@given(NAME, SEEDS)
def test_a_longer_name_has_the_name_in_it(name: str, seed: int) -> None:
    assert name in longer(name, Random(seed))
    assert len(longer(name, Random(seed))) > len(name)


@pytest.mark.parametrize(
    ("statement", "denial"),
    [
        ("Ada is a poet", "Ada is not a poet"),
        ("It was what it was", "It was not what it was"),
        ("Ada has a dog", "Ada does not have a dog"),
        ("Ada wrote", "it is not the case that Ada wrote"),
    ],
)
def test_a_denial_says_that_it_is_not_so(statement: str, denial: str) -> None:
    assert denied(statement) == denial


def test_other_words_mean_the_same_and_keep_their_marks() -> None:
    rng = Random(0)
    texts = {reworded("The film, which is not long, began in Oslo.", rng) for _ in range(200)}
    assert "The movie, which isn't long, commenced in Oslo." in texts
    assert all(text.startswith("The ") and text.endswith(" in Oslo.") and ", which" in text for text in texts)
    assert reworded("Ada met Carl", rng) == "Ada met Carl"


CLAIM = "Ada Lovelace was a writer of Oslo who in 1842 released several large notes on it."


def test_a_claim_is_made_anew_in_every_way() -> None:
    rng = Random(0)
    claims = {claimed_anew(CLAIM, "Ada Lovelace", NAMES, rng) for _ in range(600)}
    assert CLAIM.replace("was", "was not", 1) in claims
    assert CLAIM.replace("1842", "1845") not in claims
    assert CLAIM.replace("1842", "1843") in claims
    assert CLAIM.replace("Oslo", "Ada") in claims
    assert any(claim.startswith("She ") for claim in claims)
    assert any(claim.startswith("Lovelace ") for claim in claims)
    assert any(len(claim.split()) == 7 for claim in claims)
    assert all(claim.endswith(".") for claim in claims)


@given(SEEDS, st.text(max_size=80), st.text(max_size=9))
def test_any_text_can_be_claimed_anew(seed: int, text: str, subject: str) -> None:
    subject = subject.strip() or "it"
    assert claimed_anew(text, subject, NAMES, Random(seed)) == claimed_anew(text, subject, NAMES, Random(seed))
