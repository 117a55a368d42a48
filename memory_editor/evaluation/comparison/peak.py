"""How much memory the process has taken at most; knows no models."""

import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import torch

_PROCESS: Final = Path("/proc/self")
_UNIT: Final = 1 if sys.platform == "darwin" else 1024


def reset_peak() -> None:
    """Count anew from here on, where the system can do that."""
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_bytes() -> int:
    """Return how much memory was resident at most, and with a GPU how much of that was taken at most as well."""
    taken = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return taken + (_resident() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT)


def _resident() -> int | None:
    with suppress(OSError):
        for line in (_PROCESS / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
