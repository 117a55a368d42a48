"""Only training files are read, and of them no field that is for evaluation."""

import json
import shutil
from pathlib import Path

import pytest

from memory_editor.errors import DataError
from memory_editor.scope.training.sources import Request, Sources, read_sources
from tests.scope.training.data import NEVER, counterfact, write


def test_what_is_read_is_what_the_files_hold(sources: Sources) -> None:
    assert len(sources.counterfact) == 12
    assert sources.counterfact[0] == Request(
        subject="Ada Lovelace",
        prompt="Ada Lovelace was born in",
        target_new="Peru",
        rephrase="Noise. The cradle of Ada Lovelace stood in",
        target_true="Lyon",
        near_miss="Ötzi was born in",
        near_miss_true="Italy",
    )
    assert sources.counterfact[0].template == "{} was born in"
    assert sources.counterfact_val == sources.counterfact[:4]
    assert sources.facts == {
        "P19": (("Allan Peiper", "Alexandra"), ("Moe Koffman", "Lyon")),
        "P1412": (("Allan Peiper", "French"),),
        "person_mother": (("Drake", "Sandi Graham"),),
    }
    assert sources.patterns == {
        "P19": ("{} was born in [Y].", "{} hails from [Y] .", "[Y] is the cradle of {}."),
        "P1412": ("{} speaks [Y]",),
    }
    assert sources.templates == {"person_mother": ("{}'s mother is named", "Who is {}'s mother? Their mother is named")}


def test_records_that_request_no_answer_are_left_out(sources: Sources) -> None:
    assert len(sources.zsre) == 27
    assert sources.zsre[0] == Request(
        subject="Zed1son Smythe",
        prompt="What voice type does Zed1son Smythe have?",
        target_new="tenor",
        rephrase="In what voice does Zed1son Smythe sing?",
    )


def test_sentences_of_some_length_are_put_together_again(sources: Sources, tmp_path: Path) -> None:
    assert len(sources.sentences) == 24
    folder = write(tmp_path)
    line = "The film `` Jaws '' that ( in 1975 ) made Spielberg 's name , is well - known ; so it is ."
    (folder / "text" / "wikipedia-sentences-val.txt").write_text(f"{line}\n\n{line[:20]}", encoding="utf-8")
    assert read_sources(folder).sentences == (
        'The film "Jaws" that (in 1975) made Spielberg\'s name, is well-known; so it is.',
    )


def test_nothing_for_evaluation_is_read(sources: Sources) -> None:
    assert NEVER not in repr(sources)


@pytest.mark.parametrize(
    "name", ["counterfact/train.json", "counterfact/val.json", "zsre/train.json", "lre", "pararel/facts", "text"]
)
def test_what_is_missing_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path)
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError) as caught:
        read_sources(folder)
    assert str(caught.value).startswith(f"there is no {name}")
    assert str(caught.value).endswith(f" in {str(folder)!r}; give the folder of the published data sets")


@pytest.mark.parametrize(("field", "value"), [("rephrase_prompt", None), ("subject", ""), ("prompt", ["a list"])])
def test_a_record_that_does_not_fit_is_named(tmp_path: Path, field: str, value: object) -> None:
    folder = write(tmp_path, val=[counterfact(0), counterfact(1) | {field: value}])
    with pytest.raises(DataError) as caught:
        read_sources(folder)
    path = folder / "counterfact" / "val.json"
    assert str(caught.value) == f"{path}, record 2: {field} must hold text, got {value!r}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is no valid JSON"),
        ("[]", "must hold samples"),
        (json.dumps({"samples": [{"subject": "x"}]}), "must hold samples"),
        (json.dumps({"samples": []}), "must hold prompt_templates"),
    ],
)
def test_a_relation_that_does_not_fit_is_named(tmp_path: Path, content: str, reason: str) -> None:
    folder = write(tmp_path)
    path = folder / "lre" / "person_mother.json"
    path.write_text(content)
    with pytest.raises(DataError, match=f"^{path} {reason}") as caught:
        read_sources(folder)
    assert "\n" not in str(caught.value)


def test_sentences_that_are_no_text_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    path = folder / "text" / "wikipedia-sentences-val.txt"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is no UTF-8"):
        read_sources(folder)
