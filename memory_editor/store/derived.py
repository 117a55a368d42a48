"""What is made from a memory and lies beside it, where it can be deleted and made anew; knows no database."""

from enum import StrEnum
from pathlib import Path


class Derived(StrEnum):
    """A kind of folder beside a memory."""

    INDEX = "index"
    CODEBOOK = "codebook"
    BANK = "bank"


def beside(memory: Path, kind: Derived) -> Path:
    """Return the folder of a kind that belongs to a memory."""
    return memory.with_name(f"{memory.name}.{kind}")
