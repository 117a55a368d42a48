"""The published files of edits, as their authors made them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memory_editor.datasets import Form, read_edits
from memory_editor.errors import DataError
from memory_editor.text import infer_subject

pytestmark = pytest.mark.data

FILES = [
    ("counterfact/train.json", Form.COUNTERFACT, 10_000),
    ("counterfact/val.json", Form.COUNTERFACT, 1_919),
    ("counterfact/edit_dev.json", Form.COUNTERFACT, 5_000),
    ("counterfact_hard/dev.json", Form.EREN, 512),
    ("fever/edits_dev.json", Form.EREN, 512),
    ("fever/out_of_scope_dev.json", Form.EREN, 512),
    ("zsre/train.json", Form.ZSRE, 998),  # two of the 1,000 have an empty `alt`
    ("knowedit/zsre_dev.json", Form.KNOWEDIT, 652),
    ("knowedit/wiki_counterfact_dev.json", Form.KNOWEDIT, 714),
    ("knowedit/wiki_recent_dev.json", Form.KNOWEDIT, 285),
    ("mquake_hard/dev.json", Form.MQUAKE, 800),
    ("mquake_stubborn/dev.json", Form.MQUAKE, 890),
    ("unke/dev.json", Form.UNKE, 500),
    ("wise/hallucination_train.json", Form.WISE, 306),
    ("wise/temporal_train.json", Form.WISE, 75),
]
NOT_EDITS = [
    "questions/webquestions.json",
    "questions/nq_open.json",
    "questions/squad2.json",
    "pararel/facts/P19.jsonl",
]


def requested(form: Form, record: dict[str, Any]) -> Iterator[tuple[str, str | None, str | None, list[str]]]:
    """Yield the prompt, target, subject and true answers of each edit that a record requests, and of nothing else."""
    match form:
        case Form.EREN:
            yield record["edit_statement"], None, record.get("subject_name"), []
        case Form.UNKE:
            yield record["question"], record["answer"], None, []
        case Form.MQUAKE:
            for r in record["requested_rewrite"]:
                prompt = r["prompt"].format(r["subject"])
                yield prompt, r["target_new"]["str"], r["subject"], [r["target_true"]["str"]]
        case Form.ZSRE:
            if record["alt"]:
                yield record["src"], record["alt"], record["subject"], record["answers"]
        case _:
            truth = record.get("ground_truth", [])
            truths = [truth] if isinstance(truth, str) else truth
            yield record["prompt"], record["target_new"], record["subject"], truths


@pytest.mark.parametrize(("name", "form", "count"), FILES)
def test_a_published_file_gives_what_it_requests_and_nothing_it_asks(
    name: str, form: Form, count: int, data_folder: Path
) -> None:
    edits = read_edits(data_folder / name)
    records = json.loads((data_folder / name).read_bytes())
    expected = [fields for record in records for fields in requested(form, record)]
    assert len(edits) == len(expected) == count
    for edit, (prompt, target_new, subject, truths) in zip(edits, expected, strict=True):
        assert (edit.prompt, edit.target_new) == (prompt.strip(), target_new and target_new.strip())
        assert edit.subject == (subject.strip() if subject else infer_subject(prompt))
        assert edit.target_true in [None, *map(str.strip, truths)]
        assert (edit.paraphrases, edit.exclusions, edit.valid_until, edit.supersedes) == ((), (), None, None)
        assert str(edit.source).startswith(f"{form}:")


@pytest.mark.parametrize("name", NOT_EDITS)
def test_a_file_of_anything_else_is_not_taken_for_edits(name: str, data_folder: Path) -> None:
    with pytest.raises(DataError, match="show no known form"):
        read_edits(data_folder / name)
