"""The forms in which files of edits come: which fields of a record make an edit; knows no files.

Each function below names every field it takes, and takes none that an evaluation asks: a rephrased prompt, a scope, a
locality or portability prompt stored with an edit would make its evaluation worthless.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from memory_editor.edits import FIELDS, Edit
from memory_editor.errors import DataError
from memory_editor.text import normalised

Fields = Mapping[str, Any]
T = TypeVar("T")


class Form(StrEnum):
    """What the records of a file look like."""

    JSONL = "jsonl"
    """The fields of `Edit`, one object a line."""
    CSV = "csv"
    """The fields of `Edit`, one column each; an empty cell is not set, paraphrases and exclusions are JSON lists."""
    COUNTERFACT = "counterfact"
    """CounterFact as published (`requested_rewrite`), or flat (`prompt`, `target_new`, `ground_truth`)."""
    KNOWEDIT = "knowedit"
    """KnowEdit: flat, with `locality` and `portability`."""
    WISE = "wise"
    """WISE: flat, with long targets, without a true answer."""
    ZSRE = "zsre"
    """zsRE as MEND has it (`src`, `alt`); an empty `alt`, where MEND found no other answer, requests no edit."""
    EREN = "eren"
    """CounterFact and FEVER as EREN has them: statements (`edit_statement`)."""
    MQUAKE = "mquake"
    """MQuAKE: every rewrite of a case (`requested_rewrite`) is one edit."""
    UNKE = "unke"
    """UnKE: a `question` and a paragraph that answers it."""


# The first whose fields a record has all.
_MARKS: Final = (
    (Form.MQUAKE, {"requested_rewrite", "questions"}),
    (Form.COUNTERFACT, {"requested_rewrite"}),
    (Form.ZSRE, {"src", "alt"}),
    (Form.EREN, {"edit_statement"}),
    (Form.UNKE, {"question", "para_question", "answer"}),
    (Form.KNOWEDIT, {"prompt", "target_new", "portability"}),
    (Form.KNOWEDIT, {"prompt", "target_new", "locality"}),
    (Form.COUNTERFACT, {"prompt", "target_new", "ground_truth"}),
    (Form.WISE, {"prompt", "target_new", "locality_prompt"}),
    (Form.JSONL, {"prompt"}),
)


def detect_form(record: Fields) -> Form | None:
    """Return the form that the fields of `record` show, or None."""
    return next((form for form, marks in _MARKS if marks <= record.keys()), None)


def edits_of(record: Fields, form: Form, *, number: int, namespace: str) -> Iterator[Edit]:
    """Yield the edits of one record, in `namespace` unless it names its own; `number` stands in for a missing case id.

    Raises `DataError` or `InvalidEdit` with the reason.
    """
    defaults = {"namespace": namespace}
    if form not in (Form.JSONL, Form.CSV):
        defaults["source"] = f"{form}:{record.get('case_id', record.get('id', number))}"
    for fields in _TAKEN[form](record):
        # An unknown field stays, set or not, for `from_dict` to refuse.
        given = {name: value for name, value in fields.items() if value is not None or name not in FIELDS}
        yield Edit.from_dict(defaults | given)


def _own(record: Fields) -> Iterator[Fields]:
    yield record


def _cells(record: Fields) -> Iterator[Fields]:
    lists = ("paraphrases", "exclusions")
    yield {name: _json_list(name, cell) if cell and name in lists else cell or None for name, cell in record.items()}


def _counterfact(record: Fields) -> Iterator[Fields]:
    if "requested_rewrite" in record:
        yield _rewrite(_field(record, "requested_rewrite", dict))
    else:
        yield from _flat(record)


def _mquake(record: Fields) -> Iterator[Fields]:
    for rewrite in _field(record, "requested_rewrite", list):
        yield _rewrite(_typed("requested_rewrite", rewrite, dict))


def _rewrite(rewrite: Fields) -> Fields:
    template, subject = _field(rewrite, "prompt", str), _field(rewrite, "subject", str)
    if template.count("{}") != 1:
        raise DataError(f"prompt {template[:60]!r} must hold {{}} once, in place of the subject")
    target_new = _field(_field(rewrite, "target_new", dict), "str", str)
    return {
        "prompt": template.replace("{}", subject),
        "subject": subject,
        "target_new": target_new,
        "target_true": _true_answer(_field(rewrite, "target_true", dict), "str", target_new),
    }


def _flat(record: Fields) -> Iterator[Fields]:
    target_new = _field(record, "target_new", str)
    yield {
        "prompt": _field(record, "prompt", str),
        "subject": record.get("subject"),
        "target_new": target_new,
        "target_true": _true_answer(record, "ground_truth", target_new),
    }


def _zsre(record: Fields) -> Iterator[Fields]:
    # `pred` is what MEND's own model answered; any other is more likely to say what is true.
    if target_new := _field(record, "alt", str):
        yield {
            "prompt": _field(record, "src", str),
            "subject": record.get("subject"),
            "target_new": target_new,
            "target_true": _true_answer(record, "answers", target_new),
        }


def _eren(record: Fields) -> Iterator[Fields]:
    yield {"prompt": _field(record, "edit_statement", str), "subject": record.get("subject_name")}


def _unke(record: Fields) -> Iterator[Fields]:
    yield {"prompt": _field(record, "question", str), "target_new": _field(record, "answer", str)}


_TAKEN: Final[Mapping[Form, Callable[[Fields], Iterator[Fields]]]] = {
    Form.JSONL: _own,
    Form.CSV: _cells,
    Form.COUNTERFACT: _counterfact,
    Form.KNOWEDIT: _flat,
    Form.WISE: _flat,
    Form.ZSRE: _zsre,
    Form.EREN: _eren,
    Form.MQUAKE: _mquake,
    Form.UNKE: _unke,
}

_KIND: Final[Mapping[type, str]] = {str: "text", dict: "an object", list: "a list"}


def _field(record: Fields, name: str, kind: type[T]) -> T:
    if name not in record:
        raise DataError(f"field {name!r} is missing")
    return _typed(name, record[name], kind)


def _typed(name: str, value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise DataError(f"{name} must be {_KIND[kind]}, got {type(value).__name__}")
    return value


def _true_answer(record: Fields, name: str, target_new: str) -> str | None:
    """Return the first true answer; None without any, or where `target_new` is one, which leaves nothing to change."""
    value = record.get(name) or []
    answers = [value] if isinstance(value, str) else value
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise DataError(f"{name} must be text or a list of texts, got {type(value).__name__}")
    if normalised(target_new) in map(normalised, answers):
        return None
    return next(filter(str.strip, answers), None)


def _json_list(name: str, cell: str) -> list[Any]:
    try:
        parsed = json.loads(cell)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, list):
        raise DataError(f'{name} must be a JSON list of texts, e.g. ["Who runs Twitter?"], got {cell[:40]!r}')
    return parsed
