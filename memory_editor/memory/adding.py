"""What becomes of requested edits within one change of the store; knows no encoder and no index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memory_editor.edits import Conflict, Edit, EditId
from memory_editor.memory.conflicts import LiveEdits, OnConflict, conflict_error, standing
from memory_editor.store import Changing, Vectors

Requested = tuple[Edit, Vectors]
"""An edit that is to be added, and the vectors of its `key_texts`."""


@dataclass(frozen=True)
class Added:
    """What became of edits that were to be added."""

    edits: tuple[Edit, ...]
    """One for each requested edit: as it is stored now, or the live edit that says the same already."""
    restated: tuple[Edit, ...]
    """Those of `edits` that were live already."""
    superseded: tuple[Edit, ...]
    unclear: tuple[Conflict, ...]
    """Possible contradictions that were settled as asked."""
    restates: tuple[Conflict, ...] = ()
    """Which of `edits` say in other words what a live one says, so that the two do not contradict each other."""


def add(
    change: Changing,
    requested: Sequence[Requested],
    live: LiveEdits,
    conflicts: Mapping[EditId, Sequence[Conflict]],
    on_conflict: OnConflict,
    within: Mapping[EditId, Sequence[Conflict]],
) -> Added:
    """Store requested edits in their order, each as it stands to the live ones and to those before it.

    `conflicts` are, by requested edit, the live ones that it was judged to ask for; `within` those requested before
    it that it surely asks for, which it supersedes unless both are to be kept. Raises `EditConflict`.
    """
    stored: list[Edit] = []
    restated: list[Edit] = []
    superseded: list[Edit] = []
    unclear: list[Conflict] = []
    restates: list[Conflict] = []
    for edit, vectors in requested:
        found = standing(edit, live, conflicts.get(edit.id, ()))
        if found.restated:
            stored.append(found.restated)
            restated.append(found.restated)
            continue
        unclear += found.unclear
        restates += found.restates
        replaced = list(found.superseded)
        if on_conflict is OnConflict.REPLACE:
            replaced += [conflict.live for conflict in found.unclear]
        if on_conflict is not OnConflict.KEEP_BOTH:
            earlier = (live.held(conflict.live) for conflict in within.get(edit.id, ()))
            replaced += [old for old in earlier if old and old not in replaced]
        new = replace(edit, supersedes=edit.supersedes or replaced[0].id) if replaced else edit
        for old in replaced:
            change.supersede(old.id)
            live.drop(old)
        change.add(new, vectors)
        live.hold(new)
        stored.append(new)
        superseded += replaced
    if on_conflict is OnConflict.REPORT and unclear:
        raise conflict_error(tuple(unclear))
    return Added(tuple(stored), tuple(restated), tuple(superseded), tuple(unclear), tuple(restates))
