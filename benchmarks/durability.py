"""Kill writers of a memory with SIGKILL at random moments and look for what was lost: python benchmarks/durability.py

Two processes add edits to one memory and name each edit once it is acknowledged; both are killed; the memory is opened
and checked; 50 times over, on the same file. Prints a line a round and writes benchmarks/results/durability.json.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from memory_editor.edits import Edit
from memory_editor.store import Action, EncoderStamp, Filter, Note, Store

RESULTS = Path(__file__).parent / "results" / "durability.json"
DIMENSION = 384


@dataclass(frozen=True)
class Round:
    """What the writers of one round were told, and what was found afterwards."""

    acknowledged: tuple[int, ...]
    """The number of edits acknowledged to each writer."""
    lost: int
    """How many of them the memory does not hold."""
    unannounced: int
    """How many edits it holds that were committed, but not yet acknowledged."""
    problems: tuple[str, ...]
    """What `Store.verify` says."""
    seconds: float
    """From the first acknowledgement to the last kill."""


def write(path: Path, name: str) -> None:
    """Add edits to the memory for ever, and print the id of each when it is acknowledged."""
    vector = np.ones((1, DIMENSION), np.float32) / np.float32(DIMENSION**0.5)
    stamp = EncoderStamp("ones", vector[0])
    with Store(path) as store:
        while True:
            edit = Edit(f"{name} says that the time is", str(time.time_ns()))
            with store.changing(Action.ADD, Note(name)) as change:
                change.stamp(stamp)
                change.add(edit, vector)
            print(edit.id, flush=True)


def kill_round(path: Path, writers: int, longest: float, chance: random.Random, *, each: int = 1) -> Round:
    """Let `writers` processes write until each has `each` edits acknowledged, kill them in `longest` seconds, check."""
    with Store(path) as store:
        before = store.count(Filter(status=None))
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / f"writer-{number}" for number in range(writers)]
        running = [_started(path, file) for file in said]
        try:
            while min(map(len, map(_ids, said))) < each:
                if any(process.poll() is not None for process in running):
                    raise RuntimeError("a writer ended by itself; its error is above")
                time.sleep(0.001)
            start = time.perf_counter()
            for process in chance.sample(running, writers):
                time.sleep(chance.uniform(0, longest / writers))
                process.kill()
            seconds = time.perf_counter() - start
        finally:
            for process in running:
                process.kill()
                process.wait()
        acknowledged = [_ids(file) for file in said]
    with Store(path) as store:
        held = {record.edit.id for record in store.select(Filter(status=None))}
        told = {id_ for ids in acknowledged for id_ in ids}
        return Round(
            acknowledged=tuple(map(len, acknowledged)),
            lost=len(told - held),
            unannounced=len(held) - before - len(told & held),
            problems=tuple(store.verify()),
            seconds=seconds,
        )


def _started(path: Path, file: Path) -> subprocess.Popen[bytes]:
    with file.open("wb") as said:
        return subprocess.Popen([sys.executable, __file__, "--write", file.name, str(path)], stdout=said)


def _ids(file: Path) -> list[str]:
    """Return the ids in the whole lines of a file; the last line may have been cut off."""
    return file.read_text().split("\n")[:-1]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, nargs="?", help="the memory; a temporary one by default")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--longest", type=float, default=0.5, help="seconds within which all writers are killed")
    parser.add_argument("--write", metavar="NAME", help="be one of the writers")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        write(chosen.path, chosen.write)
        return
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.path or Path(folder) / "memory.db"
        rounds = []
        for number in range(chosen.rounds):
            rounds.append(kill_round(path, chosen.writers, chosen.longest, chance))
            print(number + 1, rounds[-1])
    total = {
        "rounds": len(rounds),
        "writers": chosen.writers,
        "acknowledged": sum(sum(each.acknowledged) for each in rounds),
        "lost": sum(each.lost for each in rounds),
        "problems": sum(len(each.problems) for each in rounds),
        "unannounced": sum(each.unannounced for each in rounds),
    }
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "load average": os.getloadavg()[0]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, **total, "each": list(map(asdict, rounds))}, indent=1) + "\n")
    print(total)


if __name__ == "__main__":
    main()
