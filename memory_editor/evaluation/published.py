"""The records of the published data sets, and the edit that each requests; knows no rows.

Only the forms of `memory_editor.datasets` make edits, so nothing that a file asks can enter one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from memory_editor.datasets.forms import detect_form, edits_of
from memory_editor.datasets.records import Record, data_error, read_json
from memory_editor.edits import DEFAULT_NAMESPACE, Edit, EditId
from memory_editor.errors import DataError, InvalidEdit
from memory_editor.evaluation.rows import Probe

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """One record of a file, or an object within it, and the edit that the record requests, if it does."""

    fields: Mapping[str, Any]
    edit: Edit | None
    place: tuple[Path, str, int]
    """The file, and the record's unit and number."""

    def text(self, name: str) -> str:
        """Return a field that must be text."""
        return self._checked(name, self.fields.get(name), str)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a field that holds one, a list of them, lists of lists, or nothing."""
        return tuple(_flat(self.fields.get(name, [])))

    def part(self, name: str) -> "Case":
        """Return a field that must be an object."""
        return replace(self, fields=self._checked(name, self.fields.get(name), dict))

    def items(self, name: str) -> Iterator["Case"]:
        """Yield the objects of a field that holds a list of them, or nothing."""
        for item in self._checked(name, self.fields.get(name, []), list):
            yield replace(self, fields=self._checked(name, item, dict))

    def firsts(self, name: str) -> Iterator[str]:
        """Yield the first text of each list of a field that must be a list of lists."""
        for item in self._checked(name, self.fields.get(name), list):
            yield self._checked(name, next(_flat(item), None), str)

    def inside(self, prompt: str, kind: str = "") -> Probe:
        """Return a probe that belongs to the edit."""
        return Probe(prompt, self._about, in_scope=True, kind=kind)

    def outside(self, prompt: str, truths: tuple[str, ...] = ()) -> Probe:
        """Return a probe that belongs to no edit."""
        return Probe(prompt, self._about, truths=truths)

    @property
    def _about(self) -> EditId | None:
        return self.edit.id if self.edit else None

    def _checked(self, name: str, value: object, kind: type[T]) -> T:
        if not isinstance(value, kind):
            raise data_error(*self.place, f"{name} must hold {_KIND[kind]}, got {type(value).__name__}")
        return value


_KIND: Mapping[type, str] = {str: "text", dict: "objects", list: "a list"}


class Published:
    """A folder of the published data sets; each file is read once, and at most `limit` records of it are taken."""

    def __init__(self, folder: Path, split: str = "dev", limit: int | None = None) -> None:
        self.folder = folder
        self.split = split
        self.limit = limit
        self._read: dict[str, list[Case]] = {}

    def records(self, name: str) -> list[Case]:
        """Return the records of a file, `{split}` in its name replaced; raises `DataError`."""
        name = name.format(split=self.split)
        if name not in self._read:
            self._read[name] = list(islice(_cases(self._path(name)), self.limit))
        return self._read[name]

    def requests(self, name: str) -> list[Case]:
        """Return the records of a file that request an edit."""
        return [case for case in self.records(name) if case.edit]

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise DataError(
                f"there is no {name} in {str(self.folder)!r}; give the folder of the published data sets, or name with "
                f"--split and --row what it holds"
            )
        return path


def _cases(path: Path) -> Iterator[Case]:
    for record in read_json(path):
        place = (path, record.unit, record.number)
        try:
            edit = _edit(record)
        except (DataError, InvalidEdit) as error:
            raise data_error(*place, error) from error
        yield Case(record.fields, edit, place)


def _edit(record: Record) -> Edit | None:
    if not (form := detect_form(record.fields)):
        return None
    return next(edits_of(record.fields, form, number=record.number, namespace=DEFAULT_NAMESPACE), None)


def _flat(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _flat(item)
