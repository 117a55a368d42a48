"""What holds for every command: settings, errors in one line, exit codes, pipes, and what is not imported."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import memory_editor
from memory_editor.cli import output
from memory_editor.cli.main import app
from memory_editor.edits import Edit
from tests.cli.conftest import Memedit

COMMANDS = """add-fact query chat route check consolidate list show update remove purge history undo import export
backup status verify reindex demo edit apply revert bench moments trace neurons""".split()
HEAVY = ("numpy", "torch", "transformers", "faiss", "sentence_transformers")

# Runs each line of its input as a command, and reports which heavy modules are loaded after it.
LOADED = f"""
import shlex, sys
from typer.testing import CliRunner
from memory_editor.cli.main import app
for line in sys.stdin:
    code = CliRunner().invoke(app, shlex.split(line)).exit_code
    print(line.split()[0], code, *(name for name in {HEAVY} if name in sys.modules))
"""


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines()]
    assert listed == [*COMMANDS, "adapter", "models", "scope", "codebook", "eval"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    for name in ("memory", "namespace", "model", "encoder", "scope", "max-false-accept", "device", "dtype"):
        assert (f"--{name} " in result.stdout) == (f"MEMEDIT_{name.upper().replace('-', '_')}]" in result.stdout)


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"memedit {memory_editor.__version__}\n"


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).stdout


def test_options_go_before_the_environment_and_the_environment_before_the_file(
    memedit: Memedit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def namespace(*options: str) -> str:
        return str(memedit.json("status", *options)["namespace"])

    memedit.put([])
    assert namespace() == "default"
    Path(os.environ["MEMEDIT_CONFIG"]).write_text('namespace = "filed"\n')
    assert namespace() == "filed"
    monkeypatch.setenv("MEMEDIT_NAMESPACE", "exported")
    assert namespace() == "exported"
    assert namespace("--namespace", "given") == "given"


def test_the_history_names_the_actor_of_the_settings(memedit: Memedit, monkeypatch: pytest.MonkeyPatch) -> None:
    memedit.add("The capital of Peru is", "Lima")
    monkeypatch.delenv("MEMEDIT_ACTOR")
    monkeypatch.setenv("LOGNAME", "grace")
    memedit("undo")
    assert [change["actor"] for change in memedit.json("history")] == ["grace", "ada"]


def test_a_path_may_begin_with_the_home_folder(memedit: Memedit, monkeypatch: pytest.MonkeyPatch) -> None:
    memedit.add("The capital of Peru is", "Lima")
    monkeypatch.setenv("HOME", str(memedit.path.parent))
    assert memedit.json("list", "--memory", "~/facts.db")["total"] == 1


def test_settings_that_are_wrong_are_an_error_in_one_line(memedit: Memedit, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Path(os.environ["MEMEDIT_CONFIG"])
    config.write_text('memroy = "facts.db"\n')
    assert memedit.error("list").startswith(f"'{config}': unknown setting 'memroy'")
    monkeypatch.setenv("MEMEDIT_CONFIG", "/nowhere.toml")
    assert memedit.error("list").startswith("MEMEDIT_CONFIG names '/nowhere.toml', which does not exist")


MAKE_NO_MEMORY = (
    *("list", "history", "undo", "export", "status", "verify", "reindex", "route x", "show x", "remove x", "purge x"),
    *("update x --target y", "backup x"),
)


@pytest.mark.parametrize("command", MAKE_NO_MEMORY)
def test_only_what_needs_a_memory_makes_one(memedit: Memedit, command: str) -> None:
    assert memedit.error(*command.split()) == (f"there is no memory at '{memedit.path}'; `memedit add-fact` makes one")
    assert not memedit.path.exists()


def test_an_error_of_several_lines_is_printed_on_one(memedit: Memedit) -> None:
    assert memedit.error("list", "--memory", "a\nb") == ("there is no memory at 'a\\nb'; `memedit add-fact` makes one")
    memedit.put([])
    assert memedit.error("show", "a\n b").startswith("no edit has the id 'a\\n b'")


def test_an_interrupt_is_told_in_one_line(memedit: Memedit, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    memedit.put([])
    monkeypatch.setattr(output, "print_table", interrupted)
    result = memedit.run("list")
    assert (result.exit_code, result.stderr) == (130, "memedit: interrupted; what was finished is kept\n")


def test_what_is_not_on_a_terminal_is_plain_and_whole(memedit: Memedit) -> None:
    edits = [Edit(f"Number {number} is {'long ' * 100}", str(number)) for number in range(3)]
    memedit.put(edits)
    result = subprocess.run(
        [sys.executable, "-m", "memory_editor.cli", "list"], capture_output=True, check=True, text=True
    )
    assert result.stderr == ""
    assert result.stdout.splitlines()[1:] == [f"{edit.id}\tlive\t{output.one_line(edit.fact)}" for edit in edits]


def test_a_terminal_gets_a_table_with_whole_ids(memedit: Memedit) -> None:
    edits = [Edit(f"Number {number} is {'long ' * 30}", "[bold]x[/bold]") for number in range(2)]
    memedit.put(edits)
    main, terminal = pty.openpty()
    environment = os.environ | {"TERM": "dumb"}
    subprocess.run([sys.executable, "-m", "memory_editor.cli", "list"], stdout=terminal, check=True, env=environment)
    os.close(terminal)
    with os.fdopen(main, "rb") as stream:
        lines = stream.read1().decode().splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("0")] == [[edit.id, "live"] for edit in edits]
    assert max(map(len, lines)) == 80
    assert "[bold]x[/bold]" in " ".join(lines)


@pytest.mark.parametrize("command", ["list", "list --json", "export"])
def test_a_closed_pipe_is_no_error(memedit: Memedit, command: str) -> None:
    memedit.put([Edit("The capital of Peru is", "Lima")])
    reading, writing = os.pipe()
    os.close(reading)
    args = [sys.executable, "-m", "memory_editor.cli", *command.split()]
    result = subprocess.run(args, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")


def test_what_is_no_text_is_wrong_usage(memedit: Memedit) -> None:
    memedit.put([])
    for args, given in ((["show", b"\xff"], b""), (["route", "-"], b"caf\xe9\n")):
        command = [sys.executable, "-m", "memory_editor.cli", *args]
        result = subprocess.run(command, input=given, capture_output=True, check=False)
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.endswith(b" is no UTF-8 text\n")


def test_a_terminal_without_the_letters_gets_escapes(memedit: Memedit) -> None:
    memedit.put([Edit("日本の首都は", "東京🗼")])
    command = [sys.executable, "-m", "memory_editor.cli", "list", "--json"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    result = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert json.loads(result.stdout)["edits"][0]["target_new"] == "東京🗼"
    exported = subprocess.run([*command[:3], "export"], env=environment, capture_output=True, check=True)
    assert "東京🗼".encode() in exported.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which only Linux has")
def test_a_full_disk_is_one_line(memedit: Memedit) -> None:
    memedit.put([])
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "memory_editor.cli", "list", "--json"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, text=True)
    assert result.returncode == 1
    assert result.stderr == "memedit: error: [Errno 28] No space left on device\n"


def test_commands_on_the_store_alone_load_nothing_heavy(memedit: Memedit, tmp_path: Path) -> None:
    edits = [Edit("The capital of Peru is", "Lima"), Edit("Two plus two is", "five")]
    memedit.put(edits)
    first, second = (edit.id for edit in edits)
    light = ["--help", "--version"]
    on_the_store = [
        *("list", f"show {first}", "history", f"remove {first}", "undo", f"remove {second}"),
        *(f"purge {second} --yes", f"export {tmp_path / 'out.jsonl'}", f"backup {tmp_path / 'copy.db'}"),
        f"status --model {tmp_path}",
    ]
    given = "\n".join([*light, *on_the_store])
    result = subprocess.run([sys.executable, "-c", LOADED], input=given, capture_output=True, check=True, text=True)
    assert result.stdout.splitlines() == [
        *(f"{line} 0" for line in light),
        *(f"{line.split()[0]} 0 numpy" for line in on_the_store),
    ]
