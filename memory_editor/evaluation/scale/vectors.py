"""The vectors of many texts in a folder, encoded once, chunk by chunk; knows no edits and no memory."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from memory_editor.encoder import Encoder, Vectors
from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.lines import read_value, write_value
from memory_editor.progress import Progress

CHUNK: Final = 10_000
"""How many vectors a file holds."""


@dataclass(frozen=True)
class KeptVectors:
    """Texts and the folder with their vectors; `spent` says how many were encoded in how many seconds."""

    texts: Sequence[str]
    folder: Path

    @property
    def spent(self) -> dict[str, Any]:
        """How many texts were encoded, and the seconds and processor seconds that it took."""
        return dict(read_value(self.folder / "encoding.json") or {"texts": 0, "wall s": 0.0, "processor s": 0.0})

    def chunks(self, count: int) -> Iterator[tuple[Sequence[str], Vectors]]:
        """Yield the first `count` texts with their vectors, file by file."""
        for start in range(0, count, CHUNK):
            texts = self.texts[start : min(start + CHUNK, count)]
            yield texts, np.load(self._path(start))[: len(texts)]

    def encode(self, encoder: Encoder, progress: Progress) -> None:
        """Encode what is not encoded yet, on one thread a file: threads that share a batch wait for each other.

        What is there is kept, so that an interrupted call goes on. Raises `DataError` for a folder of other texts.
        """
        self._claim(encoder)
        missing = [start for start in range(0, len(self.texts), CHUNK) if not self._path(start).exists()]
        spent, done = self.spent, len(self.texts) - CHUNK * len(missing)
        workers = torch.get_num_threads()
        with ThreadPoolExecutor(workers) as pool, progress("encoding", len(self.texts)) as report:
            wall, processor = time.perf_counter(), time.process_time()
            for count in pool.map(lambda start: self._encode_chunk(encoder, start), missing):
                wall, wall_before = time.perf_counter(), wall
                processor, processor_before = time.process_time(), processor
                spent["texts"] += count
                spent["wall s"] += wall - wall_before
                spent["processor s"] += processor - processor_before
                write_value(self.folder / "encoding.json", spent)
                done += count
                report(done)

    def _claim(self, encoder: Encoder) -> None:
        """Note what the folder is for, unless it is for something else."""
        digest = hashlib.sha256("\n".join(self.texts).encode()).hexdigest()
        made_of = {"encoder": encoder.name, "texts": len(self.texts), "sha256": digest}
        told = read_value(self.folder / "texts.json")
        if told not in (None, made_of):
            raise DataError(f"{self.folder} holds vectors of other texts or of another encoder; name another folder")
        write_value(self.folder / "texts.json", made_of)

    def _encode_chunk(self, encoder: Encoder, start: int) -> int:
        torch.set_num_threads(1)
        vectors = encoder.encode(self.texts[start : start + CHUNK])
        temporary = self._path(start).with_suffix(".tmp.npy")
        np.save(temporary, vectors, allow_pickle=False)
        temporary.replace(self._path(start))
        return len(vectors)

    def _path(self, start: int) -> Path:
        return self.folder / f"vectors-{start // CHUNK:03}.npy"
