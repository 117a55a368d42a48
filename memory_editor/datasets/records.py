"""Raw records of a JSON, JSONL or CSV file and where each stands in it; knows no edits."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from memory_editor.errors import DataError


class Record(NamedTuple):
    """The fields of one record, and its place: a line, or the number of an item of a JSON list, counted from 1."""

    fields: dict[str, Any]
    unit: str
    number: int


def read_json(path: Path) -> Iterator[Record]:
    """Yield the items of the JSON list that `path` holds."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise data_error(path, "line", error.object.count(b"\n", 0, error.start) + 1, _not_utf8(error)) from error
    items = _parsed(path, text, line=1)
    if not isinstance(items, list):
        raise data_error(
            path, "line", 1, "a .json file must hold a list of records; name it .jsonl if each line is one"
        )
    for number, item in enumerate(items, 1):
        yield Record(_checked_object(path, item, "record", number), "record", number)


def read_jsonl(path: Path) -> Iterator[Record]:
    """Yield the objects of `path`, one a line; blank lines do not count as records."""
    for number, line in enumerate(_lines(path), 1):
        if text := line.strip():
            yield Record(_checked_object(path, _parsed(path, text, line=number), "line", number), "line", number)


def read_csv(path: Path) -> Iterator[Record]:
    """Yield the rows below the header of `path`; a row that spans lines stands at its first."""
    rows = csv.reader(_lines(path), strict=True)
    try:
        header = _checked_header(path, next(rows, []))
        line = rows.line_num + 1
        for row in rows:
            if row and len(row) != len(header):
                raise data_error(path, "line", line, f"{len(row)} cells where the header names {len(header)} columns")
            if row:
                yield Record(dict(zip(header, row, strict=True)), "line", line)
            line = rows.line_num + 1
    except csv.Error as error:
        raise data_error(path, "line", rows.line_num, f"no valid CSV: {error}") from error


def data_error(path: Path, unit: str, number: int, reason: object) -> DataError:
    """Return the error that says what is wrong with which place of `path`."""
    return DataError(f"{path}, {unit} {number}: {reason}", line=number)


def _lines(path: Path) -> Iterator[str]:
    # Only "\n" ends a line: text may contain the separators that `str.splitlines` breaks at.
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise data_error(path, "line", number, _not_utf8(error)) from error
            yield text


def _parsed(path: Path, text: str, *, line: int) -> object:
    """Return the value of `text`, which starts at `line`."""
    try:
        parsed: object = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at column {error.colno}; a .json file holds one list, a .jsonl file one object a line"
        raise data_error(path, "line", line + error.lineno - 1, f"no valid JSON: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise data_error(path, "line", line, f"no valid JSON: {error}") from error
    return parsed


def _checked_object(path: Path, value: object, unit: str, number: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise data_error(path, unit, number, f"must be a JSON object, got {type(value).__name__}")
    return value


def _checked_header(path: Path, header: list[str]) -> list[str]:
    if not header:
        raise data_error(path, "line", 1, "no header row; name the columns, e.g. prompt,target_new")
    if len(set(header)) < len(header):
        raise data_error(path, "line", 1, f"a column is named twice in {', '.join(header)!r}; name each once")
    return header


def _not_utf8(error: UnicodeDecodeError) -> str:
    return f"byte 0x{error.object[error.start]:02x} is no UTF-8; save the file as UTF-8"
