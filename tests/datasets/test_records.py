from collections.abc import Callable
from pathlib import Path

import pytest

from memory_editor.datasets.records import Record, read_csv, read_json, read_jsonl
from memory_editor.errors import DataError

Write = Callable[[str, str | bytes], Path]
Read = Callable[[Path], object]
MARK = b"\xef\xbb\xbf"


def test_json_items_are_numbered(written: Write) -> None:
    path = written("a.json", '[{"a": 1},\n{"a": 2}]')
    assert list(read_json(path)) == [Record({"a": 1}, "record", 1), Record({"a": 2}, "record", 2)]


def test_jsonl_objects_stand_at_their_line(written: Write) -> None:
    path = written("a.jsonl", '{"a": 1}\r\n\n  \n{"a": 2}')
    assert list(read_jsonl(path)) == [Record({"a": 1}, "line", 1), Record({"a": 2}, "line", 4)]


def test_csv_rows_stand_at_their_first_line(written: Write) -> None:
    path = written("a.csv", 'a,b\r\n1,"two\r\nlines, ""quoted"""\r\n\r\n3,\r\n')
    rows = [Record({"a": "1", "b": 'two\r\nlines, "quoted"'}, "line", 2), Record({"a": "3", "b": ""}, "line", 5)]
    assert list(read_csv(path)) == rows


@pytest.mark.parametrize(
    ("read", "content"),
    [(read_json, b'[{"a": "\xc3\xa9"}]'), (read_jsonl, b'{"a": "\xc3\xa9"}'), (read_csv, b"a\n\xc3\xa9\n")],
)
@pytest.mark.parametrize("mark", [b"", MARK])
def test_utf8_is_read_with_or_without_a_byte_order_mark(
    read: Callable[[Path], list[Record]], content: bytes, mark: bytes, written: Write
) -> None:
    assert [record.fields for record in read(written("a", mark + content))] == [{"a": "é"}]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0c", "\x1e"])
def test_only_a_newline_ends_a_line(separator: str, written: Write) -> None:
    text = f"one{separator}two"
    assert [record.fields for record in read_csv(written("a.csv", f"a\n{text}\n"))] == [{"a": text}]
    if separator > " ":
        assert [record.fields for record in read_jsonl(written("a.jsonl", f'{{"a": "{text}"}}'))] == [{"a": text}]


@pytest.mark.parametrize(
    ("read", "content"), [(read_json, "[]"), (read_jsonl, ""), (read_jsonl, "\n"), (read_csv, "a\n")]
)
def test_a_file_may_hold_no_records(read: Callable[[Path], list[Record]], content: str, written: Write) -> None:
    assert list(read(written("a", content))) == []


@pytest.mark.parametrize(
    ("read", "content", "line", "place_and_reason"),
    [
        (read_json, b'[\n\n"\xff"]', 3, "line 3: byte 0xff is no UTF-8"),
        (read_json, MARK + b'[\n"\xff"]', 2, "line 2: byte 0xff is no UTF-8"),
        (read_json, "[]".encode("utf-16"), 1, "line 1: byte 0xff is no UTF-8"),
        (read_json, "", 1, "line 1: no valid JSON: Expecting value at column 1"),
        (read_json, '[{"a": 1},\n{"a": }]', 2, "line 2: no valid JSON: Expecting value at column 7"),
        (
            read_json,
            '{"a": 1}\n{"a": 2}\n',
            2,
            "line 2: no valid JSON: Extra data at column 1; a .json file holds one list",
        ),
        (read_json, "[" * 100_000, 1, "line 1: no valid JSON: maximum recursion depth"),
        (read_json, "[" + "1" * 5_000 + "]", 1, "line 1: no valid JSON: Exceeds the limit"),
        (read_json, '{"a": 1}', 1, "line 1: a .json file must hold a list of records"),
        (read_json, '[{"a": 1}, "b"]', 2, "record 2: must be a JSON object, got str"),
        (read_jsonl, b'{"a": 1}\n{"a": "\xff"}', 2, "line 2: byte 0xff is no UTF-8"),
        (read_jsonl, '\n{"a": ', 2, "line 2: no valid JSON: Expecting value at column 6"),
        (read_jsonl, '[\n{"a": 1}]', 1, "line 1: no valid JSON: Expecting value at column 2"),
        (read_jsonl, '{"a": 1}\n[1]', 2, "line 2: must be a JSON object, got list"),
        (read_jsonl, '{"a": 1}\n' + "[" * 100_000, 2, "line 2: no valid JSON: maximum recursion depth"),
        (read_csv, b"a\n1\n\xff\n", 3, "line 3: byte 0xff is no UTF-8"),
        (read_csv, "", 1, "line 1: no header row"),
        (read_csv, "a,b,a\n", 1, "line 1: a column is named twice in 'a, b, a'"),
        (read_csv, 'a,b\n"1\n2",3\n4\n', 4, "line 4: 1 cells where the header names 2 columns"),
        (read_csv, "a,b\n1,2,3\n", 2, "line 2: 3 cells where the header names 2 columns"),
        (read_csv, 'a\n"1"2\n', 2, "line 2: no valid CSV"),
        (read_csv, "a\n" + "x" * 200_000, 2, "line 2: no valid CSV: field larger than field limit"),
    ],
)
def test_a_bad_place_is_named(
    read: Callable[[Path], list[Record]], content: str | bytes, line: int, place_and_reason: str, written: Write
) -> None:
    path = written("a", content)
    with pytest.raises(DataError) as caught:
        list(read(path))
    assert str(caught.value).startswith(f"{path}, {place_and_reason}")
    assert caught.value.line == line
    assert "\n" not in str(caught.value)
