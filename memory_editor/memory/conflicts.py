"""How a requested edit stands to live edits: it restates one, replaces some, may contradict some, or is independent."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from memory_editor.edits import Conflict, Edit, EditId
from memory_editor.errors import EditConflict
from memory_editor.store import Vectors
from memory_editor.text import fingerprint, normalised

UNCLEAR_FROM: Final = 0.85
"""Cosine similarity of two prompts about one subject from which other wording may still ask for the same."""


class OnConflict(StrEnum):
    """What becomes of a live edit that a new one may contradict."""

    REPORT = "report"
    REPLACE = "replace"
    KEEP_BOTH = "keep-both"


@dataclass(frozen=True)
class Standing:
    """How a requested edit stands to the live ones."""

    restated: Edit | None
    """The live edit that says the same in every respect."""
    superseded: tuple[Edit, ...]
    """The live edits with the same prompt, or the same subject and relation."""
    unclear: tuple[Conflict, ...]


class LiveEdits:
    """Live edits with the vectors of their keys, looked up by subject and by prompt."""

    def __init__(self, edits: Iterable[tuple[Edit, Vectors]]) -> None:
        self._by_place: dict[bytes | str, dict[EditId, tuple[Edit, Vectors]]] = defaultdict(dict)
        for edit, vectors in edits:
            self.hold(edit, vectors)

    def hold(self, edit: Edit, vectors: Vectors) -> None:
        """Count `edit` as live."""
        for place in _places(edit):
            self._by_place[place][edit.id] = (edit, vectors)

    def drop(self, edit: Edit) -> None:
        """Count `edit` as live no longer."""
        for place in _places(edit):
            del self._by_place[place][edit.id]

    def around(self, edit: Edit) -> list[tuple[Edit, Vectors]]:
        """Return the live edits that share the subject or a prompt with `edit`."""
        found = {id_: pair for place in _places(edit) for id_, pair in self._by_place[place].items()}
        return list(found.values())


def standing(edit: Edit, vectors: Vectors, live: Iterable[tuple[Edit, Vectors]]) -> Standing:
    """Compare a requested edit, with the vectors of its keys, to live edits with theirs."""
    restated: Edit | None = None
    superseded: list[Edit] = []
    unclear: list[Conflict] = []
    for other, other_vectors in live:
        similarity = float((vectors @ other_vectors.T).max())
        if edit.says_the_same(other):
            restated = other
        elif _has_place_of(edit, other):
            superseded.append(other)
        elif edit.subject_key == other.subject_key and similarity >= UNCLEAR_FROM and not _answers_alike(edit, other):
            unclear.append(Conflict(edit, other, similarity))
    return Standing(restated, tuple(superseded), tuple(unclear))


def conflict_error(conflicts: tuple[Conflict, ...]) -> EditConflict:
    """Return the error that names the first conflict and how to settle all of them."""
    first = conflicts[0]
    others = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
    return EditConflict(
        f"{first.edit.fact!r} may contradict live edit {first.live.id} {first.live.fact!r} "
        f"(similarity {first.similarity:.2f}){others}; say --replace to supersede it or --keep-both",
        conflicts,
    )


def _places(edit: Edit) -> set[bytes | str]:
    return {fingerprint(key) for key in edit.keys} | ({edit.subject_key} - {""})


def _has_place_of(edit: Edit, other: Edit) -> bool:
    if fingerprint(edit.prompt) in map(fingerprint, other.keys):
        return True
    return bool(edit.subject_key) and (edit.subject_key, edit.relation) == (other.subject_key, other.relation)


def _answers_alike(edit: Edit, other: Edit) -> bool:
    return normalised(edit.target_new or edit.prompt) == normalised(other.target_new or other.prompt)
