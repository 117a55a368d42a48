"""A cached folder is whole or not there, is built once, and shows every damage."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from memory_editor.errors import ModelError
from memory_editor.models.cache import MANIFEST, build_once, cache_root, find_fault

_BUILD = """
import sys, time
from pathlib import Path
from memory_editor.models.cache import build_once

def write(staging):
    with open(sys.argv[2], "a") as log:
        log.write("built\\n")
    (staging / "weights").write_bytes(b"half")
    {during}
    (staging / "weights").write_bytes(b"whole")
    return {{}}

build_once(Path(sys.argv[1]), write)
"""
_SLOWLY = _BUILD.format(during="time.sleep(0.3)")
_KILLED = _BUILD.format(during="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


def _start(script: str, target: Path, log: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", script, str(target), str(log)])


def _write(staging: Path) -> dict[str, Any]:
    (staging / "weights").write_bytes(b"whole")
    return {"packages": {"some-package": "1.0"}}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    target = tmp_path / "models" / "some-model"
    build_once(target, _write)
    return target


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMEDIT_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.setenv("MEMEDIT_CACHE", "~/cache")
    assert cache_root() == Path.home() / "cache"
    monkeypatch.delenv("MEMEDIT_CACHE")
    assert cache_root() == platformdirs.user_cache_path("memedit")


def test_a_built_folder_holds_what_was_written_and_a_manifest(built: Path) -> None:
    assert (built / "weights").read_bytes() == b"whole"
    assert '"some-package": "1.0"' in (built / MANIFEST).read_text()
    assert find_fault(built, hashes=True) is None
    assert sorted(path.name for path in built.parent.iterdir()) == ["some-model", "some-model.lock"]


def test_a_sound_folder_is_not_built_again(built: Path) -> None:
    before = (built / MANIFEST).stat()
    build_once(built, lambda _: pytest.fail("built again"))
    assert (built / MANIFEST).stat() == before


def test_what_fails_midway_publishes_nothing(tmp_path: Path) -> None:
    def fail(staging: Path) -> dict[str, Any]:
        (staging / "weights").write_bytes(b"half")
        raise ModelError("no")

    with pytest.raises(ModelError, match=r"^no$"):
        build_once(tmp_path / "some-model", fail)
    assert not (tmp_path / "some-model").exists()


def test_a_process_killed_midway_publishes_nothing_and_stops_nobody(tmp_path: Path) -> None:
    target = tmp_path / "some-model"
    assert _start(_KILLED, target, tmp_path / "log").wait() == -signal.SIGKILL
    assert not target.exists()
    build_once(target, _write)
    assert find_fault(target, hashes=True) is None
    assert not (tmp_path / "some-model.partial").exists()


def test_two_processes_build_once_between_them(tmp_path: Path) -> None:
    target = tmp_path / "some-model"
    both = [_start(_SLOWLY, target, tmp_path / "log") for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert (tmp_path / "log").read_text() == "built\n"
    assert (target / "weights").read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("weights", b"who", "weights has 3 bytes, not 5"),
        ("weights", None, "weights: No such file or directory"),
        (MANIFEST, None, "manifest.json: No such file or directory"),
        (MANIFEST, b"{", "manifest.json is no manifest"),
        (MANIFEST, b"\xff", "manifest.json is no manifest"),
        (MANIFEST, b"[]", "manifest.json is no manifest"),
        (MANIFEST, b'{"files": {"weights": 5}}', "manifest.json is no manifest"),
        (MANIFEST, b'{"files": {"weights": {}}}', "manifest.json is no manifest"),
    ],
)
def test_damage_is_named_and_built_over(built: Path, name: str, content: bytes | None, fault: str) -> None:
    if content is None:
        (built / name).unlink()
    else:
        (built / name).write_bytes(content)
    assert find_fault(built) == fault
    build_once(built, _write)
    assert find_fault(built, hashes=True) is None


def test_a_flipped_bit_shows_in_the_hashes_alone(built: Path) -> None:
    (built / "weights").write_bytes(b"whola")
    assert find_fault(built) is None
    assert find_fault(built, hashes=True) == "the SHA-256 of weights is not the one in manifest.json"


def test_a_cache_that_cannot_be_written_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(
        ModelError, match=r"^cannot write .*some-model: .*; free disk space or point MEMEDIT_CACHE elsewhere$"
    ):
        build_once(tmp_path / "models" / "some-model", _write)
