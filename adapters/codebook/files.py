"""A codebook as a file: tensors in safetensors, the rest as JSON in its header; nothing in it is executed."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from memory_editor.adapters.codebook.entries import Entries
from memory_editor.edits import EditId
from memory_editor.errors import ModelError
from memory_editor.store.derived import Derived, beside

FILE_NAME: Final = "codebook.safetensors"
FORMAT: Final = 1
"""Counted up whenever an older file could be misread."""


@dataclass(frozen=True)
class About:
    """Which model a codebook is for, and how its values are learnt."""

    fingerprint: str
    projection: str
    steps: int
    format: int = FORMAT


def codebook_folder(memory: Path, namespace: str) -> Path:
    """Return where the codebook of a namespace lies: beside the memory. It can be deleted, and trained anew."""
    return beside(memory, Derived.CODEBOOK) / namespace


def save(entries: Entries, about: About, folder: Path) -> None:
    """Replace the codebook in `folder`; readers find the old or the new one, never a part."""
    header = {**asdict(about), "initial": entries.initial, "ids": entries.ids, "labels": entries.labels}
    temporary = folder / f"{FILE_NAME}-{uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"keys": entries.keys.contiguous(), "values": entries.values.contiguous()}
        save_file(tensors, temporary, {"codebook": json.dumps(header)})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(folder / FILE_NAME)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"no codebook can be written into {str(folder)!r}: {error}; make room or set rights"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def load(folder: Path, initial: float | None = None) -> tuple[Entries, About]:
    """Return what is saved in `folder`, with another initial radius if one is given; raises `ModelError`."""
    try:
        with safe_open(folder / FILE_NAME, "pt") as file:
            header = json.loads(file.metadata()["codebook"])
            keys, values = file.get_tensor("keys"), file.get_tensor("values")
        ids = tuple(EditId(str(id_)) for id_ in header.pop("ids"))
        labels = tuple(str(label) for label in header.pop("labels"))
        radius = float(header.pop("initial"))
        about = About(**header)
        if about.format != FORMAT:
            raise ValueError(f"its format is {about.format}, not {FORMAT}")
        if not len(ids) == len(labels) == len(keys) == len(values):
            raise ValueError(f"{len(ids)} edits, {len(labels)} labels, {len(keys)} keys and {len(values)} values")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"no codebook in {str(folder)!r}: {error}; `memedit codebook train --anew` makes one"
        ) from error
    return Entries(initial or radius, ids, labels, keys, values), about
