"""Reading a file of edits as a whole, and writing one; knows no form's fields."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from memory_editor.datasets.forms import Form, detect_form, edits_of
from memory_editor.datasets.records import Record, data_error, read_csv, read_json, read_jsonl
from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.errors import DataError, InvalidEdit

_READERS: Final = {".json": read_json, ".jsonl": read_jsonl, ".ndjson": read_jsonl, ".csv": read_csv}
_NAME_A_FORM: Final = f"name the form: {', '.join(Form)}"


def read_edits(
    path: Path,
    *,
    form: Form | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    on_progress: Callable[[int], None] | None = None,
) -> list[Edit]:
    """Return every edit of the file, or raise `DataError` at its first bad line or record.

    A `.json` file holds a list of records, a `.csv` file rows, any other one object a line, all in UTF-8. Without
    `form`, the extension and the first record show it. `namespace` is for records that name none; `on_progress` gets
    the number of edits read so far.
    """
    edits: list[Edit] = []
    for record in read_records(path, form):
        form = form or _detected(path, record)
        try:
            edits.extend(edits_of(record.fields, form, number=record.number, namespace=namespace))
        except (DataError, InvalidEdit) as error:
            raise data_error(path, record.unit, record.number, error) from error
        if on_progress is not None:
            on_progress(len(edits))
    return edits


def write_edits(edits: Iterable[Edit], target: Path | TextIO) -> int:
    """Write one edit a line, as `Edit.to_json`, and return how many.

    A path gets its whole new content at once, or on any error keeps the old one.
    """
    if not isinstance(target, Path):
        return _write_lines(edits, target)
    try:
        with _replaced(target) as stream:
            return _write_lines(edits, stream)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror}") from error


def read_records(path: Path, form: Form | None = None) -> Iterator[Record]:
    """Yield the raw records of a file by its extension, or as `form` has them; raises `DataError`."""
    read = read_csv if form is Form.CSV else _READERS.get(path.suffix.lower(), read_jsonl if form else None)
    if read is None:
        raise DataError(f"{path} has an unknown extension; use {', '.join(_READERS)}, or {_NAME_A_FORM}")
    try:
        yield from read(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _detected(path: Path, record: Record) -> Form:
    form = Form.CSV if path.suffix.lower() == ".csv" else detect_form(record.fields)
    if form is None:
        reason = f"the fields {list(record.fields)[:6]} show no known form; {_NAME_A_FORM}"
        raise data_error(path, record.unit, record.number, reason)
    return form


def _write_lines(edits: Iterable[Edit], stream: TextIO) -> int:
    count = 0
    for edit in edits:
        stream.write(f"{edit.to_json()}\n")
        count += 1
    return count


@contextmanager
def _replaced(path: Path) -> Iterator[TextIO]:
    """Give a new file beside `path` to write to; put it in the place of `path` when the block ends without an error."""
    path = path.resolve()  # the file behind a link is replaced, not the link
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no regular file; name another, or pass an open stream")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as stream:
            if path.exists():
                shutil.copymode(path, temporary)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
