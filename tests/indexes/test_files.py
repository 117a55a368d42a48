import io
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.errors import IndexFileError
from memory_editor.indexes import VectorIndex
from memory_editor.indexes.files import FILE_NAME, Manifest, load, save
from memory_editor.indexes.flat import FlatIndex
from memory_editor.indexes.growing import GrowingIndex
from memory_editor.indexes.pq import PqIndex
from tests.indexes.vectors import DIMENSION, clustered

COUNT = 700
VECTORS = clustered(COUNT)
KINDS: dict[str, Callable[[], VectorIndex]] = {
    "flat": lambda: FlatIndex(DIMENSION),
    "growing below its size": lambda: GrowingIndex(DIMENSION),
    "growing": lambda: GrowingIndex(DIMENSION, codes_from=600),
    "pq": lambda: PqIndex(DIMENSION),
}


def built(kind: str = "flat", count: int = COUNT) -> VectorIndex:
    index = KINDS[kind]()
    index.add(np.arange(count), VECTORS[:count])
    return index


def saved(folder: Path, index: VectorIndex) -> Path:
    save(index, folder, generation=7, origin="a store")
    return folder / FILE_NAME


def with_checksum(body: bytes) -> bytes:
    return sha256(body).digest() + body


def rewritten(path: Path, **changes: object) -> None:
    """Change the manifest, or an array of that name, as another version of this program might have written it."""
    with np.load(io.BytesIO(path.read_bytes()[32:])) as file:
        arrays = dict(file)
    raw = json.loads(str(arrays.pop("manifest")))
    raw |= {name: value for name, value in changes.items() if name not in arrays}
    arrays = {name: array for name, array in arrays.items() if name not in changes}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, manifest=np.array(json.dumps(raw)), **arrays)
    path.write_bytes(with_checksum(content.getvalue()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 3, COUNT])
def test_what_is_loaded_equals_what_was_saved(tmp_path: Path, kind: str, count: int) -> None:
    index = built(kind, count)
    saved(tmp_path, index)
    copy, manifest = load(tmp_path)
    assert manifest == Manifest(index.kind, generation=7, origin="a store", count=count, dimension=DIMENSION)
    assert type(copy) is type(index)
    assert copy.nearest(VECTORS[:40], 5) == index.nearest(VECTORS[:40], 5)
    assert {name: array.tobytes() for name, array in copy.arrays().items()} == {
        name: array.tobytes() for name, array in index.arrays().items()
    }


def test_a_loaded_index_goes_on(tmp_path: Path) -> None:
    index = built("pq")
    saved(tmp_path, index)
    copy, _ = load(tmp_path)
    for each in (index, copy):
        each.remove(np.arange(100))
        each.add(np.arange(COUNT, COUNT + 50), clustered(50, seed=1))
    assert copy.nearest(VECTORS, 5) == index.nearest(VECTORS, 5)


def test_a_later_save_replaces_the_file(tmp_path: Path) -> None:
    saved(tmp_path, built(count=5))
    save(built(count=6), tmp_path, generation=8, origin="a store")
    assert load(tmp_path)[1].generation == 8
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_folder_without_a_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(IndexFileError, match=r"vectors\.index cannot be read .*No such file.*; rebuild it"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_shortened_file_is_refused(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path, built())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(IndexFileError, match="damaged, its checksum does not match; rebuild it"):
        load(tmp_path)


@settings(deadline=None)  # the disk decides how long it takes
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused(tmp_path_factory: pytest.TempPathFactory, place: float, bit: int) -> None:
    folder = tmp_path_factory.getbasetemp() / "flipped"
    path = saved(folder, built("pq", 5))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(IndexFileError, match="damaged"):
        load(folder)


@given(foreign=st.binary(max_size=200))
@pytest.mark.parametrize("disguise", [bytes, with_checksum], ids=["as it is", "with a checksum that fits"])
def test_foreign_bytes_are_refused(
    tmp_path_factory: pytest.TempPathFactory, disguise: Callable[[bytes], bytes], foreign: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / FILE_NAME).write_bytes(disguise(foreign))
    with pytest.raises(IndexFileError, match="rebuild it from the store"):
        load(folder)


REWRITTEN: dict[str, tuple[dict[str, object], str]] = {
    "another format": ({"format": 1}, "its format is 1, not 2"),
    "an unknown kind": ({"kind": "hnsw"}, "unknown kind of index 'hnsw'"),
    "another count": ({"count": 3}, f"it holds {COUNT} vectors of {DIMENSION} numbers, not 3 of {DIMENSION}"),
    "another dimension": ({"dimension": 5}, f"{DIMENSION} numbers, not {COUNT} of 5"),
    "a new field": ({"colour": "red"}, "colour"),
    "no vectors": ({"vectors": None}, "vectors"),
}


@pytest.mark.parametrize(("changes", "message"), REWRITTEN.values(), ids=REWRITTEN)
def test_a_file_that_says_other_than_it_holds_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    rewritten(saved(tmp_path, built()), **changes)
    with pytest.raises(IndexFileError, match=f"cannot be used: .*{re.escape(message)}.*; rebuild it"):
        load(tmp_path)


def test_codes_that_faiss_cannot_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = built("pq")
    arrays = dict(index.arrays())
    arrays["codes"] = arrays["codes"][:100]
    monkeypatch.setattr(index, "arrays", lambda: arrays)
    saved(tmp_path, index)
    with pytest.raises(IndexFileError, match=r"cannot be used: .*; rebuild it"):
        load(tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_while_saving_leaves_the_file_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    saved(tmp_path, built(count=5))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, crash)
    with pytest.raises(KeyboardInterrupt):
        save(built(count=6), tmp_path, generation=8, origin="a store")
    monkeypatch.undo()
    assert load(tmp_path)[1].generation == 7
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_crash_after_the_renaming_leaves_the_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def crash_at_the_folder(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise KeyboardInterrupt

    saved(tmp_path, built(count=5))
    monkeypatch.setattr(os, "fsync", crash_at_the_folder)
    with pytest.raises(KeyboardInterrupt):
        save(built(count=6), tmp_path, generation=8, origin="a store")
    assert load(tmp_path)[1].generation == 8


def test_the_next_save_clears_away_what_a_crashed_writer_left(tmp_path: Path) -> None:
    crashed, writing = (tmp_path / f"{FILE_NAME}-{name}.tmp" for name in ("crashed", "writing"))
    for path in (crashed, writing):
        path.write_bytes(b"half")
    os.utime(crashed, (0, 0))
    saved(tmp_path, built())
    assert sorted(tmp_path.iterdir()) == [tmp_path / FILE_NAME, writing]


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IndexFileError, match=r"vectors\.index cannot be written"):
        saved(tmp_path / "file", built())


def test_writers_and_a_reader_at_once_meet_only_whole_files(tmp_path: Path) -> None:
    saved(tmp_path, built())

    def save_often(count: int) -> None:
        index = built(count=count)
        for generation in range(15):
            save(index, tmp_path, generation=generation, origin=str(count))

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(save_often, count) for count in (100, 500)]
        while not all(writer.done() for writer in writers):
            load(tmp_path)
    assert [writer.result() for writer in writers] == [None, None]
    index, manifest = load(tmp_path)
    assert (manifest.origin, manifest.generation) == (str(len(index)), 14)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
