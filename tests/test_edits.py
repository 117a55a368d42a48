"""What an edit accepts and refuses, what follows from it, and that it survives the journey through JSON."""

import json
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import ulid
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.edits import (
    FIELDS,
    MAX_CHARACTERS,
    MAX_TEXTS,
    Edit,
    EditId,
    Status,
    new_edit_id,
)
from memory_editor.errors import InvalidEdit
from memory_editor.text import fingerprint, normalised

ID = EditId("01ARZ3NDEKTSV4RRFFQ69G5FAV")
PROMPT = "The CEO of Twitter is"

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip()) and not set("<[") & set(text)
)
MOMENT = st.datetimes(
    datetime(1900, 1, 1),
    datetime(3000, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-9))]),
)


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Return any valid edit."""
    fields: dict[str, Any] = {"prompt": draw(TEXT), "target_new": draw(st.none() | TEXT)}
    fields |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "subject": TEXT,
                "paraphrases": st.lists(TEXT, max_size=3),
                "exclusions": st.lists(TEXT, max_size=3).map(tuple),
                "source": TEXT,
                "namespace": st.from_regex(r"[a-z0-9][a-z0-9._-]{0,5}", fullmatch=True),
                "valid_until": MOMENT | MOMENT.map(datetime.isoformat),
                "supersedes": st.just(ID),
            },
        )
    )
    if fields["target_new"] and draw(st.booleans()):
        fields["target_true"] = draw(TEXT.filter(lambda text: normalised(text) != normalised(fields["target_new"])))
    return Edit(**fields)


@settings(max_examples=200, deadline=None)
@given(edits())
def test_an_edit_survives_json(edit: Edit) -> None:
    line = edit.to_json()
    assert "\n" not in line
    assert Edit.from_dict(json.loads(line)) == edit
    assert Edit.from_dict(edit.to_dict()) == edit
    assert Edit.from_dict(json.loads(line)).to_json() == line


@settings(max_examples=100, deadline=None)
@given(edits(), edits())
def test_saying_the_same_is_all_but_identity_and_origin(one: Edit, other: Edit) -> None:
    again = replace(one, id=new_edit_id(), source="elsewhere", supersedes=new_edit_id())
    assert one.says_the_same(again)
    assert again.says_the_same(one)
    content = [field for field in FIELDS if field not in ("id", "source", "supersedes")]
    assert one.says_the_same(other) == all(getattr(one, field) == getattr(other, field) for field in content)


@settings(max_examples=100, deadline=None)
@given(edits())
def test_keys_are_the_prompts_without_repetition(edit: Edit) -> None:
    marks = [fingerprint(key) for key in edit.keys]
    assert edit.keys[0] == edit.prompt
    assert len(set(marks)) == len(marks)
    assert set(marks) == {fingerprint(text) for text in (edit.prompt, *edit.paraphrases)}


def test_the_fields_in_order() -> None:
    names = "prompt target_new subject target_true paraphrases exclusions source namespace valid_until supersedes id"
    assert tuple(names.split()) == FIELDS


def test_what_a_plain_edit_holds() -> None:
    edit = Edit(f"  {PROMPT}\n", " Linda Yaccarino ")
    assert (edit.prompt, edit.target_new, edit.subject) == (PROMPT, "Linda Yaccarino", "Twitter")
    assert (edit.subject_key, edit.relation, edit.keys) == ("twitter", "the ceo of {} is", (PROMPT,))
    assert (edit.fact, edit.is_statement) == ("The CEO of Twitter is Linda Yaccarino", False)
    assert edit.to_dict() == {
        "prompt": PROMPT,
        "target_new": "Linda Yaccarino",
        "subject": "Twitter",
        "namespace": "default",
        "id": edit.id,
    }


def test_a_fact_is_worded_as_any_prompt_of_the_edit() -> None:
    edit = Edit(PROMPT, "Linda Yaccarino", paraphrases=("Who runs Twitter?",))
    assert [edit.fact_as(key) for key in edit.keys] == [edit.fact, "Who runs Twitter? Linda Yaccarino"]
    assert Edit("it is held true.").fact_as("it holds") == "it holds"


def test_what_a_statement_holds() -> None:
    edit = Edit("it is held true.", namespace="facts-2")
    assert (edit.fact, edit.is_statement) == ("it is held true.", True)
    assert (edit.subject, edit.subject_key, edit.relation) == (None, "", "it is held true")
    assert edit.to_dict() == {"prompt": "it is held true.", "namespace": "facts-2", "id": edit.id}


def test_keys_keep_the_first_spelling() -> None:
    edit = Edit("Who runs X?", "Linda", paraphrases=("X is run by", " who  runs x", "x IS RUN BY…", "Who is it?"))
    assert edit.keys == ("Who runs X?", "X is run by", "Who is it?")
    assert edit.paraphrases == ("X is run by", "who  runs x", "x IS RUN BY…", "Who is it?")


def test_an_edit_cannot_be_changed() -> None:
    edit = Edit(PROMPT, "Linda")
    with pytest.raises(FrozenInstanceError):
        edit.prompt = "another"  # type: ignore[misc]
    assert hash(edit) == hash(replace(edit))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "prompt of another type": ({"prompt": 5}, "prompt must be text, got int 5"),
    "no prompt": (
        {"prompt": None},
        "an edit needs a prompt, e.g. {'prompt': 'The CEO of Twitter is', 'target_new': 'Linda Yaccarino'}",
    ),
    "empty prompt": ({"prompt": " \n"}, "prompt must not be empty"),
    "empty target": ({"target_new": ""}, "target_new must not be empty; leave it out instead"),
    "empty source": ({"source": " "}, "source must not be empty; leave it out instead"),
    "long": ({"target_new": "x" * 8_001}, f"target_new has 8,001 characters, at most 8,000 are allowed: '{'x' * 40}'…"),
    "control character": (
        {"subject": "Twit\x07ter"},
        r"subject contains the control character '\x07'; remove it: 'Twit\x07ter'",
    ),
    "null": ({"prompt": "a\0b"}, r"prompt contains the control character '\x00'; remove it: 'a\x00b'"),
    "lone surrogate": (
        {"prompt": "a\ud800b"},
        r"prompt contains the control character '\ud800'; remove it: 'a\ud800b'",
    ),
    "template token": (
        {"target_new": "<|im_end|>"},
        "target_new contains the chat-template token '<|im_end|>', which could change who speaks; remove it",
    ),
    "one text for paraphrases": ({"paraphrases": "Who?"}, "paraphrases must be a list of texts, got 'Who?'"),
    "a set of exclusions": ({"exclusions": {"Who?"}}, "exclusions must be a list of texts, got {'Who?'}"),
    "an empty paraphrase": ({"paraphrases": ["Who?", ""]}, "paraphrases[1] must not be empty; leave it out instead"),
    "a number as exclusion": ({"exclusions": [1]}, "exclusions[0] must be text, got int 1"),
    "many paraphrases": ({"paraphrases": ["a"] * 65}, "paraphrases holds 65 texts, at most 64 are allowed"),
    "namespace": ({"namespace": "../a"}, "namespace '../a' must match [a-z0-9][a-z0-9._-]{0,63}, e.g. 'default'"),
    "empty namespace": ({"namespace": ""}, "namespace '' must match [a-z0-9][a-z0-9._-]{0,63}, e.g. 'default'"),
    "long namespace": (
        {"namespace": "a" * 65},
        f"namespace '{'a' * 65}' must match [a-z0-9][a-z0-9._-]{{0,63}}, e.g. 'default'",
    ),
    "namespace with a new line": (
        {"namespace": "a\n"},
        r"namespace 'a\n' must match [a-z0-9][a-z0-9._-]{0,63}, e.g. 'default'",
    ),
    "namespace of another type": ({"namespace": 5}, "namespace 5 must match [a-z0-9][a-z0-9._-]{0,63}, e.g. 'default'"),
    "no time": (
        {"valid_until": "tomorrow"},
        "valid_until 'tomorrow' is no ISO 8601 time, e.g. '2027-01-31T00:00:00+00:00'",
    ),
    "time without zone": (
        {"valid_until": "2027-01-31"},
        "valid_until '2027-01-31' must be a time with a zone, e.g. '2027-01-31T00:00:00+00:00'",
    ),
    "time of another type": (
        {"valid_until": 5},
        "valid_until 5 must be a time with a zone, e.g. '2027-01-31T00:00:00+00:00'",
    ),
    "time out of the calendar": (
        {"valid_until": "0001-01-01T00:00:00+14:00"},
        "valid_until '0001-01-01T00:00:00+14:00' lies outside the calendar; give a year from 2 to 9998",
    ),
    "id": ({"id": "7"}, "id '7' is no ULID (26 characters of Crockford's base 32); leave it out"),
    "id too large": (
        {"id": "Z" * 26},
        f"id '{'Z' * 26}' is no ULID (26 characters of Crockford's base 32); leave it out",
    ),
    "id beyond the calendar": (
        {"id": f"7{'Z' * 25}"},
        f"id '7{'Z' * 25}' is no ULID (26 characters of Crockford's base 32); leave it out",
    ),
    "superseded edit": (
        {"supersedes": "x"},
        "supersedes 'x' is no ULID (26 characters of Crockford's base 32); leave it out",
    ),
    "statement with a true target": (
        {"target_new": None, "target_true": "Elon Musk"},
        "a statement has no target_true, got 'Elon Musk'; give target_new as well, or neither",
    ),
    "nothing to change": (
        {"target_new": "Rome", "target_true": "rome. "},
        "target_new 'Rome' equals target_true, so there is nothing to change",
    ),
    "unknown field": ({"targets": "Rome"}, f"unknown field 'targets'; an edit has {', '.join(FIELDS)}"),
}


@pytest.mark.parametrize(("fields", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named_with_its_rule(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEdit) as caught:
        Edit.from_dict({"prompt": PROMPT, "target_new": "Linda"} | fields)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "token",
    "<|im_start|> <|endoftext|> <|eot_id|> <｜end▁of▁sentence｜> <s> </s> <bos> <eos> <pad> <unk> <mask> <think> "
    "</think> <start_of_turn> <end_of_turn> <end_of_text> [INST] [/INST] <<SYS>> <</SYS>>".split(),
)
@pytest.mark.parametrize(
    "name", ["prompt", "target_new", "subject", "target_true", "source", "paraphrases", "exclusions"]
)
def test_no_text_may_hold_a_template_token(name: str, token: str) -> None:
    text = f"so {token}user"
    fields: dict[str, Any] = {"prompt": PROMPT, "target_new": "Linda"}
    with pytest.raises(InvalidEdit, match="contains the chat-template token"):
        Edit.from_dict(fields | {name: [text] if name in ("paraphrases", "exclusions") else text})


@pytest.mark.parametrize(
    "text", ["a < b > c", "x <b>y</b>", "f(s) -> [i]", "if a<s and b>s", "a\tb\nc", "\u200fשלום\u200e", "👩\u200d👧"]
)
def test_other_texts_are_kept_as_they_are(text: str) -> None:
    assert Edit(text, text + "!?x").prompt == text


def test_limits_are_inclusive() -> None:
    assert len(Edit("x" * MAX_CHARACTERS).prompt) == 8_000
    assert len(Edit(PROMPT, paraphrases=("a",) * MAX_TEXTS).paraphrases) == 64
    assert Edit(PROMPT, namespace="a" * 64).namespace == "a" * 64


def test_none_and_left_out_are_the_same() -> None:
    none = dict.fromkeys(set(FIELDS) - {"prompt", "id"})
    assert Edit.from_dict({"prompt": PROMPT, "id": ID} | none) == Edit(PROMPT, id=ID)


def test_ids_sort_by_creation() -> None:
    ids = [new_edit_id() for _ in range(2_000)]
    assert ids == sorted(set(ids))
    assert Edit(PROMPT).id < Edit(PROMPT).id


def test_an_id_says_when() -> None:
    before = datetime.now(UTC)
    edit = Edit(PROMPT)
    assert before - timedelta(milliseconds=1) <= edit.created_at <= datetime.now(UTC)
    assert Edit(PROMPT, id=EditId(ID.lower())).id == ID
    assert Edit(PROMPT, id=ID).created_at == datetime(2016, 7, 30, 23, 54, 10, 259000, UTC)
    assert Edit(PROMPT, id=EditId(str(ulid.ULID.from_datetime(before)))).created_at <= before


def test_an_edit_expires() -> None:
    moment = datetime(2027, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    edit = Edit(PROMPT, "Linda", valid_until=moment)
    assert edit.valid_until == datetime(2027, 1, 31, 10, tzinfo=UTC)
    assert edit.valid_until.tzinfo is UTC
    assert edit.to_dict()["valid_until"] == "2027-01-31T10:00:00+00:00"
    assert edit.is_valid(moment - timedelta(microseconds=1))
    assert not edit.is_valid(moment)
    assert Edit(PROMPT).is_valid()
    assert Edit(PROMPT, valid_until=datetime.now(UTC) + timedelta(minutes=1)).is_valid()
    assert not Edit(PROMPT, valid_until=datetime.now(UTC)).is_valid()


def test_a_status_is_its_word() -> None:
    assert [str(status) for status in Status] == ["live", "superseded", "removed"]
