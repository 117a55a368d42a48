"""Measure routing as the memory grows: python benchmarks/scale.py CACHE

CACHE is what benchmarks/million.py wrote: 1,000,000 distinct edits and their vectors. Of its first 10,000, 100,000 and
all edits memories are made, once, in CACHE/memories: edit by edit through the store, with the vectors of CACHE instead
of encoding anew, and without asking how each edit stands to the others, which million.py made distinct. Then 1,000
paraphrases of the first 10,000 edits are asked one at a time of every memory in turn, encoded by the real encoder and
routed by the default classifier. Opening and memory are those of a process of its own for each size, files in the page
cache. Prints a table and writes benchmarks/results/scale.json and docs/results/scale.png.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from memory_editor.edits import Edit
from memory_editor.memory import EditMemory
from memory_editor.scope.candidates import NEAREST, find_candidates
from memory_editor.scope.router import Router
from memory_editor.store import Action

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "scale.json"
CURVE = ROOT / "docs" / "results" / "scale.png"
SIZES = (10_000, 100_000, 1_000_000)
CHUNK = 10_000
WARM_UP = 20
STEPS = ("encode", "nearest", "candidates", "route")

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def memory_path(cache: Path, size: int) -> Path:
    return cache / "memories" / f"{size}.db"


def build(cache: Path, size: int) -> None:
    """Add what the memory of this size lacks, a file of vectors at a time, and make its index."""
    with EditMemory.open(memory_path(cache, size)) as memory:
        start = memory.count()
        rows = lines(cache / "edits.jsonl")[:size] if start < size else []
        for chunk in range(start // CHUNK, size // CHUNK):
            vectors = np.load(cache / f"vectors-{chunk:03}.npy")
            with memory._changing(Action.ADD, None) as change:
                for row, vector in zip(rows[chunk * CHUNK :], vectors, strict=False):
                    change.add(Edit(**row), vector[np.newaxis])
        memory.nearest(memory.encoder.encode(["this makes the index"]), 1)


def cold(path: Path, prompts: list[str]) -> dict[str, float]:
    """Return what opening a memory takes, until it has routed its first prompt, and how much memory it then holds."""
    marks = [time.perf_counter()]
    with EditMemory.open(path, create=False) as memory:
        vectors = memory.encoder.encode(prompts[:1])
        marks.append(time.perf_counter())
        memory.nearest(vectors, NEAREST)
        marks.append(time.perf_counter())
        router = Router(memory)
        router.route(prompts[:1])
        marks.append(time.perf_counter())
        for prompt in prompts:
            router.route([prompt])
        held = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    encoder, index, first = np.diff(marks).tolist()
    return {
        "open s, store and encoder": encoder,
        "open s, index": index,
        "first route s": first,
        "memory GB": held / 1e9,
        "peak memory GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def in_a_process(cache: Path, option: str, size: int) -> str:
    command = [sys.executable, __file__, str(cache), option, str(size)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def timed(
    taken: list[tuple[float, float]], call: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs
) -> Answer:
    """Return what a call returns, having noted its wall and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    answer = call(*args, **kwargs)
    taken.append((time.perf_counter() - wall, time.process_time() - processor))
    return answer


def asked(
    memories: dict[int, EditMemory], queries: list[dict[str, Any]], own: list[str]
) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, list[tuple[float, float]]]]]:
    """Ask every memory each query in turn, so that all meet the same load; return what was found and what it took."""
    routers = {size: Router(memory) for size, memory in memories.items()}
    for query in queries[:WARM_UP]:
        for router in routers.values():
            router.route([query["prompt"]])
    taken: dict[int, dict[str, list[tuple[float, float]]]] = {size: {step: [] for step in STEPS} for size in memories}
    found: dict[int, dict[str, float]] = {size: defaultdict(float) for size in memories}
    for query, right in zip(queries, own, strict=True):
        prompt = [query["prompt"]]
        for size, memory in memories.items():
            steps, counts = taken[size], found[size]
            vectors = timed(steps["encode"], memory.encoder.encode, prompt)
            (near,) = timed(steps["nearest"], memory.nearest, vectors, NEAREST)
            (candidates,) = timed(steps["candidates"], find_candidates, memory, prompt)
            (route,) = timed(steps["route"], routers[size].route, prompt)
            among_nearest = memory.store.live_with_keys([neighbour.id for neighbour in near])
            counts["right candidate"] += right in {candidate.edit.prompt for candidate in candidates}
            counts["right among the nearest"] += right in {edit.prompt for _, edit in among_nearest}
            counts["routed to it"] += bool(route.edits) and route.edits[0].edit.prompt == right
            counts["candidates"] += len(candidates)
    shares = {size: {name: count / len(queries) for name, count in counts.items()} for size, counts in found.items()}
    return shares, taken


def summary(steps: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    return {
        f"{step} {kind}p{percent} ms": 1000 * float(np.percentile([pair[place] for pair in pairs], percent))
        for step, pairs in steps.items()
        for place, kind in enumerate(("", "cpu "))
        for percent in (50, 95)
    }


def ratios(small: NDArray[np.float64], large: NDArray[np.float64]) -> dict[str, Any]:
    """Return how many times longer the same prompts take in the larger memory, with 95 % bootstrap intervals."""
    chance = np.random.default_rng(0)
    samples = chance.integers(len(small), size=(1_000, len(small)))

    def with_interval(measure: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> list[float]:
        again = np.percentile(measure(large[samples]) / measure(small[samples]), [2.5, 97.5])
        return [float(measure(large) / measure(small)), *again.tolist()]

    return {
        "p50": with_interval(lambda times: np.percentile(times, 50, axis=-1)),
        "p95": with_interval(lambda times: np.percentile(times, 95, axis=-1)),
        "mean": with_interval(lambda times: times.mean(axis=-1)),
    }


def draw(rows: list[dict[str, Any]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    edits = [row["edits"] for row in rows]
    figure, (times, room) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for step in STEPS:
        times.plot(edits, [row[f"{step} p50 ms"] for row in rows], marker="o", label=f"{step}, median")
    times.plot(edits, [row["route p95 ms"] for row in rows], marker="o", linestyle="--", label="route, p95")
    times.axhline(1.5 * rows[0]["route p95 ms"], color="grey", linewidth=0.8, label="1.5 times p95 of the smallest")
    times.set(xscale="log", xlabel="edits", ylabel="milliseconds for one prompt", ylim=(0, None))
    room.plot(edits, [row["memory GB"] for row in rows], marker="o", label="held while routing")
    room.plot(edits, [row["peak memory GB"] for row in rows], marker="o", linestyle="--", label="at its peak")
    room.axhline(2.5, color="grey", linewidth=0.8, label="limit")
    room.set(xscale="log", xlabel="edits", ylabel="gigabytes of the process", ylim=(0, None))
    for axes in (times, room):
        axes.legend(fontsize=7)
    CURVE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(CURVE, dpi=150)


def measure(cache: Path, sizes: list[int], count: int) -> None:
    queries = lines(cache / "queries.jsonl")[:count]
    edits = lines(cache / "edits.jsonl")[: SIZES[0]]
    own = [edits[query["edit"]]["prompt"] for query in queries]
    with ExitStack() as stack:
        memories = {
            size: stack.enter_context(EditMemory.open(memory_path(cache, size), create=False)) for size in sizes
        }
        shares, taken = asked(memories, queries, own)
    rows = [
        {"edits": size, **shares[size], **summary(taken[size]), **json.loads(in_a_process(cache, "--cold", size))}
        for size in sizes
    ]
    walls = {size: np.array([wall for wall, _ in taken[size]["route"]]) for size in sizes}
    result = {
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.machine(),
            "load average": os.getloadavg()[0],
            "torch threads": torch.get_num_threads(),
        },
        "queries": len(queries),
        "encoding": json.loads((cache / "encoding.json").read_text()),
        "rows": rows,
        f"route at {sizes[-1]:,} edits over {sizes[0]:,}": ratios(walls[sizes[0]], walls[sizes[-1]]),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    draw(rows)
    table = Table("", *(f"{size:,} edits" for size in sizes))
    for name in rows[0]:
        table.add_row(name, *(f"{row[name]:.4g}" for row in rows))
    Console(width=120).print(table, result[f"route at {sizes[-1]:,} edits over {sizes[0]:,}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cache", type=Path, help="folder written by benchmarks/million.py")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of edits, in tens of thousands")
    parser.add_argument("--queries", type=int, default=1_000, help="how many prompts to ask")
    parser.add_argument("--build", type=int, metavar="SIZE", help="only make the memory of SIZE edits")
    parser.add_argument("--cold", type=int, metavar="SIZE", help="only open that of SIZE edits; print what that took")
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.cache, arguments.build)
    elif arguments.cold:
        prompts = [query["prompt"] for query in lines(arguments.cache / "queries.jsonl")[:WARM_UP]]
        print(json.dumps(cold(memory_path(arguments.cache, arguments.cold), prompts)))
    else:
        for size in arguments.sizes:
            in_a_process(arguments.cache, "--build", size)
        measure(arguments.cache, list(arguments.sizes), arguments.queries)


if __name__ == "__main__":
    main()
