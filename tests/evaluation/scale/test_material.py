"""Distinct edits of published facts."""

from pathlib import Path

import pytest

from memory_editor.errors import DataError
from memory_editor.evaluation.scale.material import make_material
from memory_editor.text import fingerprint, relation, subject_key
from tests.scope.training.data import NEVER


def test_the_first_edits_are_counterfacts_and_none_is_the_same_or_asks_the_same(data: Path) -> None:
    material = make_material(data, 60)
    edits = material.edits
    assert len(edits) == 60
    assert edits[0] == {
        "prompt": "Ada Lovelace was born in",
        "target_new": "Peru",
        "subject": "Ada Lovelace",
    }
    assert material.paraphrases[0] == (0, "Noise. The cradle of Ada Lovelace stood in")
    assert len({fingerprint(edit["prompt"]) for edit in edits}) == 60
    assert len({(subject_key(edit["subject"]), relation(edit["prompt"], edit["subject"])) for edit in edits}) == 60
    assert not {edit["prompt"] for edit in edits} & {text for _, text in material.paraphrases}
    assert all(edit["subject"] in edit["prompt"] for edit in edits)
    assert NEVER not in str(edits)


def test_what_is_known_of_a_subject_comes_before_what_is_not(data: Path) -> None:
    prompts = {edit["prompt"] for edit in make_material(data, 18).edits[12:]}
    assert prompts == {
        "Allan Peiper was born in",
        "Allan Peiper hails from",
        "Allan Peiper speaks",
        "Moe Koffman was born in",
        "Moe Koffman hails from",
        "Drake's mother is named",
    }


def test_the_same_is_made_every_time(data: Path) -> None:
    assert make_material(data, 60) == make_material(data, 60)


def test_more_than_there_is_and_a_folder_without_the_files_are_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has facts for \d+ edits, not for 1,000,000; ask for fewer"):
        make_material(data, 1_000_000)
    with pytest.raises(DataError, match="give the folder of the published data sets"):
        make_material(tmp_path / "nowhere", 10)
