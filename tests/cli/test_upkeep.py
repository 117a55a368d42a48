"""status, verify and reindex."""

from pathlib import Path

import pytest

from memory_editor.indexes import files, index_class
from memory_editor.memory import index_folder
from memory_editor.store import Store
from tests.cli.conftest import Memedit


def save_index(path: Path, *, origin: str | None = None, drop: int = 0) -> Path:
    """Save an index of the default namespace as it is, or less so, and return its file."""
    with Store(path) as store:
        held = store.key_changes("default")
        vectors = store.vectors_at(held.ids)
        index = index_class("flat")(vectors.shape[1])
        index.add(held.ids[drop:], vectors[drop:])
        folder = index_folder(store, "default")
        files.save(index, folder, generation=held.generation, origin=origin or store.origin(held.generation))
    return folder / files.FILE_NAME


def test_status_of_a_memory(memedit: Memedit, tmp_path: Path) -> None:
    memedit.add("The capital of Peru is", "Cusco")
    memedit.add("The capital of Peru is", "Lima")
    memedit.add("The capital of Peru is", "Lima", "--namespace", "press")
    memedit("remove", memedit.add("Two plus two is", "five"))
    assert memedit.json("status", "--model", str(tmp_path)) == {
        "memory": str(memedit.path),
        "bytes": memedit.path.stat().st_size,
        "schema": 1,
        "generation": 5,
        "edits": {"live": 2, "superseded": 1, "removed": 1},
        "namespaces": {"default": 1, "press": 1},
        "encoder": "all-minilm-l6-v2",
        "namespace": "default",
        "index": {"file": "none", "generation": None},
        "model": str(tmp_path),
        "model_is_here": True,
        "adapter": "in-context: no adapter comes with the package for this model, `memedit adapter train` makes one",
        "settings_file": str(tmp_path / "config.toml"),
        "settings_file_exists": True,
    }
    assert memedit.json("status", "--model", "./nowhere")["model_is_here"] is False


def test_status_in_print(memedit: Memedit, tmp_path: Path) -> None:
    memedit.put([])
    printed = dict(line.split("  ", 1) for line in memedit("status", "--model", str(tmp_path)).splitlines())
    shown = {name: value.strip() for name, value in printed.items()}
    assert shown["bytes"] == f"{memedit.path.stat().st_size:,}"
    assert shown["edits"] == "live 0, superseded 0, removed 0"
    assert shown["namespaces"] == "-"
    assert shown["index"] == "file none"
    assert shown["model is here"] == "yes"


def test_status_says_what_the_index_file_covers(memedit: Memedit) -> None:
    memedit.add("The capital of Peru is", "Lima")
    file = save_index(memedit.path)
    memedit.add("Two plus two is", "five")
    assert memedit.json("status")["index"] == {"file": "sound", "generation": 1}
    save_index(memedit.path, origin="another memory")
    assert memedit.json("status")["index"] == {"file": "out of date", "generation": 2}
    file.write_bytes(b"no index")
    index = memedit.json("status")["index"]
    assert index["generation"] is None
    assert index["file"].startswith(f"index file {file} cannot be used: it is damaged")


def test_verify_finds_nothing_wrong_with_a_sound_memory(memedit: Memedit) -> None:
    lima = memedit.add("The capital of Peru is", "Lima")
    assert memedit("verify") == "no problems found\n"
    save_index(memedit.path)
    memedit("remove", lima)
    memedit.add("Two plus two is", "five")
    assert memedit.json("verify") == {"problems": []}
    save_index(memedit.path, origin="another memory")
    assert memedit.json("verify") == {"problems": []}


def test_verify_lists_every_problem_and_fails(memedit: Memedit) -> None:
    id_ = memedit.add("The capital of Peru is", "Lima")
    memedit.add("Two plus two is", "five")
    file = save_index(memedit.path, drop=1)
    with Store(memedit.path) as store:
        store._connection.execute("UPDATE edits SET subject_key = 'chile' WHERE id = ?", (id_,))
    result = memedit.run("verify")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        f"edit {id_}: its columns disagree with its content",
        f"index file in {file.parent} disagrees with the store; delete it, it is rebuilt when needed",
    ]
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    result = memedit.run("verify", "--json")
    assert result.exit_code == 1
    assert f"index file {file} cannot be used: it is damaged" in result.stdout


def test_another_encoder_is_refused_until_reindex(memedit: Memedit) -> None:
    memedit.add("The capital of Peru is", "Lima", "--paraphrase", "Peru's capital?")
    asked = ("route", "The capital of Peru is", "--encoder", "other")
    assert memedit.error(*asked).startswith(
        "the vectors of this memory were made by encoder 'all-minilm-l6-v2', not by 'other'"
    )
    assert memedit("reindex", "--encoder", "other") == "encoded 2 texts with other\n"
    assert memedit.json_lines(*asked)[0]["in_scope"]
    assert memedit.json("status")["encoder"] == "other"
    assert memedit.json("reindex") == {"texts": 2, "encoder": "all-minilm-l6-v2"}


@pytest.mark.parametrize("command", ["status", "verify", "reindex"])
def test_upkeep_makes_no_memory(memedit: Memedit, command: str) -> None:
    assert memedit.error(command) == f"there is no memory at '{memedit.path}'; `memedit add-fact` makes one"
    assert not memedit.path.exists()
