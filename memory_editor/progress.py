"""How long work tells how far it is; knows no terminal."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with what is done and how many steps it takes; gives what is to be told how many are done."""


def no_progress(label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """Tell nobody."""
    del label, total
    return nullcontext(lambda _: None)
