"""The edit memory: store, index and encoder in step; knows no language model and no scope."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from memory_editor.edits import DEFAULT_NAMESPACE, FIELDS, Edit, EditId, Status, checked_namespace, new_edit_id
from memory_editor.encoder import DEFAULT_ENCODER, Encoder, load_encoder
from memory_editor.errors import EncoderMismatch, InvalidEdit, StoreError
from memory_editor.indexes.base import Neighbour
from memory_editor.memory.adding import Added, Requested, add
from memory_editor.memory.conflicts import (
    CERTAIN_FROM,
    JUDGED_FROM,
    CosineRule,
    Judge,
    LiveEdits,
    OnConflict,
    Pair,
    Verdicts,
    pairs_to_judge,
    pairs_within,
)
from memory_editor.memory.followed_index import FollowedIndex
from memory_editor.store import Action, Changing, EncoderStamp, Filter, Note, Store, Vectors, key_texts
from memory_editor.text import infer_subject

_PROBE: Final = "What a sentence means is what this vector says."
_SAME_ENCODER: Final = 0.999
"""Cosine similarity of two encoders' vectors of the probe from which they count as one; arithmetic differs by less."""

_ENCODE_AT_ONCE: Final = 2_048

_NEAREST: Final = 3
"""How many of the keys nearest to a requested prompt are compared to it, whatever their subjects."""

_FEW: Final = 64
"""Up to how many edits added together that is done."""


class EditMemory:
    """The durable, searchable set of live edits of one namespace.

    Safe to share between threads; other processes may write the same file, what they write is seen at the next call.
    """

    def __init__(
        self,
        store: Store,
        load: Callable[[], Encoder],
        namespace: str = DEFAULT_NAMESPACE,
        *,
        judge: Judge | None = None,
    ) -> None:
        """Keep `store` by the encoder that `load` gives; `judge` finds conflicts, by default by similarity alone."""
        self.store = store
        self.namespace = namespace
        self._load = load
        self._judge = judge or CosineRule()
        self._encoder: Encoder | None = None
        self._encoder_fits = ""  # the epoch of the store for which that was checked
        self._counted = (0, 0)  # a generation, and how many edits were live then
        self._lock = threading.RLock()
        self._followed = FollowedIndex(store, namespace)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        encoder: str = DEFAULT_ENCODER,
        device: str = "cpu",
        judge: Judge | None = None,
        create: bool = True,
    ) -> Self:
        """Open the memory at `path`; the encoder is loaded when first needed."""
        checked_namespace(namespace)  # before a file is made
        return cls(Store(path, create=create), lambda: load_encoder(encoder, device=device), namespace, judge=judge)

    def close(self) -> None:
        """Close the store; the memory cannot be used afterwards."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded when first asked for; raises `EncoderMismatch` when another made the stored vectors."""
        with self._lock:
            if self._encoder is None:
                self._encoder = self._load()
            epoch = self.store.epoch
            if epoch != self._encoder_fits and (stamp := self.store.encoder):
                _check(stamp, self._encoder)
                self._encoder_fits = epoch
            return self._encoder

    def count(self) -> int:
        """Return the number of live edits in this namespace, counted once for every generation of the store."""
        generation = self.store.generation
        if self._counted[0] != generation:
            self._counted = generation, self.store.count(Filter(namespace=self.namespace))
        return self._counted[1]

    def nearest(self, vectors: Vectors, k: int) -> list[list[Neighbour]]:
        """Return for each vector the `k` nearest keys of live edits, by key number, as the store is at this moment."""
        with self._lock:
            return self._followed.current(self.encoder.dimension).nearest(vectors, k)

    def add(self, edit: Edit, *, on_conflict: OnConflict = OnConflict.REPORT, note: Note | None = None) -> Added:
        """Add one edit, durably; one with the same prompt, or the same subject and relation, supersedes the earlier.

        Raises `EditConflict` for an edit that may contradict a live one, unless `on_conflict` settles that.
        """
        return self.add_many([edit], on_conflict=on_conflict, note=note)

    def add_many(
        self,
        edits: Sequence[Edit],
        *,
        on_conflict: OnConflict = OnConflict.REPORT,
        note: Note | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Added:
        """Add edits as one change, all or none; later ones supersede earlier ones as `add` does.

        Of edits given together that surely ask for the same of one subject, the last is added, unless both are to be
        kept; otherwise only what was live before can be in conflict with them. One whose id the memory has used
        already, such as a removed one that was exported before, gets a new id.
        `on_progress` is told the number of edits encoded so far.
        """
        if len(namespaces := sorted({edit.namespace for edit in edits})) > 1:
            raise InvalidEdit(
                f"the edits are of several namespaces, {', '.join(namespaces)}; add those of each by themselves"
            )
        encoder, used = self.encoder, self.store.used_ids(edit.id for edit in edits)
        edits = [
            replace(edit, namespace=self.namespace, id=new_edit_id() if edit.id in used else edit.id) for edit in edits
        ]
        requested = list(zip(edits, self._encode(edits, on_progress), strict=True))
        verdicts = self._verdicts(requested)
        within = verdicts.of(pairs_within(requested), CERTAIN_FROM)
        with self.changing(Action.ADD, note) as change:
            self._check_unchanged(encoder)
            live, pairs = self._live_around(requested)
            return add(change, requested, live, verdicts.of(pairs), on_conflict, within)

    def update(
        self, id_: str, *, on_conflict: OnConflict = OnConflict.REPORT, note: Note | None = None, **changes: Any
    ) -> Added:
        """Supersede a live edit by a new one that differs in the fields given.

        To the other live edits it stands as if it were added, and may supersede some of them as well.
        """
        record = self.store.get(id_)
        old = record.edit
        if record.status is not Status.LIVE:
            raise StoreError(
                f"edit {old.id} is {record.status}; only live edits can be updated, `memedit list` shows them"
            )
        if old.namespace != self.namespace:
            raise StoreError(f"edit {old.id} is in namespace {old.namespace!r}, not {self.namespace!r}; open that one")
        if unknown := sorted(set(changes) - set(FIELDS)):
            raise InvalidEdit(f"unknown field {unknown[0]!r}; an edit has {', '.join(FIELDS)}")
        if "prompt" in changes and old.subject == infer_subject(old.prompt):
            changes.setdefault("subject", None)
        new = replace(old, **{"id": new_edit_id(), "supersedes": old.id, **changes})
        encoder = self.encoder
        requested = [(new, self._encode([new], None)[0])]
        verdicts = self._verdicts(requested, old.id)
        with self.changing(Action.UPDATE, note) as change:
            self._check_unchanged(encoder)
            # Before anything is changed: the index would follow what may never be committed.
            live, pairs = self._live_around(requested, old.id)
            change.supersede(old.id)
            added = add(change, requested, live, verdicts.of(pairs), on_conflict, {})
            return replace(added, superseded=(old, *added.superseded))

    def reindex(self, encoder: Encoder) -> int:
        """Encode every text anew with `encoder` and use it from now on; return how many texts there were."""
        with self._lock:
            texts = self.store.reindex(encoder.encode, _stamp_of(encoder))
            self._encoder = encoder
            self._followed = FollowedIndex(self.store, self.namespace)
            return texts

    def _encode(self, edits: Sequence[Edit], on_progress: Callable[[int], None] | None) -> list[Vectors]:
        """Return for each edit the vectors of its `key_texts`."""
        encoded: list[Vectors] = []
        for start in range(0, len(edits), _ENCODE_AT_ONCE):
            chunk = [key_texts(edit) for edit in edits[start : start + _ENCODE_AT_ONCE]]
            vectors = self.encoder.encode([text for texts in chunk for text in texts])
            encoded += np.split(vectors, np.cumsum([len(texts) for texts in chunk])[:-1])
            if on_progress:
                on_progress(len(encoded))
        return encoded

    @contextmanager
    def changing(self, action: Action, note: Note | None = None) -> Iterator[Changing]:
        """Open a change of the store, all or none of it, whose edits come with vectors of this memory's encoder.

        Edits added in it are not compared with the live ones, as `add_many` does.
        """
        # This lock before the store's, as everywhere: two threads that take them in turn would wait for ever.
        with self._lock, self.store.changing(action, note) as change:
            encoder = self.encoder  # checked once more, now that no other process can change the stamp
            if self.store.encoder is None:
                change.stamp(_stamp_of(encoder))
            yield change

    def _check_unchanged(self, encoder: Encoder) -> None:
        if self._encoder is not encoder:  # another thread has reindexed since the texts were encoded
            raise EncoderMismatch("the memory was encoded anew meanwhile; give the same command again")

    def _verdicts(self, requested: Sequence[Requested], old: EditId | None = None) -> Verdicts:
        """Judge what is live now, for a change soon: judging takes long, and others shall not wait for it to write."""
        verdicts = Verdicts(self._judge)
        verdicts.of(self._live_around(requested, old)[1])
        return verdicts

    def _live_around(self, requested: Sequence[Requested], old: EditId | None = None) -> tuple[LiveEdits, list[Pair]]:
        """Return the live edits that may have to do with requested ones, and the pairs to be judged, all but `old`."""
        edits = [edit for edit, _ in requested]
        near = self._keys_near(requested)
        with self.store.snapshot():
            found = dict(self.store.live_about((edit.subject_key for edit in edits), self.namespace))
            found |= dict(self.store.live_at((key for edit in edits for key in edit.keys), self.namespace))
            nearest = [dict(self.store.live_with_keys(keys)) for keys in near]
            for others in nearest:
                found |= others
            stored = self.store.vectors_of(found)
        known = {edit.id: (edit, *stored[number]) for number, edit in found.items() if edit.id != old}
        live = LiveEdits(edit for edit, _, _ in known.values())
        pairs: list[Pair] = []
        for (edit, vectors), others in zip(requested, nearest, strict=True):
            around = dict.fromkeys(other.id for other in (*live.around(edit), *others.values()))
            pairs += pairs_to_judge(edit, vectors[: len(edit.keys)], [known[id_] for id_ in around if id_ in known])
        return live, pairs

    def _keys_near(self, requested: Sequence[Requested]) -> list[list[int]]:
        """Return for each of few edits the keys nearest to its prompt, of many none."""
        if not 0 < len(requested) <= _FEW:
            return [[] for _ in requested]
        prompts = np.stack([vectors[0] for _, vectors in requested])
        return [
            [neighbour.id for neighbour in found if neighbour.similarity >= JUDGED_FROM]
            for found in self.nearest(prompts, _NEAREST)
        ]


def _stamp_of(encoder: Encoder) -> EncoderStamp:
    return EncoderStamp(encoder.name, encoder.encode([_PROBE])[0])


def _check(stamp: EncoderStamp, encoder: Encoder) -> None:
    probe = encoder.encode([_PROBE])[0]
    if len(probe) != len(stamp.probe) or float(probe @ stamp.probe) < _SAME_ENCODER:
        raise EncoderMismatch(
            f"the vectors of this memory were made by encoder {stamp.name!r}, not by {encoder.name!r}; "
            f"give --encoder {stamp.name}, or change it for good with `memedit reindex --encoder {encoder.name}`"
        )
