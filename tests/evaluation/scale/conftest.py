"""A small folder of the published data sets."""

import json
from pathlib import Path

import pytest

from tests.scope.training.data import write


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = write(tmp_path / "data")
    for name in ("webquestions", "nq_open", "squad2"):
        questions = [{"question": f"who {name} number {number}"} for number in range(3)]
        (folder / "questions" / f"{name}.json").write_text(json.dumps(questions), encoding="utf-8")
    return folder
