"""The command line on a memory of its own, with a fake encoder, a fake classifier and a tiny model in the
place of the real ones."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import memory_editor.encoder
import memory_editor.memory.memory
import memory_editor.scope.files
import memory_editor.scope.router
from memory_editor.cli.main import app
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.store import Store
from tests.fakes import FakeClassifier, FakeEncoder, put


@dataclass(frozen=True)
class Memedit:
    """Runs commands on the memory at `path`, each as a new process would."""

    path: Path

    def run(self, *args: str, given: str | None = None) -> Result:
        return CliRunner().invoke(app, args, input=given, catch_exceptions=False, prog_name="memedit")

    def __call__(self, *args: str, given: str | None = None) -> str:
        """Return what a command prints that must succeed."""
        result = self.run(*args, given=given)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def json(self, *args: str) -> Any:
        return json.loads(self(*args, "--json"))

    def json_lines(self, *args: str, given: str | None = None) -> list[Any]:
        return [json.loads(line) for line in self(*args, "--json", given=given).splitlines()]

    def error(self, *args: str, given: str | None = None) -> str:
        """Return the one line in which a command that must fail says why."""
        result = self.run(*args, given=given)
        assert (result.exit_code, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        return line.removeprefix("memedit: error: ")

    def usage_error(self, *args: str, given: str | None = None) -> str:
        """Return the last line of what a command prints that is used wrongly."""
        result = self.run(*args, given=given)
        assert (result.exit_code, result.stdout) == (2, "")
        return result.stderr.splitlines()[-1]

    def add(self, prompt: str, target: str, *options: str) -> str:
        """Add a fact and return its id."""
        return str(self.json("add-fact", prompt, target, *options)["id"])

    def put(self, edits: Sequence[Edit]) -> None:
        with Store(self.path) as store:
            put(store, *edits)


@pytest.fixture
def memedit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: LanguageModel) -> Memedit:
    """The command line with no settings but the path of a memory that is not there yet."""
    for name in [name for name in os.environ if name.startswith("MEMEDIT_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "config.toml"
    config.touch()
    monkeypatch.setenv("MEMEDIT_CONFIG", str(config))
    monkeypatch.setenv("MEMEDIT_MEMORY", str(tmp_path / "facts.db"))
    monkeypatch.setenv("MEMEDIT_ACTOR", "ada")
    for module in (memory_editor.encoder, memory_editor.memory.memory):
        monkeypatch.setattr(module, "load_encoder", lambda name, **_: FakeEncoder(name))
    for scope in (memory_editor.scope.files, memory_editor.scope.router):
        monkeypatch.setattr(scope, "load_classifier", lambda *_: FakeClassifier())
    monkeypatch.setattr(LanguageModel, "from_pretrained", lambda *_, **__: tiny)
    return Memedit(tmp_path / "facts.db")
