"""Measure how fast and how well indexes find real prompts: python benchmarks/index_lookup.py DATA --vectors CACHE.npz

DATA holds counterfact/{train,val}.json in EasyEdit's flat form and ParaRel's pararel/{facts,patterns}/*.jsonl. Stored
are 10,000 CounterFact prompts, later 90,000 ParaRel statements with them; 1,000 CounterFact paraphrases are asked.
Prints a table and writes benchmarks/results/index_lookup.json. CACHE.npz keeps the vectors: encoding takes minutes.
"""

import argparse
import json
import os
import platform
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from memory_editor.encoder import load_encoder
from memory_editor.indexes import VectorIndex, Vectors, pq
from memory_editor.indexes.faiss_library import faiss
from memory_editor.indexes.files import FILE_NAME, load, save
from memory_editor.indexes.flat import FlatIndex
from memory_editor.indexes.growing import CODES_FROM

RESULTS = Path(__file__).parent / "results" / "index_lookup.json"
QUERIES = 1_000
SIZES = (10_000, CODES_FROM, 100_000)
NUMBERS_A_CODE = (2, 3, 4, 6, 8)


def statements(pararel: Path) -> Iterator[str]:
    for facts in sorted((pararel / "facts").glob("*.jsonl")):
        patterns = pararel / "patterns" / facts.name
        if patterns.exists():
            forms = [json.loads(line)["pattern"] for line in patterns.read_text("utf-8").splitlines()]
            for fact in map(json.loads, facts.read_text("utf-8").splitlines()):
                yield from (form.replace("[X]", fact["subject"]).replace("[Y]", fact["object"]) for form in forms)


def texts(data: Path) -> tuple[list[str], list[str]]:
    """Return what is stored, CounterFact first, and what is asked."""
    files = [data / "counterfact" / name for name in ("train.json", "val.json")]
    records = [record for file in files for record in json.loads(file.read_text("utf-8"))]
    prompts = list(dict.fromkeys(record["prompt"] for record in records))[: SIZES[0]]
    others = sorted(set(statements(data / "pararel")) - set(prompts))
    paraphrases = list(dict.fromkeys(record["rephrase_prompt"] for record in records[: SIZES[0]]))
    for each in (others, paraphrases):
        random.Random(0).shuffle(each)
    return (prompts + others)[: SIZES[-1]], paraphrases[:QUERIES]


def vectors(data: Path, cache: Path) -> tuple[Vectors, Vectors]:
    if not cache.exists():
        encoder = load_encoder()
        stored, queries = (encoder.encode(each) for each in texts(data))
        np.savez(cache, stored=stored, queries=queries)
    with np.load(cache) as file:
        return file["stored"], file["queries"]


def lookups(indexes: Mapping[str, VectorIndex], stored: Vectors, queries: Vectors) -> dict[str, dict[str, float]]:
    """Ask every index each query in turn, so that all meet the same load, and compare with exact search by NumPy.

    A lookup runs on one thread: its processor time is what it takes when nobody else wants the core.
    """
    true = [row.argsort(kind="stable")[:10].tolist() for row in -(queries @ stored.T)]
    found: dict[str, list[list[int]]] = {name: [] for name in indexes}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in indexes}
    for query in queries:
        for name, index in indexes.items():
            wall, processor = time.perf_counter(), time.thread_time()
            neighbours = index.nearest(query[np.newaxis], 10)[0]
            taken[name].append((time.perf_counter() - wall, time.thread_time() - processor))
            found[name].append([neighbour.id for neighbour in neighbours])
    return {
        name: {
            "p50 ms": 1000 * np.percentile([wall for wall, _ in taken[name]], 50),
            "p95 ms": 1000 * np.percentile([wall for wall, _ in taken[name]], 95),
            "cpu p50 ms": 1000 * np.percentile([processor for _, processor in taken[name]], 50),
            "cpu p95 ms": 1000 * np.percentile([processor for _, processor in taken[name]], 95),
            "recall@1": float(np.mean([a[0] == b[0] for a, b in zip(found[name], true, strict=True)])),
            "recall@10": float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found[name], true, strict=True)])),
        }
        for name in indexes
    }


def costs(index: VectorIndex, stored: Vectors) -> dict[str, float]:
    """Fill `index` and return what that, one change and its file cost."""
    ids = np.arange(len(stored))
    marks = [time.perf_counter()]
    index.add(ids, stored)
    marks.append(time.perf_counter())
    index.remove(ids[-1:])
    index.add(ids[-1:], stored[-1:])
    marks.append(time.perf_counter())
    with tempfile.TemporaryDirectory() as folder:
        save(index, Path(folder), generation=0, origin="benchmark")
        marks.append(time.perf_counter())
        load(Path(folder))
        marks.append(time.perf_counter())
        size = (Path(folder) / FILE_NAME).stat().st_size
    build, change, saving, loading = np.diff(marks).tolist()
    return {
        "build s": build,
        "replace one ms": 1000 * change,
        "save s": saving,
        "load s": loading,
        "file MB": size / 1e6,
    }


def measured(stored: Vectors, queries: Vectors) -> list[dict[str, Any]]:
    indexes: dict[str, VectorIndex] = {"flat": FlatIndex(stored.shape[1])}
    spent = {"flat": costs(indexes["flat"], stored)}
    for numbers in NUMBERS_A_CODE:
        name = f"pq, {numbers} numbers a code"
        indexes[name] = pq.PqIndex(stored.shape[1])
        with patch.object(pq, "NUMBERS_A_CODE", numbers):
            spent[name] = costs(indexes[name], stored)
    found = lookups(indexes, stored, queries)
    return [{"index": name, "vectors": len(stored), **found[name], **spent[name]} for name in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the published data sets")
    parser.add_argument(
        "--vectors", type=Path, required=True, help="where the encoded texts are kept, e.g. vectors.npz"
    )
    arguments = parser.parse_args()
    stored, queries = vectors(arguments.data, arguments.vectors)
    rows = [row for size in SIZES for row in measured(stored[:size], queries)]
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "load average": os.getloadavg()[0]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "faiss": faiss.__version__, "rows": rows}, indent=1) + "\n")
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
