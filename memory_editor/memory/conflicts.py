"""How a requested edit stands to live edits: it is known, supersedes, restates, may contradict, or is independent."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol
from unicodedata import category

import numpy as np

from memory_editor.edits import Conflict, Edit, EditId
from memory_editor.errors import EditConflict
from memory_editor.store import Vectors
from memory_editor.text import fingerprint, mentions, normalised

JUDGED_FROM: Final = 0.5
"""Cosine similarity of two prompts from which one may ask for what the other does."""

SAME_FROM: Final = 0.5
"""The probability from which a requested edit is held to ask for what a live one says."""

CERTAIN_FROM: Final = 0.9
"""The same, from which of two edits given together the later supersedes the earlier."""

_WITHIN: Final = 32
"""To how many of those given before it about its subject, the last ones, an edit is compared."""

_JUDGED_WITHIN: Final = 2
"""How many of these, those most alike, are judged."""

_ALIKE_FROM: Final = 0.85
"""Cosine similarity of two prompts about one subject from which other wording may still ask for the same."""

_UNCERTAIN: Final = 0.89


class OnConflict(StrEnum):
    """What becomes of a live edit that a new one may contradict."""

    REPORT = "report"
    REPLACE = "replace"
    KEEP_BOTH = "keep-both"


@dataclass(frozen=True)
class Pair:
    """A requested edit and a live one, in the wordings of both that are most alike."""

    edit: Edit
    live: Edit
    prompt: str
    """That key of the requested edit."""
    key: str
    """That key of the live edit."""
    similarity: float
    """Cosine similarity of the two."""
    exclusion_similarity: float
    """The greatest of `prompt` to an exclusion of the live edit; -1 without any."""


class Judge(Protocol):
    """What says whether a requested edit asks for what a live one says."""

    def probabilities(self, pairs: Sequence[Pair]) -> list[float]:
        """Return for each pair how probable that is; the pairs of one requested edit stand together."""
        ...


class CosineRule:
    """Holds that prompts about one subject may ask for the same if they are much alike, as probably as they are.

    It is never certain: one word makes another question and leaves the two alike.
    """

    def probabilities(self, pairs: Sequence[Pair]) -> list[float]:
        """Return the similarity of each pair, or 0 where it is too small or the subjects differ."""
        return [
            min(pair.similarity, _UNCERTAIN)
            if pair.edit.subject_key == pair.live.subject_key and pair.similarity >= _ALIKE_FROM
            else 0.0
            for pair in pairs
        ]


class Verdicts:
    """What a judge says of the pairs of one change; none is judged twice."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._probabilities: dict[tuple[EditId, EditId], float] = {}

    def of(self, pairs: Sequence[Pair], at_least: float = SAME_FROM) -> dict[EditId, list[Conflict]]:
        """Return, by requested edit, the pairs in which it is held to ask for what the live one says."""
        new = [pair for pair in pairs if (pair.edit.id, pair.live.id) not in self._probabilities]
        if new:
            probabilities = self._judge.probabilities(new)
            self._probabilities |= {(p.edit.id, p.live.id): value for p, value in zip(new, probabilities, strict=True)}
        held: dict[EditId, list[Conflict]] = defaultdict(list)
        for pair in pairs:
            probability = self._probabilities[pair.edit.id, pair.live.id]
            if probability >= at_least:
                held[pair.edit.id].append(Conflict(pair.edit, pair.live, probability))
        return held


@dataclass(frozen=True)
class Standing:
    """How a requested edit stands to the live ones."""

    restated: Edit | None
    """The live edit that says the same in every respect."""
    superseded: tuple[Edit, ...]
    """The live edits with the same prompt, or the same subject and relation."""
    unclear: tuple[Conflict, ...]
    """Those live edits that it may contradict."""
    restates: tuple[Conflict, ...]
    """Those live edits that say the same in other words."""


class LiveEdits:
    """Live edits, looked up by subject and by prompt."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self._by_place: dict[bytes | str, dict[EditId, Edit]] = defaultdict(dict)
        for edit in edits:
            self.hold(edit)

    def __contains__(self, edit: Edit) -> bool:
        return self.held(edit) is not None

    def held(self, edit: Edit) -> Edit | None:
        """Return the live edit with the id of `edit`, if there is one."""
        found = (self._by_place[place].get(edit.id) for place in _places(edit))
        return next((other for other in found if other), None)

    def hold(self, edit: Edit) -> None:
        """Count `edit` as live."""
        for place in _places(edit):
            self._by_place[place][edit.id] = edit

    def drop(self, edit: Edit) -> None:
        """Count `edit` as live no longer."""
        for place in _places(edit):
            del self._by_place[place][edit.id]

    def around(self, edit: Edit) -> list[Edit]:
        """Return the live edits that share the subject or a prompt with `edit`."""
        found = {id_: other for place in _places(edit) for id_, other in self._by_place[place].items()}
        return list(found.values())


def standing(edit: Edit, live: LiveEdits, held: Iterable[Conflict]) -> Standing:
    """Say how a requested edit stands to the live ones; `held` are those that it was held to ask for before."""
    replaceable = [other for other in live.around(edit) if _has_place_of(edit, other)]
    restated = next((other for other in replaceable if edit.says_the_same(other)), None)
    still = [conflict for conflict in held if conflict.live in live]
    return Standing(
        restated,
        tuple(other for other in replaceable if other is not restated),
        tuple(conflict for conflict in still if not _answers_alike(edit, conflict.live)),
        tuple(conflict for conflict in still if _answers_alike(edit, conflict.live)),
    )


def pairs_to_judge(edit: Edit, vectors: Vectors, live: Iterable[tuple[Edit, Vectors, Vectors]]) -> list[Pair]:
    """Pair a requested edit with those live ones that its texts alone do not tell it how to stand to.

    `vectors` are those of its keys; the live edits come with the vectors of their keys and of their exclusions.
    """
    pairs = []
    for other, keys, exclusions in live:
        if _has_place_of(edit, other):
            if edit.says_the_same(other):
                return []
            continue
        similarities = vectors @ keys.T
        asked, key = np.unravel_index(similarities.argmax(), similarities.shape)
        similarity = float(similarities[asked, key])
        if similarity >= JUDGED_FROM and other.is_valid():
            excluded = float((exclusions @ vectors[asked]).max()) if len(exclusions) else -1.0
            pairs.append(Pair(edit, other, edit.keys[asked], other.keys[key], similarity, excluded))
    return pairs


def pairs_within(requested: Iterable[tuple[Edit, Vectors]]) -> list[Pair]:
    """Pair each of the edits given together with those before it that are most alike, if they are about one subject.

    Each comes with the vectors of its `key_texts`, and only wordings that mention the subject are judged. Statements
    are not: much can be stated of one subject in like words, and all of it hold.
    """
    before: dict[str, deque[tuple[Edit, Vectors, Vectors]]] = defaultdict(lambda: deque(maxlen=_WITHIN))
    pairs: list[Pair] = []
    for edit, vectors in requested:
        if edit.subject and not edit.is_statement:
            keys, exclusions = np.split(vectors, [len(edit.keys)])
            found = pairs_to_judge(edit, keys, before[edit.subject_key])
            alike = sorted(found, key=lambda pair: -pair.similarity)[:_JUDGED_WITHIN]
            pairs += [pair for pair in alike if mentions(pair.prompt, edit.subject)]
            before[edit.subject_key].append((edit, keys, exclusions))
    return pairs


def conflict_error(conflicts: tuple[Conflict, ...]) -> EditConflict:
    """Return the error that names the first conflict and how to settle all of them."""
    first = conflicts[0]
    others = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
    return EditConflict(
        f"{first.edit.fact!r} may contradict live edit {first.live.id} {first.live.fact!r} "
        f"(probability {first.probability:.2f}){others}; say --replace to supersede it or --keep-both",
        conflicts,
    )


def _places(edit: Edit) -> set[bytes | str]:
    return {fingerprint(key) for key in edit.keys} | ({edit.subject_key} - {""})


def _has_place_of(edit: Edit, other: Edit) -> bool:
    if fingerprint(edit.prompt) in map(fingerprint, other.keys):
        return True
    is_same = (edit.subject_key, edit.relation) == (other.subject_key, other.relation)
    return bool(edit.subject_key) and is_same and _symbols(edit.prompt) == _symbols(other.prompt)


def _symbols(text: str) -> list[str]:
    """Return what of a text words leave out and still tells "C", "C++" and "C#" apart."""
    return [character for character in normalised(text) if character in "#%&*/@\\" or category(character)[0] == "S"]


def _answers_alike(edit: Edit, other: Edit) -> bool:
    return normalised(edit.target_new or edit.prompt) == normalised(other.target_new or other.prompt)
