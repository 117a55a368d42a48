"""Which of the banks beside a memory is in force: one is swapped for another at once or not at all, and back."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from ulid import ULID

from memory_editor.adapters.bank.bank import Bank
from memory_editor.errors import ModelError
from memory_editor.models.cache import build_once
from memory_editor.store.derived import Derived, beside

_POINTER: Final = "current.json"
_BANKS: Final = "banks"


@dataclass(frozen=True)
class _Pointer:
    """The names of the bank in force and of the one before."""

    current: str | None = None
    previous: str | None = None

    @property
    def names(self) -> set[str]:
        """Return the names that stand for a bank."""
        return {name for name in (self.current, self.previous) if name}


def bank_folder(memory: Path, namespace: str) -> Path:
    """Return where the banks of a namespace lie: beside the memory. They can be deleted, and trained anew."""
    return beside(memory, Derived.BANK) / namespace


def current_bank(folder: Path) -> Bank | None:
    """Return the bank in force, if there is one; raises `ModelError` for one that is broken."""
    name = _read(folder).current
    return Bank.load(folder / _BANKS / name) if name else None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the banks during the block; raises `ModelError` where one does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "consolidating.lock", timeout=0):
            yield
    except Timeout as error:
        raise ModelError(f"another process consolidates in {str(folder)!r}; wait until it is done") from error


def publish(folder: Path, write: Callable[[Path], dict[str, Any]]) -> Bank:
    """Have `write` fill a new bank, put it in force and return it; raises `ModelError` where it cannot be written.

    `write` returns what the manifest is to say. The bank before stays, for an undo; older ones are deleted.
    """
    name = str(ULID())
    build_once(folder / _BANKS / name, write)
    _point(folder, _Pointer(name, _read(folder).current))
    return Bank.load(folder / _BANKS / name)


def undo(folder: Path) -> Bank | None:
    """Put the bank before, or none, in force again, and return it.

    Raises `ModelError` where none is in force, and where another process is making one.
    """
    if _read(folder).current is None:
        raise ModelError(f"no adapter bank is in force in {str(folder)!r}; `memedit consolidate` makes one")
    with alone(folder):
        _point(folder, _Pointer(_read(folder).previous))
        return current_bank(folder)


def _read(folder: Path) -> _Pointer:
    path = folder / _POINTER
    try:
        return _Pointer(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return _Pointer()
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"cannot read {str(path)!r}: {error}; delete it, and `memedit consolidate` again") from error


def _point(folder: Path, pointer: _Pointer) -> None:
    """Write the pointer so that after a crash at any moment it is the old one or the new one, and on the disk.

    Then delete the banks to which it does not point, such as one whose making was killed at the end.
    """
    temporary = folder / f"{_POINTER}.new"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(asdict(pointer), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / _POINTER)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ModelError(f"cannot write {folder / _POINTER}: {error}; the bank before stays in force") from error
    for path in (folder / _BANKS).iterdir():
        if path.is_file():
            path.unlink(missing_ok=True)
        elif path.name not in pointer.names:
            shutil.rmtree(path, ignore_errors=True)
