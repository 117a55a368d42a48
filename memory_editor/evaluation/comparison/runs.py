"""A run as a folder: settings, what has been answered so far, costs and a summary; knows no models.

settings.json      what was asked of which model by which method: with the same settings an interrupted run goes on
environment.json   the machine and the versions that the run began on
answers.jsonl      one line a prompt, in the order in which they were answered
applied.json       what applying the edits cost; for single edits applied.jsonl, one line a case, and whether undoing
                   them left no trace
general.json       fluency, perplexity, known facts and speed with the edits applied
undone.json        the same of edits that were applied together
summary.json       all figures; written last
"""

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

import torch

from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.asking import Answered, Item
from memory_editor.evaluation.comparison.lines import append, read_lines, read_value, write_value

Values: TypeAlias = dict[str, Any]

_PACKAGES: Final = ("memory-editor", "torch", "transformers", "numpy")
_ANSWERS: Final = "answers.jsonl"
_SETTINGS: Final = "settings.json"
_SUMMARY: Final = "summary.json"


class Run:
    """One method, one number of edits, one data set."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Begin a run in `folder`, or go on with the one there; raises `DataError` if that has other settings."""
        self.folder = folder
        self.settings: Values = json.loads(json.dumps(settings, default=_named))  # as they are read back
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder} cannot be a folder to write to: {error.strerror}; name another") from error
        there = read_value(folder / _SETTINGS)
        if there is None:
            write_value(folder / "environment.json", _environment())
            write_value(folder / _SETTINGS, self.settings)
        elif there != self.settings:
            name = next(key for key in {**there, **self.settings} if there.get(key) != self.settings.get(key))
            given = f"{name} {there.get(name)!r}, not {self.settings.get(name)!r}"
            raise DataError(f"{folder} holds a run with {given}; name another folder, or delete that one")
        self._answered = {one.key: one for one in map(Answered.from_dict, read_lines(folder / _ANSWERS))}

    @property
    def summary(self) -> Values | None:
        """The figures of a run that is finished."""
        found: Values | None = read_value(self.folder / _SUMMARY)
        return found

    def finish(self, summary: Values) -> None:
        """Write the figures."""
        write_value(self.folder / _SUMMARY, summary)

    def append(self, answered: Sequence[Answered]) -> None:
        """Keep what was answered; it is on the disk when this returns."""
        append(self.folder / _ANSWERS, (one.to_dict() for one in answered))
        self._answered |= {one.key: one for one in answered}

    def holds(self, items: Iterable[Item]) -> bool:
        """Say whether all items are answered."""
        return all(item.key in self._answered for item in items)

    @property
    def answered(self) -> list[Answered]:
        """What is answered, by case."""
        return [self._answered[key] for key in sorted(self._answered)]


def finished(folders: Sequence[Path]) -> list[Values]:
    """Return the summaries of all finished runs in folders and below; raises `DataError` where there is none."""
    found = [read_value(path) for folder in folders for path in _summaries(folder)]
    if not found:
        raise DataError(f"no finished run in {', '.join(map(str, folders))}; `memedit eval run` makes one")
    return found


def value_at(values: Any, *path: str) -> Any:
    """Return what stands at a path of names in nested values, or none."""
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _named(value: object) -> str:
    """Return what stands for a value in settings: of a path its last part, so that they hold on any machine."""
    return value.name if isinstance(value, Path) else str(value)


def _summaries(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob(_SUMMARY))


def _environment() -> Values:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "load": os.getloadavg()[0],
        "versions": {name: version(name) for name in _PACKAGES},
    }
