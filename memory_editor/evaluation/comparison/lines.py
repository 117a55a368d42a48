"""JSON values in a file, one a line, of which a killed process leaves only whole ones; knows nothing of them."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def append(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Write values behind those that are there, and wait until they are on the disk."""
    text = "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)
    _drop_torn_end(path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the values of a file that need not be there; what a killed process wrote of a last line is none."""
    if path.exists():
        *whole, _ = path.read_text(encoding="utf-8", errors="replace").split("\n")
        yield from map(json.loads, whole)


def write_value(path: Path, value: object) -> None:
    """Write one JSON value in the place of what is there, all at once."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_value(path: Path) -> Any:
    """Return the JSON value of a file, or none where there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _drop_torn_end(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as stream:
        content = stream.read()
        if not content.endswith(b"\n"):
            stream.truncate(content.rfind(b"\n") + 1)
