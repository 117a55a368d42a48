"""The one place that imports FAISS, which is an optional dependency; knows no index."""

from collections.abc import Iterator
from contextlib import contextmanager

from memory_editor.errors import MissingDependency

try:
    import faiss
except ImportError as error:
    raise MissingDependency(
        "searching an edit memory needs FAISS, which is not installed; "
        "run pip install 'memory-editor[faiss-cpu]', or 'memory-editor[faiss-gpu]' on a machine with CUDA"
    ) from error

__all__ = ["faiss", "one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep FAISS on the calling thread while the block runs.

    One row against all vectors leaves nothing to share out, yet FAISS starts its threads and has them wait for each
    other: on a busy machine with two cores that took 17 ms instead of 0.9. FAISS keeps the number per calling thread.
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
