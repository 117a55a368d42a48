"""What opening a memory costs a new process: python -m memory_editor.evaluation.scale.cold MEMORY ENCODER < PROMPTS"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memory_editor.evaluation.comparison.peak import peak_bytes
from memory_editor.memory import EditMemory
from memory_editor.scope.candidates import NEAREST
from memory_editor.scope.router import Router


def opened_anew(path: Path, encoder: str, prompts: Sequence[str]) -> dict[str, float]:
    """Return what `measured` does, of a process of its own; the files may be in the system's cache."""
    command = [sys.executable, "-m", __name__, str(path), encoder]
    told = subprocess.run(command, input=json.dumps(prompts), check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(told))


def measured(path: Path, encoder: str, prompts: Sequence[str]) -> dict[str, float]:
    """Return the seconds until a memory has routed its first prompt, and the memory held once it has routed all."""
    marks = [time.perf_counter()]
    with EditMemory.open(path, encoder=encoder, create=False) as memory:
        vectors = memory.encoder.encode(prompts[:1])
        marks.append(time.perf_counter())
        memory.nearest(vectors, NEAREST)
        marks.append(time.perf_counter())
        router = Router(memory)
        router.route(prompts[:1])
        marks.append(time.perf_counter())
        for prompt in prompts:
            router.route([prompt])
        held = _resident()
    encoder_s, index_s, route_s = np.diff(marks).tolist()
    return {
        "opening store and encoder, s": encoder_s,
        "opening the index, s": index_s,
        "first route, s": route_s,
        "memory held, GB": held / 1e9,
        "memory at its peak, GB": peak_bytes() / 1e9,
    }


def _resident() -> int:
    """Return how much memory is resident now, where the system says so; its peak elsewhere."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * resource.getpagesize() if told.exists() else peak_bytes()


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]), sys.argv[2], json.load(sys.stdin))))  # noqa: T201
