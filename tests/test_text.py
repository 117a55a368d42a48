"""Normal forms, words, subjects and relations, in every kind of script."""

import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memory_editor.text import (
    MAX_SUBJECT_WORDS,
    STOP_WORDS,
    TAIL_WORDS,
    claimed,
    fingerprint,
    infer_subject,
    last_mention,
    last_sentence,
    mentions,
    normalised,
    questions,
    relation,
    spans,
    subject_key,
    word_spans,
    words,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# Where folding and composing meet, and where words begin and end.
TRICKY = st.text(
    st.sampled_from(
        "aAßẞİıΐΰᾳᾴΑΊϔſﬁ①½ſ´¨\u0301\u0308\u0345\u0307 .?!…　،؟\u0e01\u0e31日한ال\u0651\u0915\u093f🎉\u200d'’-"
    )
)
ANY = TEXTS | TRICKY
PIECES = "The of “Rome” iPad U.S. İzmir ǅungla Élan é\u0301 “a b” Ωmega 3rd 's & 日本 -".split(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The CEO of Twitter is", "the ceo of twitter is"),
        ("  The  CEO\tof\nTwitter is … ", "the ceo of twitter is"),
        ("Who runs Twitter?!", "who runs twitter"),
        ("STRASSE straße", "strasse strasse"),
        ("ﬁne Ｔｗｉｔｔｅｒ ①", "fine twitter 1"),
        ("Cafe\u0301", "café"),
        ("日本の首都は？", "日本の首都は"),
        ("ما هي عاصمة فرنسا؟", "ما هي عاصمة فرنسا"),
        ("v1.0 is out.", "v1.0 is out"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    assert normalised(text) == expected


@settings(max_examples=300, deadline=None)
@given(ANY)
@example("ß\u0301")
@example("Ϊ\u0301")
@example("ᾳ\u0301")
def test_the_normal_form_is_its_own(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
    assert fingerprint(normalised(text)) == fingerprint(text)
    assert words(normalised(text)) == words(text)


@settings(max_examples=300, deadline=None)
@given(ANY, ANY)
def test_fingerprints_are_equal_where_normal_forms_are(one: str, other: str) -> None:
    assert len(fingerprint(one)) == 16
    assert (fingerprint(one) == fingerprint(other)) == (normalised(one) == normalised(other))


def test_a_fingerprint_never_changes() -> None:
    # Stores hold fingerprints: another one for the same text would lose every edit stored before.
    assert fingerprint("Who runs Twitter?").hex() == "a6a0a981819ecf1af6891618796eda3e"
    assert len(fingerprint("a lone surrogate \ud800")) == 16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who runs Twitter?", ["who", "runs", "twitter"]),
        ("O'Neill's AT&T, U.S.", ["o", "neill", "s", "at", "t", "u", "s"]),
        ("日本の首都", ["日", "本", "の", "首", "都"]),
        ("서울은 한국의", ["서", "울", "은", "한", "국", "의"]),
        ("กรุงเทพ", ["ก", "ร", "ุ", "ง", "เ", "ท", "พ"]),
        ("عاصمة فرنسا", ["عاصمة", "فرنسا"]),
        ("مُحَمَّد", ["مُحَمَّد"]),
        ("בִּירַת", ["בִּירַת"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("Cafe\u0301 q\u0323x", ["café", "q\u0323x"]),
        ("Twitterの本社 2022年", ["twitter", "の", "本", "社", "2022", "年"]),
        ("🎉 party 🎉", ["party"]),
        ("🎉?!", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who runs  TWITTER’s?", [("who", 0, 3), ("runs", 4, 8), ("twitter", 10, 17), ("s", 18, 19)]),
        ("日本のX", [("日", 0, 1), ("本", 1, 2), ("の", 2, 3), ("x", 3, 4)]),
        ("Straße, İzmir", [("strasse", 0, 6), ("i\u0307zmir", 8, 13)]),
        ("🎉?!", []),
    ],
)
def test_word_spans(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert list(word_spans(text)) == expected


@settings(max_examples=300, deadline=None)
@given(ANY)
@example("ß\u0301")
@example("Ϊ\u0301 x")
def test_word_spans_of_composed_text_are_its_words(text: str) -> None:
    composed = unicodedata.normalize("NFKC", text)
    found = word_spans(composed)
    assert [word for word, _, _ in found] == words(text)
    assert [words(composed[start:end]) for _, start, end in found] == [[word] for word, _, _ in found]
    ends = [0, *(place for _, start, end in found for place in (start, end)), len(composed)]
    assert ends == sorted(ends)


def test_stop_words_are_words_in_lower_case() -> None:
    assert {"of", "who", "the", "was", "van"} <= STOP_WORDS
    assert all(words(word) == [word] for word in STOP_WORDS)


@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        ("Who runs Twitter?", "twitter", True),
        ("Who runs TWITTER's board?", "Twitter", True),
        ("Who runs Twitter, Inc.?", "Twitter Inc", True),
        ("Who runs Twitterrific?", "Twitter", False),
        ("Inc. owns Twitter", "Twitter Inc", False),
        ("the capital of France", "the capital  of France", True),
        ("Where was O’Neill born?", "O'Neill", True),
        ("日本の首都は", "日本", True),
        ("日本の首都は", "本の首", True),
        ("日本の首都は", "東京", False),
        ("เมืองหลวงของประเทศไทยคือ", "ประเทศไทย", True),
        ("한국의 수도는", "한국", True),
        ("ما هي عاصمة فرنسا؟", "فرنسا", True),
        ("ما هي عاصمة فرنسا؟", "فرنس", False),
        ("कला क्या है", "कल", False),
        ("कला क्या है", "कला", True),
        ("İstanbul nerede?", "İSTANBUL", True),
        ("a 🎉 at home", "🎉", False),
        ("anything", "", False),
    ],
)
def test_mentions(text: str, subject: str, expected: bool) -> None:
    assert mentions(text, subject) is expected


@settings(max_examples=200, deadline=None)
@given(st.lists(TRICKY.filter(words), max_size=3), TRICKY.filter(words), st.lists(TRICKY.filter(words), max_size=3))
def test_a_text_that_has_the_subject_as_words_mentions_it(before: list[str], subject: str, after: list[str]) -> None:
    text = " ".join([*before, subject, *after])
    assert mentions(text, subject)
    if len(words(subject)) <= MAX_SUBJECT_WORDS and len(words(text)) <= TAIL_WORDS:
        assert subject_key(subject) in set(spans(text))


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_every_span_is_mentioned(text: str) -> None:
    assert all(mentions(text, span) and subject_key(span) == span for span in spans(text))


def test_spans_are_the_runs_of_words() -> None:
    assert list(spans("Who runs Twitter?")) == [
        "who",
        "who runs",
        "who runs twitter",
        "runs",
        "runs twitter",
        "twitter",
    ]
    assert list(spans("日本の")) == ["日", "日 本", "日 本 の", "本", "本 の", "の"]
    assert list(spans("🎉")) == []


def test_spans_are_bounded_in_length_and_to_the_end_of_the_text() -> None:
    text = " ".join(str(number) for number in range(200))
    found = list(spans(text))
    assert max(len(span.split()) for span in found) == MAX_SUBJECT_WORDS == 10
    assert found[0] == str(200 - TAIL_WORDS)
    assert found[-1] == "199"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I read a lot. Who runs Twitter?", "Who runs Twitter?"),
        ("Hello there!\n\nThe CEO of Twitter is ", "The CEO of Twitter is"),
        ('He said "No way." Who runs Twitter?', "Who runs Twitter?"),
        ("One? Two? Three four five", "Three four five"),
        ("東京は大きい。日本の首都は", "日本の首都は"),
        ("東京は大きい。日本の首都は？", "日本の首都は？"),
        ("Who runs Twitter?", None),
        ("Who runs Twitter? Thank you.", None),
        ("Who runs Twitter? \n", None),
        ("The CEO of Twitter, Inc. is", None),
        ("日本の首都は？", None),
        ("", None),
        ("?!", None),
    ],
)
def test_the_last_sentence_of_several_if_it_is_no_mere_word(text: str, expected: str | None) -> None:
    assert last_sentence(text) == expected


@settings(max_examples=300, deadline=None)
@given(ANY, st.lists(st.sampled_from(["one", "two", "日本"]), min_size=3, max_size=5).map(" ".join))
def test_a_sentence_of_three_words_is_found_whatever_stands_before_it(before: str, last: str) -> None:
    assert last_sentence(f"{before}x. {last}") == last
    found = last_sentence(before)
    assert found is None or (before.rstrip().endswith(found) and len(words(found)) >= 3)


@pytest.mark.parametrize(
    ("prompt", "subject", "expected"),
    [
        ("The CEO of Twitter is", "Twitter", "the ceo of {} is"),
        ("Twitter's CEO. Twitter?", "TWITTER", "{} s ceo twitter"),
        ("the capital of  FRANCE:", "France", "the capital of {}"),
        ("Who is it?", "Twitter", "who is it"),
        ("Who is it?", None, "who is it"),
        ("日本の首都は", "日本", "{} の 首 都 は"),
        ("Twitterrific is", "Twitter", "twitterrific is"),
        ("Twitter", "Twitter", "{}"),
    ],
)
def test_relation(prompt: str, subject: str | None, expected: str) -> None:
    assert relation(prompt, subject) == expected


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("The CEO of Twitter is", "Twitter"),
        ("Who runs Twitter?", "Twitter"),
        ("The mother tongue of Danielle Darrieux is", "Danielle Darrieux"),
        ("Danielle Darrieux's mother tongue is", "Danielle Darrieux"),
        ("What is the capital of the United States of America?", "United States of America"),
        ("Ludwig van Beethoven was born in", "Ludwig van Beethoven"),
        ("In 1990, Nelson Mandela was", "Nelson Mandela"),
        ("Is Paris the capital of France?", "France"),
        ("Apollo 11 landed on the Moon in", "Apollo 11"),
        ("Where was O’Neill born?", "O’Neill"),
        ("AT&T is headquartered in", "AT&T"),
        ("The inventor of the iPhone is", "iPhone"),
        ('Who wrote "The Old Man and the Sea" in Cuba?', "The Old Man and the Sea"),
        ("Wer schrieb « Faust » ?", "Faust"),
        ("José María Aznar spoke in", "José María Aznar"),
        ("Jose\u0301 was born in", "Jose\u0301"),
        ("Łódź is a city in", "Łódź"),
        ("łódź is a city in", None),
        ("столица страны Франция:", "Франция"),
        ("столица франции", None),
        ("Twitterの本社は", "Twitter"),
        ("日本の首都は", None),
        ("เมืองหลวงของไทยคือ", None),
        ("عاصمة فرنسا هي", None),
        ("हिन्दी भाषा", None),
        ("the quick brown fox", None),
        ("What is it?", None),
        ("🎉", None),
        ("", None),
    ],
)
def test_infer_subject(prompt: str, subject: str | None) -> None:
    assert infer_subject(prompt) == subject


@settings(max_examples=300, deadline=None)
@given(TEXTS | st.lists(st.sampled_from(PIECES) | TRICKY).map(" ".join))
def test_what_is_inferred_is_mentioned(text: str) -> None:
    # A spacing accent, for one, becomes part of the word after it only when the text is normalised.
    prompt = unicodedata.normalize("NFKC", text)
    subject = infer_subject(prompt)
    assert subject is None or not words(subject) or mentions(prompt, subject)
    assert subject != ""


@pytest.mark.parametrize("piece", ["“", '"', "«a ", "A", "A ", "A of the ", "a.", "1 & "])
def test_no_prompt_takes_long(piece: str) -> None:
    prompt = piece * (8_000 // len(piece))
    start = time.perf_counter()
    infer_subject(prompt)
    mentions(prompt, "Twitter")
    assert len(list(spans(prompt))) <= TAIL_WORDS * MAX_SUBJECT_WORDS
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Rome, and rome again, but not Romeo", "Rome", (10, 14)),
        ("Romeo came", "Rome", (0, 4)),
        ("日本の首都は", "首都", (3, 5)),
        ("C++ (a language)", " C++ ", (0, 3)),
        ("Paris", "Rome", None),
        ("Paris", " ", None),
    ],
)
def test_the_last_mention_is_of_whole_words_if_there_is_one(
    text: str, name: str, expected: tuple[int, int] | None
) -> None:
    assert last_mention(text, name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Is the following claim true? The sky is blue.", "The sky is blue."),
        ("Is it true that the sky is blue?", "the sky is blue"),
        ("true or false: The sky is blue", "The sky is blue"),
        ("The sky is blue. True or false?", "The sky is blue."),
        ("The sky is blue, right?", "The sky is blue"),
        ("Claim: The sky is blue.\nIs the above claim correct or not?", "The sky is blue."),
        ("The sky is blue. Yes or no?", "The sky is blue."),
        ("My uncle says that the sky is blue. Is he right?", "the sky is blue."),
        ("A label reads that the sky is blue. Was the label mistaken?", "the sky is blue."),
        ("According to my atlas, the sky is blue. Is the atlas accurate?", "the sky is blue."),
        ("A blog claims “the sky is blue.” Is that correct?", "the sky is blue."),
        ('"The sky is blue." Is the quoted sentence true?', "The sky is blue."),
        ("Ann wrote The Blue Sky. Is that so?", "Ann wrote The Blue Sky."),
        ("My uncle says that the sky is blue. Is he tall?", None),
        ("What colour is the sky?", None),
        ("Is it true?", None),
        ("Is the sky blue or not right?", None),
        ("Is it not true that the sky is blue?", None),
        ("Who said that it is true that the sky is blue?", None),
    ],
)
def test_a_text_that_asks_whether_a_claim_is_true_has_that_claim(text: str, expected: str | None) -> None:
    assert claimed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who runs Twitter? What is blue?", ["Who runs Twitter?", "What is blue?"]),
        ("Hello there. Who runs Twitter, and what is blue?", ["Who runs Twitter", "what is blue?"]),
        ("Who runs Twitter and in which city is it?", ["Who runs Twitter", "in which city is it?"]),
        ("Q: Who runs Twitter? A: Linda. Q: What is blue?", []),
        ("Who runs Twitter? Who runs Reddit? Tell me.", []),
        ("Who is Ann? " * 9, ["Who is Ann?"] * 4),
        ("Who runs Twitter?", []),
        ("Who runs Twitter and Reddit?", []),
        ("Ann and what she wrote.", []),
        ("Why? Who runs Twitter?", []),
        ("", []),
    ],
)
def test_the_questions_of_a_text_are_told_apart(text: str, expected: list[str]) -> None:
    assert questions(text) == expected


def test_a_claim_is_looked_for_in_no_time_in_a_long_text() -> None:
    text = f"The sky is blue.{chr(10) * 200_000}Is this true?"
    start = time.perf_counter()
    assert claimed(text) == "The sky is blue."
    assert claimed(f"a{chr(10) * 200_000}b") is None
    assert time.perf_counter() - start < 1
