"""Folders built once, published whole or not at all, and verified ever after; knows no models."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from platformdirs import user_cache_path

from memory_editor.errors import ModelError

MANIFEST: Final = "manifest.json"
"""Says what a cached folder was built from, and the size and SHA-256 of every file in it."""


def cache_root() -> Path:
    """Return where the package keeps what it can make again: MEMEDIT_CACHE, else the user's cache folder."""
    chosen = os.environ.get("MEMEDIT_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("memedit")


def build_once(target: Path, write: Callable[[Path], dict[str, Any]]) -> None:
    """Have `write` fill a folder and publish it as `target`, unless `target` is already there and sound.

    `write` returns what the manifest is to say of the source. Of several processes one builds and the others wait; a
    process killed midway leaves nothing that a reader could take for the result.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f"{target.name}.lock"):
            if target.is_dir() and find_fault(target) is None:
                return
            staging = target.parent / f"{target.name}.partial"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            _seal(staging, source=write(staging))
            shutil.rmtree(target, ignore_errors=True)
            staging.rename(target)
            _sync(target.parent)
    except OSError as error:
        raise ModelError(f"cannot write {target}: {error}; free disk space or point MEMEDIT_CACHE elsewhere") from error


def find_fault(folder: Path, *, hashes: bool = False) -> str | None:
    """Return what is wrong with a published folder, or None: sizes are always compared, SHA-256 only with `hashes`."""
    try:
        files: dict[str, dict[str, Any]] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        for name, expected in files.items():
            size = (folder / name).stat().st_size
            if size != expected["bytes"]:
                return f"{name} has {size:,} bytes, not {expected['bytes']:,}"
            if hashes and sha256(folder / name) != expected["sha256"]:
                return f"the SHA-256 of {name} is not the one in {MANIFEST}"
    except OSError as error:
        return f"{Path(error.filename).name}: {error.strerror}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is no manifest"
    return None


def folder_digest(folder: Path) -> str:
    """Return a short digest of all files in a folder and below; of none where there are none."""
    found = sorted(path for path in folder.expanduser().rglob("*") if path.is_file())
    return hashlib.sha256("".join(map(sha256, found)).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(folder: Path, source: dict[str, Any]) -> None:
    """Write the manifest and wait until all is on the disk."""
    files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps({"source": source, "files": files}, indent=2), encoding="utf-8")
    for path in (*folder.iterdir(), folder):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
