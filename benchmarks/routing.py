"""Measure how long routing takes with 15,000 live edits: python benchmarks/routing.py DATA

DATA is the folder that `memedit scope eval` takes. Live are CounterFact's training edits and those of a split; asked
are paraphrases, locality prompts and everyday questions, one at a time and 64 at once, encoding included. Prints a
table and writes benchmarks/results/routing.json. Let the machine be idle.
"""

import argparse
import json
import os
import platform
import random
import tempfile
import time
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from memory_editor.datasets import read_edits
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.scope.router import Router

RESULTS = Path(__file__).parent / "results" / "routing.json"
PROMPTS = 600
BATCH = 64
ROUNDS = 5


def prompts(data: Path, split: str) -> list[str]:
    records = json.loads((data / "counterfact" / f"edit_{split}.json").read_text("utf-8"))
    questions = json.loads((data / "questions" / "nq_open.json").read_text("utf-8"))
    kinds = (
        [record["rephrase_prompt"] for record in records],
        [record["locality_prompt"] for record in records],
        [record["question"] for record in questions],
    )
    chosen = [random.Random(0).sample(kind, PROMPTS // len(kinds)) for kind in kinds]
    return list(chain.from_iterable(zip(*chosen, strict=True)))


def measured(router: Router, asked: list[str]) -> dict[str, float]:
    for prompt in asked[:20]:
        router.route([prompt])
    taken = []
    for prompt in asked:
        began = time.perf_counter()
        router.route([prompt])
        taken.append(1000 * (time.perf_counter() - began))
    rates = []
    for _ in range(ROUNDS):
        for start in range(0, len(asked) - BATCH + 1, BATCH):
            began = time.perf_counter()
            router.route(asked[start : start + BATCH])
            rates.append(BATCH / (time.perf_counter() - began))
    return {
        "one prompt, p50 ms": float(np.percentile(taken, 50)),
        "one prompt, p95 ms": float(np.percentile(taken, 95)),
        f"{BATCH} at once, prompts/s": float(np.median(rates)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="dev")
    given = parser.parse_args()
    files = [given.data / "counterfact" / name for name in ("train.json", f"edit_{given.split}.json")]
    with tempfile.TemporaryDirectory() as folder, EditMemory.open(Path(folder) / "memory.db") as memory:
        for file in files:
            memory.add_many(list(read_edits(file)), on_conflict=OnConflict.KEEP_BOTH)
        found = {"edits": memory.count(), **measured(Router(memory), prompts(given.data, given.split))}
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "torch": torch.__version__}
    RESULTS.write_text(json.dumps({"machine": machine, **found}, indent=1) + "\n")
    table = Table("figure", "measured")
    for name, value in found.items():
        table.add_row(name, f"{value:,.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
