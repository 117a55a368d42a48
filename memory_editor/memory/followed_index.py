"""An index that follows the store: read from its file, brought up to date by key changes, or built anew."""

import logging
from pathlib import Path
from typing import Final

import numpy as np

from memory_editor.errors import IndexFileError
from memory_editor.indexes import DEFAULT_KIND, VectorIndex, files, index_class
from memory_editor.store import Store

_SAVE_AFTER: Final = 256
_SAVE_SHARE: Final = 0.02
"""How many keys the file may lag behind, or what share of all: fewer are read from the store faster than a file is
written."""

_READ_AT_ONCE: Final = 16_384
"""How many vectors are read from the store at once: all of a large memory would take more room than its index."""

_logger = logging.getLogger(__name__)


def index_folder(store: Store, namespace: str) -> Path:
    """Return where the index file of a namespace lies: beside the store."""
    return store.index_folder / namespace


def index_problems(store: Store) -> list[str]:
    """Return what is wrong with the index files of a memory, in words; one that is missing or out of date is not."""
    found = sorted(store.index_folder.glob(f"*/{files.FILE_NAME}"))
    return [problem for file in found if (problem := _problem(store, file.parent))]


def _problem(store: Store, folder: Path) -> str | None:
    try:
        index, manifest = files.load(folder)
    except IndexFileError as error:
        return str(error)
    if manifest.origin != store.origin(manifest.generation):
        return None
    with store.snapshot():
        since, live = store.key_changes(folder.name, manifest.generation), store.key_changes(folder.name)
    followed = np.union1d(np.setdiff1d(index.ids(), since.dropped), since.ids)
    if np.array_equal(followed, live.ids):
        return None
    return f"index file in {folder} disagrees with the store; delete it, it is rebuilt when needed"


class FollowedIndex:
    """The index over the keys of one namespace's live edits; its file is a cache that can be deleted at any time."""

    def __init__(self, store: Store, namespace: str) -> None:
        self._store = store
        self._namespace = namespace
        self._folder = index_folder(store, namespace)
        self._index: VectorIndex | None = None
        self._epoch = ""
        self._generation = 0
        self._unsaved = 0

    def current(self, dimension: int) -> VectorIndex:
        """Return the index as the store is at this moment."""
        if self._index is None or self._epoch != self._store.epoch:
            self._epoch, self._generation, self._unsaved = self._store.epoch, 0, 0
            self._index = self._loaded() or index_class(DEFAULT_KIND)(dimension)
        if self._generation != self._store.generation:
            self._follow(self._index)
        return self._index

    def _loaded(self) -> VectorIndex | None:
        """Return the index of the file if it is of this memory, at a time that this memory remembers."""
        try:
            index, manifest = files.load(self._folder)
        except IndexFileError as error:
            _logger.info("%s", error)
            return None
        if manifest.origin != self._store.origin(manifest.generation):
            _logger.info("index file in %s is of another memory or time; it is rebuilt from the store", self._folder)
            return None
        self._generation = manifest.generation
        return index

    def _follow(self, index: VectorIndex) -> None:
        with self._store.snapshot():
            changes = self._store.key_changes(self._namespace, self._generation)
            # A key that came and went, or went and came back, needs nothing done.
            gone = changes.dropped[index.holds(changes.dropped)]
            new = changes.ids[~index.holds(changes.ids)]
            index.remove(gone)
            for start in range(0, len(new), _READ_AT_ONCE):
                keys = new[start : start + _READ_AT_ONCE]
                index.add(keys, self._store.vectors_at(keys))
        self._generation = changes.generation
        self._unsaved += len(gone) + len(new)
        if self._unsaved >= max(_SAVE_AFTER, _SAVE_SHARE * len(index)):
            self._save(index)

    def _save(self, index: VectorIndex) -> None:
        self._unsaved = 0
        origin = self._store.origin(self._generation)
        if self._store.epoch != self._epoch:
            return  # the next call builds the index anew
        try:
            files.save(index, self._folder, generation=self._generation, origin=origin)
        except IndexFileError as error:
            # The store holds everything: without a file the next start only takes longer.
            _logger.warning("%s", error)
