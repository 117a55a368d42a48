"""What is on the disk is whole, whenever the process was killed."""

from pathlib import Path

import pytest

from memory_editor.evaluation.comparison.lines import append, read_lines, read_value, write_value

VALUES = [{"text": "a\u2028b\r\n"}, {"text": "ü"}]


def test_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    assert [*read_lines(path)] == []
    append(path, VALUES[:1])
    append(path, VALUES[1:])
    assert [*read_lines(path)] == VALUES


@pytest.mark.parametrize("torn", [b"{", '{"text": "ü'.encode()[:-1], b'{"text": "whole"}'])
def test_a_torn_line_is_none_and_is_overwritten(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "lines.jsonl"
    append(path, VALUES[:1])
    with path.open("ab") as stream:
        stream.write(torn)
    assert [*read_lines(path)] == VALUES[:1]
    append(path, VALUES[1:])
    assert [*read_lines(path)] == VALUES


def test_a_value_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    assert read_value(path) is None
    write_value(path, {"a": 1})
    write_value(path, [2])
    assert read_value(path) == [2]
    assert [one.name for one in tmp_path.iterdir()] == ["value.json"]
