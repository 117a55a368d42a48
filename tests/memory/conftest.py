from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_editor.memory import EditMemory
from tests.fakes import open_memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def memory(path: Path) -> Iterator[EditMemory]:
    with open_memory(path) as opened:
        yield opened
