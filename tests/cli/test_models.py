"""models list and models pull."""

from pathlib import Path

import pytest

from memory_editor.models import files
from memory_editor.models.files import Location, ModelEntry
from tests.cli.conftest import Memedit

ENTRIES = [
    ModelEntry("small", "hub/small", Location.CACHE, Path("/models/small"), 540_000_000, None),
    ModelEntry("other", "hub/other", Location.HUB, None, 0, "config.json has 3 bytes, not 4"),
]


def test_models_list_says_where_each_is(memedit: Memedit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "list_models", lambda: ENTRIES)
    assert memedit("models", "list") == (
        "ALIAS\tWHERE\tSIZE\tFAULT\tHUB ID\n"
        "small\tcache\t540 MB\t-\thub/small\n"
        "other\thub\t0 MB\tconfig.json has 3 bytes, not 4\thub/other\n"
    )
    small, other = memedit.json("models", "list")
    assert small == {
        "alias": "small",
        "hub_id": "hub/small",
        "location": "cache",
        "path": "/models/small",
        "size": 540_000_000,
        "fault": None,
    }
    assert other["path"] is None


def test_models_pull_reports_on_stderr_and_prints_the_folder(memedit: Memedit, tmp_path: Path) -> None:
    result = memedit.run("models", "pull", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}\n")
    assert memedit.json("models", "pull", str(tmp_path)) == {"name": str(tmp_path), "path": str(tmp_path)}


def test_models_pull_of_nothing_is_an_error(memedit: Memedit) -> None:
    assert memedit.error("models", "pull", "./nowhere").startswith("no model './nowhere'")
