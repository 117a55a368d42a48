import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.datasets.forms import Form, detect_form, edits_of
from memory_editor.edits import FIELDS, Edit
from memory_editor.errors import DataError, InvalidEdit

ASKED = "ASKED ONLY IN EVALUATION"
"""Stands in every field below that an evaluation asks, and so must be found in no edit."""

REWRITE = {
    "prompt": "The mother tongue of {} is",
    "relation_id": ASKED,
    "subject": "Danielle Darrieux",
    "target_new": {"str": "English", "id": ASKED},
    "target_true": {"str": "French", "id": ASKED},
    "question": ASKED,
}
FLAT = {"prompt": "Toko Yasuda, the", "subject": "Toko Yasuda", "target_new": "piano", "ground_truth": "guitar"}
DARRIEUX = {
    "prompt": "The mother tongue of Danielle Darrieux is",
    "target_new": "English",
    "subject": "Danielle Darrieux",
    "target_true": "French",
}
TOKO = {"prompt": "Toko Yasuda, the", "target_new": "piano", "subject": "Toko Yasuda", "target_true": "guitar"}

# form, a record as published, what its edits hold besides namespace and id
RECORDS: list[tuple[Form, dict[str, Any], list[dict[str, Any]]]] = [
    (
        Form.COUNTERFACT,
        {
            "case_id": 17,
            "pararel_idx": 4,
            "requested_rewrite": REWRITE,
            "paraphrase_prompts": [ASKED],
            "neighborhood_prompts": [ASKED],
            "attribute_prompts": [ASKED],
            "generation_prompts": [ASKED],
        },
        [DARRIEUX | {"source": "counterfact:17"}],
    ),
    (
        Form.COUNTERFACT,
        FLAT | {"case_id": 2, "rephrase_prompt": ASKED, "locality_prompt": ASKED, "locality_ground_truth": ASKED},
        [TOKO | {"source": "counterfact:2"}],
    ),
    (
        Form.KNOWEDIT,
        FLAT
        | {
            "ground_truth": ["guitar", "bass guitar"],
            "rephrase_prompt": ASKED,
            "cond": ASKED,
            "locality": {"Relation_Specificity": [{"prompt": ASKED, "ground_truth": [ASKED]}]},
            "portability": {"Reasoning": [{"prompt": ASKED, "ground_truth": ASKED}]},
        },
        [TOKO | {"source": "knowedit:7"}],
    ),
    (
        Form.WISE,
        {
            "prompt": "Climate change",
            "subject": "Climate change",
            "target_new": "is a pressing issue.",
            "ood_rephrase": ASKED,
            "locality_prompt": ASKED,
            "locality_ground_truth": ASKED,
        },
        [
            {
                "prompt": "Climate change",
                "target_new": "is a pressing issue.",
                "subject": "Climate change",
                "source": "wise:7",
            }
        ],
    ),
    (
        Form.ZSRE,
        {
            "subject": "UniFirst",
            "src": "What is the product made by UniFirst?",
            "pred": ASKED,
            "rephrase": ASKED,
            "alt": "unmanned aircraft",
            "answers": ["uniform"],
            "loc": ASKED,
            "loc_ans": ASKED,
            "cond": ASKED,
        },
        [
            {
                "prompt": "What is the product made by UniFirst?",
                "target_new": "unmanned aircraft",
                "subject": "UniFirst",
                "target_true": "uniform",
                "source": "zsre:7",
            }
        ],
    ),
    (
        Form.EREN,
        {
            "id": 3,
            "_id": ASKED,
            "edit_statement": "Danielle Darrieux's mother tongue is English.",
            "subject_name": "Danielle Darrieux",
            "edit_scope": [[ASKED, ASKED]],
            "edit_scope_true_ans": [ASKED],
            "unrelated": {"neighbor_subj": [ASKED], "same_subj": [ASKED]},
        },
        [
            {
                "prompt": "Danielle Darrieux's mother tongue is English.",
                "subject": "Danielle Darrieux",
                "source": "eren:3",
            }
        ],
    ),
    (
        Form.MQUAKE,
        {
            "case_id": 1,
            "requested_rewrite": [REWRITE, REWRITE | {"subject": "Michel Rocard"}],
            "questions": [ASKED],
            "answer": ASKED,
            "new_answer": ASKED,
            "new_answer_alias": [ASKED],
            "single_hops": [{"question": ASKED, "cloze": ASKED}],
            "new_single_hops": [{"question": ASKED, "cloze": ASKED}],
            "orig": {"new_triples_labeled": [[ASKED]]},
        },
        [
            DARRIEUX | {"source": "mquake:1"},
            DARRIEUX
            | {"prompt": "The mother tongue of Michel Rocard is", "subject": "Michel Rocard", "source": "mquake:1"},
        ],
    ),
    (
        Form.UNKE,
        {
            "id": 0,
            "question": "What is George Rankin's occupation?",
            "para_question": ASKED,
            "answer": "George Rankin is a politician. He has served for two terms.",
            "sub_question": [ASKED],
            "sub_answer": [ASKED],
        },
        [
            {
                "prompt": "What is George Rankin's occupation?",
                "target_new": "George Rankin is a politician. He has served for two terms.",
                "subject": "George Rankin",
                "source": "unke:0",
            }
        ],
    ),
]
OWN: dict[str, Any] = {"prompt": "The CEO of Twitter is", "target_new": "Linda Yaccarino"}


def read(record: dict[str, Any], form: Form, namespace: str = "default") -> list[Edit]:
    return list(edits_of(record, form, number=7, namespace=namespace))


def held(edit: Edit) -> dict[str, Any]:
    return {name: value for name, value in edit.to_dict().items() if name not in ("id", "namespace")}


@pytest.mark.parametrize(("form", "record", "expected"), RECORDS)
def test_a_record_gives_exactly_its_edits(form: Form, record: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    assert [held(edit) for edit in read(record, form)] == expected


@pytest.mark.parametrize(("form", "record", "expected"), RECORDS)
def test_the_form_shows_in_the_fields(form: Form, record: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    assert detect_form(record) is form


@pytest.mark.parametrize(("form", "record", "expected"), RECORDS)
def test_nothing_an_evaluation_asks_enters_an_edit(
    form: Form, record: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    assert ASKED in json.dumps(record)
    assert not any(ASKED in edit.to_json() for edit in read(record, form))


def test_the_records_above_show_every_form_but_our_own() -> None:
    assert {form for form, _, _ in RECORDS} == set(Form) - {Form.JSONL, Form.CSV}


@pytest.mark.parametrize("record", [{}, {"question": "who?", "answer": ["x"]}, {"subject": "x", "object": "y"}])
def test_fields_of_no_form_show_none(record: dict[str, Any]) -> None:
    assert detect_form(record) is None


def test_every_field_of_an_edit_is_read_back() -> None:
    edit = Edit(
        "The CEO of Twitter is",
        "Linda Yaccarino",
        target_true="Elon Musk",
        paraphrases=("Who runs Twitter?",),
        exclusions=("Who founded Twitter?",),
        source="news",
        namespace="work",
    )
    assert detect_form(edit.to_dict()) is Form.JSONL
    assert read(edit.to_dict(), Form.JSONL) == [edit]


@pytest.mark.parametrize("form", [Form.JSONL, Form.CSV])
def test_the_namespace_is_for_records_that_name_none(form: Form) -> None:
    named = [OWN, OWN | {"namespace": None}, OWN | {"namespace": "home"}]
    assert [read(record, form, "work")[0].namespace for record in named] == ["work", "work", "home"]


@pytest.mark.parametrize("form", [Form.JSONL, Form.CSV])
def test_a_record_of_our_own_form_gets_no_source(form: Form) -> None:
    assert read(OWN, form)[0].source is None


@pytest.mark.parametrize("unknown", [{"sorce": "news"}, {"sorce": None}, {"sorce": ""}])
@pytest.mark.parametrize("form", [Form.JSONL, Form.CSV])
def test_an_unknown_field_is_refused_set_or_not(form: Form, unknown: dict[str, Any]) -> None:
    with pytest.raises(InvalidEdit, match="unknown field 'sorce'"):
        read(OWN | unknown, form)


def test_csv_cells_are_text_lists_or_not_set() -> None:
    row = OWN | {"subject": "", "source": "news", "paraphrases": '["Who runs Twitter?", "X|Y"]', "exclusions": ""}
    (edit,) = read(row, Form.CSV)
    assert (edit.subject, edit.source) == ("Twitter", "news")
    assert (edit.paraphrases, edit.exclusions) == (("Who runs Twitter?", "X|Y"), ())


@pytest.mark.parametrize("cell", ["Who runs Twitter?|Who heads it?", "{}", "[" * 100_000, '["Who'])
def test_a_csv_list_must_be_json(cell: str) -> None:
    with pytest.raises(DataError, match="paraphrases must be a JSON list of texts"):
        read(OWN | {"paraphrases": cell}, Form.CSV)


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ("guitar", "guitar"),
        (["guitar", "bass"], "guitar"),
        (["", " ", "guitar"], "guitar"),
        ("Piano.", None),
        (["guitar", "piano"], None),
        ("", None),
        ([], None),
        (None, None),
    ],
)
def test_the_true_answer_is_the_first_unless_nothing_would_change(truth: object, expected: str | None) -> None:
    (edit,) = read(FLAT | {"ground_truth": truth}, Form.COUNTERFACT)
    assert (edit.target_new, edit.target_true) == ("piano", expected)


def test_a_missing_true_answer_is_none() -> None:
    (edit,) = read({"prompt": "Toko Yasuda, the", "target_new": "piano"}, Form.KNOWEDIT)
    assert edit.target_true is None


def test_braces_in_a_subject_are_text() -> None:
    (edit,) = read({"requested_rewrite": REWRITE | {"subject": "{0.__class__} {}"}}, Form.COUNTERFACT)
    assert edit.prompt == "The mother tongue of {0.__class__} {} is"


def test_zsre_without_another_answer_requests_no_edit() -> None:
    assert read({"src": "What gender is Jenna Carroll?", "alt": "", "answers": ["female"]}, Form.ZSRE) == []


@pytest.mark.parametrize(
    ("form", "record", "reason"),
    [
        (Form.ZSRE, {"src": "Who?"}, "field 'alt' is missing"),
        (Form.COUNTERFACT, FLAT | {"prompt": 5}, "prompt must be text, got int"),
        (Form.COUNTERFACT, FLAT | {"target_new": None}, "target_new must be text, got NoneType"),
        (
            Form.COUNTERFACT,
            FLAT | {"ground_truth": [["guitar"]]},
            "ground_truth must be text or a list of texts, got list",
        ),
        (Form.COUNTERFACT, {"requested_rewrite": [REWRITE]}, "requested_rewrite must be an object, got list"),
        (
            Form.COUNTERFACT,
            {"requested_rewrite": REWRITE | {"target_new": "x"}},
            "target_new must be an object, got str",
        ),
        (
            Form.COUNTERFACT,
            {"requested_rewrite": REWRITE | {"prompt": "{} and {}"}},
            "prompt '{} and {}' must hold {} once",
        ),
        (Form.MQUAKE, {"requested_rewrite": REWRITE}, "requested_rewrite must be a list, got dict"),
        (Form.MQUAKE, {"requested_rewrite": ["x"]}, "requested_rewrite must be an object, got str"),
        (Form.EREN, {"edit_statement": " "}, "prompt must not be empty"),
        (Form.JSONL, {"target_new": "x"}, "an edit needs a prompt"),
        (Form.JSONL, {"prompt": None}, "an edit needs a prompt"),
    ],
)
def test_a_malformed_record_is_refused_with_the_reason(form: Form, record: dict[str, Any], reason: str) -> None:
    with pytest.raises((DataError, InvalidEdit)) as caught:
        read(record, form)
    assert reason in str(caught.value)


SCALARS = st.sampled_from([None, True, 5, 0.5, "", " ", "x", "{}", "a\nb", "\ud800", "<s>", "[]", "2027-01-31"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["str", "prompt", "subject"]), inner),
    max_leaves=8,
)
NAMES = sorted({*FIELDS, *(name for _, record, _ in RECORDS for name in record)})


@settings(deadline=None)
@given(record=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8), form=st.sampled_from(Form))
def test_whatever_a_record_holds_it_is_read_or_refused_in_one_line(record: dict[str, Any], form: Form) -> None:
    cells = {name: value if isinstance(value, str) else json.dumps(value) for name, value in record.items()}
    reason = ""
    try:
        read(cells if form is Form.CSV else record, form)
    except (DataError, InvalidEdit) as error:
        reason = str(error)
    assert "\n" not in reason
