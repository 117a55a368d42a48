"""The package's public names, and that the package which is built holds what the tree holds."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import memory_editor

ROOT = Path(__file__).parents[1]
LINKED = ("adapters", "cli", "indexes")


def test_importing_the_package_and_its_light_parts_imports_no_torch() -> None:
    code = """
import sys
import memory_editor
assert dir(memory_editor) == memory_editor.__all__
assert not [name for name in sys.modules if name.startswith("memory_editor.")]
memory_editor.Edit, memory_editor.Store, memory_editor.Note, memory_editor.Route, memory_editor.MemoryEditorError
import memory_editor.config, memory_editor.cli, memory_editor.adapters.in_context, memory_editor.indexes.files
heavy = {"torch", "transformers", "sentence_transformers", "faiss"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_list_of_names_is_sorted_and_complete() -> None:
    names = [name for name in memory_editor.__all__ if name != "__version__"]
    assert memory_editor.__all__ == sorted(memory_editor.__all__)
    assert names == sorted(memory_editor._HOMES)
    assert dir(memory_editor) == memory_editor.__all__


@pytest.mark.parametrize("name", memory_editor.__all__)
def test_each_name_is_what_its_module_defines(name: str) -> None:
    found = getattr(memory_editor, name)
    if name in memory_editor._HOMES and isinstance(found, type):
        assert found.__name__ == name
        assert found.__module__.startswith(memory_editor._HOMES[name])


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'memory_editor' has no attribute 'Edits'"):
        memory_editor.Edits  # noqa: B018


def packages_of_the_tree() -> list[str]:
    """Return every folder with an `__init__.py`, the folders at the top by the names under which they are installed."""
    own = [file.parent for file in (ROOT / "memory_editor").rglob("__init__.py")]
    own = [
        folder
        for folder in own
        if folder.relative_to(ROOT / "memory_editor").parts[:1] not in [(name,) for name in LINKED]
    ]
    linked = [file.parent for name in LINKED for file in (ROOT / name).rglob("__init__.py")]
    names = [".".join(folder.relative_to(ROOT).parts) for folder in own]
    return sorted(names + [".".join(("memory_editor", *folder.relative_to(ROOT).parts)) for folder in linked])


def test_what_is_built_is_what_is_in_the_tree() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert built["packages"] == packages_of_the_tree()
    assert built["package-dir"] == {"memory_editor": "memory_editor"} | {
        f"memory_editor.{name}": name for name in LINKED
    }
    assert built["package-data"] == {
        "memory_editor": ["py.typed"],
        "memory_editor.adapters.lora": ["shipped/*/*"],
        "memory_editor.evaluation": ["qualified.json"],
        "memory_editor.scope": ["shipped/*"],
        "memory_editor.scope.training": ["phrasings.json"],
    }
    assert (ROOT / "memory_editor" / "py.typed").read_text() == ""


@pytest.mark.parametrize("name", LINKED)
def test_the_folders_at_the_top_are_linked_into_the_package(name: str) -> None:
    link = ROOT / "memory_editor" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..") / name
    assert (ROOT / name / "__init__.py").is_file()


def test_the_version_is_said_alike_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == memory_editor.__version__
