"""Vectors kept in a folder."""

from pathlib import Path

import numpy as np
import pytest

from memory_editor.errors import DataError
from memory_editor.evaluation.scale import vectors
from memory_editor.evaluation.scale.vectors import KeptVectors
from memory_editor.progress import no_progress
from tests.fakes import FakeEncoder

TEXTS = [f"text number {number}" for number in range(10)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "CHUNK", 4)


def test_every_text_has_its_vector_and_is_encoded_once(tmp_path: Path) -> None:
    encoder, kept = FakeEncoder(), KeptVectors(TEXTS, tmp_path)
    kept.encode(encoder, no_progress)
    kept.encode(encoder, no_progress)
    assert sorted(encoder.encoded) == sorted(TEXTS)
    found = [*kept.chunks(9)]
    assert [text for texts, _ in found for text in texts] == TEXTS[:9]
    assert np.array_equal(np.concatenate([rows for _, rows in found]), FakeEncoder().encode(TEXTS[:9]))
    assert kept.spent["texts"] == 10


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    kept = KeptVectors(TEXTS, tmp_path)
    kept.encode(FakeEncoder(), no_progress)
    (tmp_path / "vectors-001.npy").unlink()
    encoder = FakeEncoder()
    kept.encode(encoder, no_progress)
    assert encoder.encoded == TEXTS[4:8]
    assert kept.spent["texts"] == 14


def test_a_folder_of_other_texts_or_of_another_encoder_is_refused(tmp_path: Path) -> None:
    KeptVectors(TEXTS, tmp_path).encode(FakeEncoder(), no_progress)
    with pytest.raises(DataError, match="name another folder"):
        KeptVectors(TEXTS[1:], tmp_path).encode(FakeEncoder(), no_progress)
    with pytest.raises(DataError, match="of another encoder"):
        KeptVectors(TEXTS, tmp_path).encode(FakeEncoder("other"), no_progress)
