import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest

from memory_editor.errors import MissingDependency
from memory_editor.indexes.faiss_library import faiss, one_thread

MODULE = "memory_editor.indexes.faiss_library"


def test_without_faiss_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.delitem(sys.modules, MODULE)
    with pytest.raises(
        MissingDependency, match=r"pip install 'memory-editor\[faiss-cpu\]', or 'memory-editor\[faiss-gpu\]'"
    ):
        import_module(MODULE)


def test_one_thread_lasts_as_long_as_its_block() -> None:
    def threads() -> tuple[int, int, int]:
        before = faiss.omp_get_max_threads()
        with one_thread():
            inside = faiss.omp_get_max_threads()
        return before, inside, faiss.omp_get_max_threads()

    with ThreadPoolExecutor(1) as pool:
        for before, inside, after in (threads(), pool.submit(threads).result()):
            assert (inside, after) == (1, before)


def test_indexes_import_no_torch_and_their_package_no_faiss() -> None:
    code = """
import sys
import memory_editor.indexes, memory_editor.indexes.files
assert "faiss" not in sys.modules
import memory_editor.indexes.growing
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
