"""What of a text speaks of a subject, in any spelling and script, and how much of the subject it names."""

import time
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from memory_editor.scope.mention import MASK, Mention, find_mention
from memory_editor.text import STOP_WORDS, mentions, word_spans, words

ANY = st.text(st.characters(), max_size=40)
NAMES = (
    "Ada Lovelace Bank of America the 11 Ångström ﬁne O'Neill 日本 한국 ไทย فرنسا İzmir Duran ß\u0301 Cafe\u0301 - , 's"
).split(" ")
NAMED = st.lists(st.sampled_from(NAMES) | ANY, max_size=6).map(" ".join)


def masked(text: str, subject: str | None) -> tuple[str, float]:
    mention = find_mention(text, subject)
    return mention.masked, mention.share


@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        ("Who runs Twitter?", "Twitter", "Who runs [MASK]?"),
        ("who runs TWITTER", "Twitter", "who runs [MASK]"),
        ("Twitter's CEO", "Twitter", "[MASK]'s CEO"),
        ("Twitter", "twitter", "[MASK]"),
        ("Twitter, Inc. sues", "Twitter Inc.", "[MASK]. sues"),
        ("As to Twitter: who runs Twitter?", "Twitter", "As to [MASK]: who runs [MASK]?"),
        ("Who leads the Bank of America now?", "Bank of America", "Who leads the [MASK] now?"),
        ("Where was O’Neill born?", "O'Neill", "Where was [MASK] born?"),
        ("Who are The Who?", "The Who", "Who are [MASK]?"),
        ("Ｔｗｉｔｔｅｒ is ①", "Twitter", "[MASK] is 1"),
        ("Where is Cafe\u0301 Noir?", "CAFÉ noir", "Where is [MASK]?"),
        ("日本の首都は", "日本", "[MASK]の首都は"),
        ("한국의 수도는", "한국", "[MASK]의 수도는"),
        ("เมืองหลวงของประเทศไทยคือ", "ประเทศไทย", "เมืองหลวงของ[MASK]คือ"),
        ("ما هي عاصمة فرنسا؟", "فرنسا", "ما هي عاصمة [MASK]؟"),
        ("कला क्या है", "कला", "[MASK] क्या है"),
        ("Duran Duran and Duran Duran", "Duran Duran", "[MASK] and [MASK]"),
    ],
)
def test_the_whole_subject_is_masked_wherever_it_stands(text: str, subject: str, expected: str) -> None:
    assert masked(text, subject) == (expected, 1.0)


@pytest.mark.parametrize(
    ("text", "subject", "expected", "share"),
    [
        ("Where was Lovelace born?", "Ada Lovelace", "Where was [MASK] born?", 1 / 2),
        ("Lovelace wrote to Lovelace", "Ada Lovelace", "[MASK] wrote to [MASK]", 1 / 2),
        ("Who leads America?", "Bank of America", "Who leads [MASK]?", 1 / 2),
        ("Who is Maria Sklodowska?", "Maria Salomea Sklodowska", "Who is [MASK]?", 2 / 3),
        ("Who is Luis Ruiz?", "Pablo Luis Picasso", "Who is [MASK] Ruiz?", 1 / 3),
        ("Twitter was sued", "The Twitter", "[MASK] was sued", 0.99),
        ("Is it America's bank?", "Bank of America", "Is it [MASK]?", 0.99),
        ("Is it America's big bank?", "Bank of America", "Is it [MASK]'s big [MASK]?", 0.99),
        ("the bank of the America we know", "Bank of America", "the [MASK] we know", 0.99),
        ("Lovelace, Ada", "Ada Lovelace", "[MASK]", 0.99),
        ("Apollo 12 landed", "Apollo 11", "[MASK] 12 landed", 1 / 2),
    ],
)
def test_words_of_the_subject_are_a_part_of_it(text: str, subject: str, expected: str, share: float) -> None:
    assert masked(text, subject) == (expected, share)


@pytest.mark.parametrize(
    ("text", "subject", "expected", "share"),
    [
        ("Who is Linda Yacarino?", "Linda Yaccarino", "Who is [MASK]?", 0.99),
        ("How old are the Yaccarinos?", "Linda Yaccarino", "How old are the [MASK]?", 1 / 2),
        ("Twiter's CEO", "Twitter", "[MASK]'s CEO", 0.99),
        ("Who runs Twitterrific?", "Twitter", "Who runs Twitterrific?", 0.0),
        ("Who is Anna?", "Ana", "Who is Anna?", 0.0),
        ("Who is Saul?", "Paul", "Who is Saul?", 0.0),
    ],
)
def test_single_letters_may_differ_in_words_of_four(text: str, subject: str, expected: str, share: float) -> None:
    assert masked(text, subject) == (expected, share)


@pytest.mark.parametrize(
    ("text", "subject", "share"),
    [
        ("Who is it?", "Ada Lovelace", 0.0),
        ("Who is it, and of what?", "Bank of America", 0.0),
        ("Who is it?", "The Who", 0.0),
        ("Who is Ada?", "Countess Ada King Lovelace", 0.25),
        ("日の本", "日本国語大辞典", 2 / 7),
        ("Who is it?", None, 0.0),
        ("Who is it?", "🎉", 0.0),
        ("🎉", "Twitter", 0.0),
        ("", "Twitter", 0.0),
    ],
)
def test_less_than_three_tenths_of_a_subject_is_no_mention(text: str, subject: str | None, share: float) -> None:
    assert find_mention(text, subject) == Mention(text, share)


@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        ("Where is New York City?", "York", True),
        ("York City is", "York", True),
        ("The York-Antwerp rules", "York", True),
        ("Where did Apollo 12 land?", "Apollo 11", True),
        ("Where is Paris?", "Paris", False),
        ("Is Paris in France?", "Paris", False),
        ("Is it Paris, France?", "Paris", False),
        ("In Paris, Ada lived", "Paris", False),
        ("Is Paris the capital of Peru?", "Paris", False),
        ("is Lyon where Élan is", "Lyon", False),
        ("where Lyon Élan is", "Lyon", True),
        ("日本 X", "日本", True),
    ],
)
def test_a_capital_right_beside_makes_a_longer_name(text: str, subject: str, expected: bool) -> None:
    assert bool(find_mention(text, subject).beside) is expected


def test_a_word_that_opens_the_text_says_nothing_by_its_capital() -> None:
    assert find_mention("Did Ada speak?", "Ada").beside == frozenset()
    assert find_mention("So did Countess Ada speak?", "Ada").beside == {"countess"}


@pytest.mark.parametrize(("text", "subject"), [("Duran Duran Duran sang", "Duran Duran"), ("ナナナ", "ナナ")])
def test_mentions_that_overlap_are_masked_once(text: str, subject: str) -> None:
    mention = find_mention(text, subject)
    assert (mention.masked.count(MASK), mention.share) == (1, 1.0)


@settings(max_examples=300, deadline=None)
@given(NAMED, NAMED | st.none())
@example("ß\u0301 is", "ss\u0301")
@example("a \udce9", "\udce9")
def test_any_text_has_a_share_of_any_subject(text: str, subject: str | None) -> None:
    composed = unicodedata.normalize("NFKC", text)
    mention = find_mention(text, subject)
    assert 0 <= mention.share <= 1
    assert (mention.share == 1) == mentions(text, subject or "")
    if mention.share < 0.3:
        assert mention == Mention(composed, mention.share)
    else:
        assert mention.masked.count(MASK) > composed.count(MASK)


@settings(max_examples=300, deadline=None)
@given(st.lists(NAMED, max_size=2), NAMED.filter(words), st.lists(NAMED, max_size=2))
@example(["The CEO of"], "Twitter, Inc.", ["is"])
def test_the_masked_text_with_the_subject_put_back_is_the_text(
    before: list[str], subject: str, after: list[str]
) -> None:
    composed = unicodedata.normalize("NFKC", subject)
    spans = word_spans(composed)
    text = unicodedata.normalize("NFKC", " ".join([*before, composed, *after]))
    size, said = len(spans), words(text)
    places = [place for place in range(len(said)) if said[place : place + size] == words(subject)]
    assume(len(places) == 1 and MASK not in text)
    mention = find_mention(text, subject)
    assert mention.masked.count(MASK) == 1
    assert mention.masked.replace(MASK, composed[spans[0][1] : spans[-1][2]]) == text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(sorted(STOP_WORDS)), min_size=1, max_size=8), NAMED.filter(words))
def test_function_words_alone_are_no_part_of_a_subject(said: list[str], subject: str) -> None:
    assert find_mention(" ".join(said), subject).share in (0, 1)


def test_the_longest_prompt_that_is_read_takes_no_time() -> None:
    text = ("some words of a long prompt about many things " * 350)[:16_000]
    start = time.perf_counter()
    find_mention(text, "The Bank of some American Words")
    assert time.perf_counter() - start < 0.2
