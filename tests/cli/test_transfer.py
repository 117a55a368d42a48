"""import, export and backup: all of a file or none of it, and nothing lost on the way out and back."""

import json
from pathlib import Path

import pytest

import memory_editor.memory.memory
from memory_editor.edits import Edit
from memory_editor.store import Store
from tests.cli.conftest import Memedit
from tests.fakes import FakeEncoder

CSV = """prompt,target_new,subject
The CEO of Twitter is,Linda Yaccarino,
日本の首都は,東京,日本
"""


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "facts.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_import_adds_every_edit_of_a_file_as_one_change(memedit: Memedit, csv: Path) -> None:
    result = memedit.run("import", str(csv), "--reason", "the list of facts")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "2 added, 0 superseded, 0 known already, 0 possible contradictions\n"
    (change,) = memedit.json("history")
    assert change["reason"] == "the list of facts"
    assert [edit["fact"] for edit in change["edits"]] == ["The CEO of Twitter is Linda Yaccarino", "日本の首都は 東京"]


def test_import_says_what_was_superseded_or_known(memedit: Memedit, csv: Path) -> None:
    memedit.add("The CEO of Twitter is", "Elon Musk")
    memedit.add("日本の首都は", "東京", "--subject", "日本")
    assert memedit.json("import", str(csv)) == {
        "added": 1,
        "superseded": 1,
        "known_already": 1,
        "possible_contradictions": 0,
    }


def test_import_settles_contradictions_by_an_option(memedit: Memedit, csv: Path) -> None:
    memedit.add("The CEO of Twitter is now", "Elon Musk")
    assert "may contradict live edit" in memedit.error("import", str(csv))
    assert memedit.json("list")["total"] == 1
    assert memedit.json("import", str(csv), "--replace") == {
        "added": 2,
        "superseded": 1,
        "known_already": 0,
        "possible_contradictions": 1,
    }
    memedit("undo")
    kept = memedit.json("import", str(csv), "--keep-both")
    assert (kept["superseded"], kept["possible_contradictions"]) == (0, 1)


def test_a_bad_line_is_named_and_nothing_is_imported(memedit: Memedit, csv: Path) -> None:
    csv.write_text(f"{CSV}a prompt,x,y,and one cell too many\n", encoding="utf-8")
    assert memedit.error("import", str(csv)) == f"{csv}, line 4: 4 cells where the header names 3 columns"
    csv.write_text(f"{CSV}The capital of Peru is, ,Peru\n", encoding="utf-8")
    assert memedit.error("import", str(csv)) == (f"{csv}, line 4: target_new must not be empty; leave it out instead")
    assert not memedit.path.exists()


def test_import_takes_the_forms_of_the_field(memedit: Memedit, tmp_path: Path) -> None:
    path = tmp_path / "counterfact.json"
    rewrite = {"prompt": "The mother tongue of {} is", "subject": "Danielle Darrieux", "target_new": {"str": "English"}}
    path.write_text(json.dumps([{"case_id": 7, "requested_rewrite": rewrite | {"target_true": {"str": "French"}}}]))
    assert memedit.json("import", str(path), "--form", "counterfact")["added"] == 1
    (edit,) = memedit.json("list")["edits"]
    assert (edit["prompt"], edit["source"]) == ("The mother tongue of Danielle Darrieux is", "counterfact:7")
    assert "Invalid value for '--form'" in memedit.usage_error("import", str(path), "--form", "xml")
    assert memedit.error("import", str(tmp_path / "none.csv")).endswith(
        "none.csv cannot be read: No such file or directory"
    )


def test_an_interrupted_import_imports_nothing_and_says_so(
    memedit: Memedit, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memedit.add("The capital of Peru is", "Lima")
    before = memedit.json("history")

    class Interrupted(FakeEncoder):
        def encode(self, texts: list[str]) -> None:  # type: ignore[override]
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(memory_editor.memory.memory, "load_encoder", lambda name, **_: Interrupted(name))
        result = memedit.run("import", str(csv))
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "memedit: interrupted; the memory is as it was\n"
    assert memedit.json("history") == before


def test_an_interrupt_after_the_change_does_not_claim_that_nothing_changed(
    memedit: Memedit, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = memedit.add("The capital of Peru is", "Lima")
    remove = Store.remove

    def then_interrupted(*args: object) -> None:
        remove(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "remove", then_interrupted)
    result = memedit.run("remove", id_)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "memedit: interrupted; the memory was changed before, `memedit history` says how\n"


def test_what_is_exported_can_be_imported_elsewhere(memedit: Memedit, tmp_path: Path) -> None:
    edits = [Edit("The capital of Peru is", "Lima"), Edit("日本の首都は", "東京", subject="日本", source="地図")]
    memedit.put([*edits, Edit("The capital of Peru is", "Cusco", namespace="press")])
    expected = "".join(f"{edit.to_json()}\n" for edit in edits)
    assert memedit("export") == memedit("export", "-") == expected
    path = tmp_path / "out.jsonl"
    result = memedit.run("export", str(path))
    assert (result.stdout, result.stderr) == ("", "memedit: exported 2 edits\n")
    assert path.read_text(encoding="utf-8") == expected
    other = str(tmp_path / "other.db")
    assert memedit.json("import", str(path), "--memory", other)["added"] == 2
    assert memedit("export", "--memory", other) == expected


def test_export_takes_a_status_and_a_namespace(memedit: Memedit) -> None:
    id_ = memedit.add("The capital of Peru is", "Lima")
    memedit("remove", id_)
    memedit.add("The capital of Peru is", "Cusco", "--namespace", "press")
    assert memedit("export") == ""
    assert [json.loads(line)["id"] for line in memedit("export", "--status", "removed").splitlines()] == [id_]
    assert json.loads(memedit("export", "--namespace", "press"))["target_new"] == "Cusco"


def test_a_backup_is_the_memory_with_its_history(memedit: Memedit, tmp_path: Path) -> None:
    memedit.add("The capital of Peru is", "Cusco")
    memedit.add("The capital of Peru is", "Lima")
    copy = tmp_path / "copies" / "facts.db"
    assert memedit("backup", str(copy)) == f"{copy} {copy.stat().st_size:,} bytes\n"
    assert memedit.json("history", "--memory", str(copy)) == memedit.json("history")
    assert memedit.error("backup", str(copy)) == f"'{copy}' exists already; give a new path for the backup"
    other = tmp_path / "other.db"
    assert memedit.json("backup", str(other)) == {"path": str(other), "bytes": other.stat().st_size}
