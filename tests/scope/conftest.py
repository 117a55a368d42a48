from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_editor.memory import EditMemory
from tests.fakes import FakeEncoder, open_memory


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture
def memory(tmp_path: Path, encoder: FakeEncoder) -> Iterator[EditMemory]:
    with open_memory(tmp_path / "memory.db", encoder) as opened:
        yield opened
