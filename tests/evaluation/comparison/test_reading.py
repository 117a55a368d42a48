"""Every form of data set becomes cases; nothing that is asked enters an edit."""

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.cases import Asked, CaseSet, Kind
from memory_editor.evaluation.comparison.reading import Extras, digest_of, read_cases, read_extras
from tests.evaluation.data import ADA, write

REWRITE = {
    "prompt": "The mother tongue of {} is",
    "subject": "Ada",
    "target_new": {"str": "French"},
    "target_true": {"str": "English"},
}


def read(folder: Path, record: dict[str, Any], name: str = "set.json") -> CaseSet:
    path = folder / name
    path.write_text(json.dumps(record if name.endswith("l") else [record]))
    return read_cases(str(path), None)


def asked(found: CaseSet) -> list[tuple[str, str, tuple[str, ...]]]:
    (case, *_) = found.cases
    return [(str(one.kind), one.prompt, one.answers) for one in case.asked]


def test_counterfact_as_published(tmp_path: Path) -> None:
    record = {
        "case_id": 0,
        "requested_rewrite": REWRITE,
        "paraphrase_prompts": ["Ada spoke", "Ada said it in"],
        "neighborhood_prompts": ["Babbage spoke"],
    }
    found = read(tmp_path, record)
    assert (found.about["form"], found.about["version"], found.about["name"]) == ("counterfact", "1", "set")
    assert asked(found) == [
        ("reliability", "The mother tongue of Ada is", ("French",)),
        ("generality", "Ada spoke", ("French",)),
        ("generality", "Ada said it in", ("French",)),
        ("near miss", "Babbage spoke", ("English",)),
    ]
    (edit,) = found.cases[0].edits
    assert (edit.subject, edit.target_new, edit.target_true, edit.paraphrases) == ("Ada", "French", "English", ())


def test_counterfact_flat_by_name_and_split(tmp_path: Path) -> None:
    found = read_cases("counterfact:dev", write(tmp_path))
    assert found.about["name"] == "counterfact:dev"
    assert len(found.about["sha256"]) == 64
    assert [case.number for case in found.cases] == [1, 2, 3, 4]
    assert asked(found) == [
        ("reliability", ADA, ("French",)),
        ("generality", "Ada Lovelace spoke", ("French",)),
        ("near miss", "Alan Turing's mother tongue is", ("English",)),
    ]
    assert read_cases("counterfact", tmp_path).about == {**found.about, "name": "counterfact"}
    assert read_cases("counterfact:train", tmp_path).cases[1].edits[0].target_new == "Greek"


def test_zsre_of_mend_asks_only_what_requests_an_edit(tmp_path: Path) -> None:
    found = read_cases("zsre:train", write(tmp_path))
    assert len(found.cases) == 1
    assert asked(found) == [
        ("reliability", "Who made Unix?", ("IBM",)),
        ("generality", "Unix is whose?", ("IBM",)),
        ("unrelated", "who sang yesterday", ("the Beatles",)),
    ]


def test_knowedit_with_its_locality_and_portability(tmp_path: Path) -> None:
    write(tmp_path)
    assert asked(read_cases("zsre:dev", tmp_path)) == [
        ("reliability", "Who is the father of Ada Lovelace?", ("Babbage",)),
        ("generality", "Whose daughter is Ada Lovelace?", ("Babbage",)),
        ("reasoning", "What did Ada Lovelace's father build?", ("an engine",)),
        ("same subject", "Ada Lovelace father", ("Byron",)),
        ("same subject", "Ada Lovelace occupation", ("mathematician",)),
    ]
    kinds = [kind for kind, _, _ in asked(read_cases("wiki-recent", tmp_path))]
    assert kinds == ["reliability", "reasoning", "same subject", "forgetfulness"]
    assert [kind for kind, _, _ in asked(read_cases("wiki-counterfact", tmp_path))][1] == "alias"


def test_fever_with_a_claim_out_of_scope_from_the_file_beside(tmp_path: Path) -> None:
    found = read_cases("fever", write(tmp_path))
    assert found.cases[0].edits[0].is_statement
    assert asked(found) == [
        ("reliability", "Is the following claim true? Fox made Soul Food.", ("yes", "true")),
        ("generality", "Is the following claim true? Soul Food is Fox's.", ("yes", "true")),
        ("near miss", "Is the following claim true? Oslo is cold.", ()),
    ]


def test_counterfact_hard_as_questions(tmp_path: Path) -> None:
    found = read_cases("counterfact-hard", write(tmp_path))
    assert asked(found) == [
        ("reliability", "What did Ada Lovelace speak?", ("French",)),
        ("generality", "Which language was Ada Lovelace's?", ("French",)),
        ("near miss", "What did Alan Turing speak?", ()),
        ("same subject", "Where was Ada Lovelace born?", ()),
    ]


def test_mquake_asks_every_rewrite_and_the_hops(tmp_path: Path) -> None:
    record = {
        "requested_rewrite": [{**REWRITE, "question": "What did Ada speak?"}],
        "questions": ["Which country speaks Ada's tongue?"],
        "new_answer": "France",
        "new_answer_alias": ["the French Republic"],
    }
    assert asked(read(tmp_path, record)) == [
        ("reliability", "The mother tongue of Ada is", ("French",)),
        ("generality", "What did Ada speak?", ("French",)),
        ("multi-hop", "Which country speaks Ada's tongue?", ("France", "the French Republic")),
    ]


def test_plain_lines_say_what_is_asked(tmp_path: Path) -> None:
    record = {
        "prompt": "Ada spoke",
        "target_new": "French",
        "paraphrases": ["Ada said it in"],
        "asked": [{"kind": "same subject", "prompt": "Ada was born in", "answers": "London"}],
    }
    found = read(tmp_path, record, "set.jsonl")
    assert asked(found) == [
        ("reliability", "Ada spoke", ("French",)),
        ("same subject", "Ada was born in", ("London",)),
    ]
    # Methods that take no paraphrases must not stand behind one that does.
    assert found.cases[0].edits[0].paraphrases == ()


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"prompt": "A", "asked": [{"kind": "odd", "prompt": "B"}]}, "kind 'odd' is unknown; it is one of reliability"),
        ({"question": "A", "para_question": "B", "answer": "C"}, "unke files ask nothing that can be compared"),
        ({"title": "A"}, "record 1: its fields show no known form"),
        ({"edit_statement": "A", "edit_scope": [["B"]]}, "edit_scope must hold pairs of a question and its answer"),
        ({"edit_statement": "A", "edit_scope": "B"}, "edit_scope must be a list, got str"),
        ({"src": "A", "alt": "", "answers": []}, "requests no edits; name another data set"),
    ],
)
def test_what_cannot_be_asked_is_said(tmp_path: Path, record: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        read(tmp_path, record)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("squad", "'squad' is no file and no data set; the data sets are counterfact, "),
        ("fever:test", "there is no fever/edits_test.json in "),
        ("counterfact:test", "there is no counterfact/edit_test.json and no counterfact/test.json in "),
    ],
)
def test_a_data_set_that_is_not_there_is_refused(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_cases(name, tmp_path)


def test_a_name_needs_the_folder_of_the_data_sets() -> None:
    with pytest.raises(DataError, match="data set 'fever' needs --root"):
        read_cases("fever:dev", None)


def test_a_file_of_the_hub_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)

    def download(repository: str, file: str, repo_type: str) -> str:
        assert (repository, repo_type) == ("ada/facts", "dataset")
        if file != "dev/edits.json":
            raise OSError("offline\nno network")
        return str(tmp_path / "counterfact" / "edit_dev.json")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert len(read_cases("hub:ada/facts/dev/edits.json", None).cases) == 4
    with pytest.raises(DataError, match=r"hub:ada/facts/x\.json cannot be had: offline; give"):
        read_cases("hub:ada/facts/x.json", None)


def test_extras_are_what_is_there(tmp_path: Path) -> None:
    assert read_extras(None) == read_extras(tmp_path) == Extras()
    write(tmp_path)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "wikitext2-test.txt").write_text("Once upon a time")
    facts = tmp_path / "known_facts" / "known_1000.json"
    facts.parent.mkdir()
    facts.write_text(json.dumps([{"prompt": "Rome lies in", "attribute": "Italy"}]))
    found = read_extras(tmp_path)
    assert found.everyday == (
        Asked(Kind.EVERYDAY, "what is the capital of peru?", ("Lima", "Callao")),
        Asked(Kind.EVERYDAY, "who wrote hamlet", ("Shakespeare",)),
    )
    assert (found.text, [(fact.prompt, fact.wanted) for fact in found.facts]) == (
        "Once upon a time",
        [("Rome lies in", ("Italy",))],
    )
    assert digest_of(found) != digest_of(Extras())


@pytest.mark.data
@pytest.mark.parametrize("name", ["counterfact:val", "zsre:dev", "wiki-recent", "fever", "mquake-hard"])
def test_the_published_files_are_read(data_folder: Path, name: str) -> None:
    found = read_cases(name, data_folder)
    assert len(found.cases) >= 200
    kinds = {one.kind for case in found.cases for one in case.asked}
    assert Kind.RELIABILITY in kinds
