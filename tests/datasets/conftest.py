"""Where the tests of files of edits find the published ones, and room for their own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    folder = Path(os.environ.get("MEMEDIT_DATA") or Path(__file__).parents[3] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no published data sets at {folder}; set MEMEDIT_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str | bytes], Path]:
    """A function that writes a file of a given name and content, anew at every call."""
    folder = tmp_path_factory.mktemp("written")

    def write(name: str, content: str | bytes) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write
