"""Measure what a user waits for, on this machine: python benchmarks/figures.py COUNTERFACT.json

Takes a CounterFact file of 10,000 edits in EasyEdit's flat form. Prints a table and writes `results/figures.json`.
Run it on an idle machine; the models must have been pulled before.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from memory_editor import Edit, EditMemory, MemoryEditor
from memory_editor.datasets import read_edits
from memory_editor.encoder import load_encoder
from memory_editor.language_model import LanguageModel
from memory_editor.scope.files import load_classifier
from memory_editor.scope.judge import ScopeJudge

RESULTS = Path(__file__).parent / "results" / "figures.json"
OUT_OF_SCOPE = "Photosynthesis is the process by which"
PAIRS = 40
console = Console()


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def command(*arguments: str, memory: Path) -> list[str]:
    return [str(Path(sys.executable).with_name("memedit")), *arguments, "--memory", str(memory)]


def run(*arguments: str, memory: Path, **environment: str) -> str:
    done = subprocess.run(
        command(*arguments, memory=memory),
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    return done.stdout + done.stderr


def help_and_list(memory: Path) -> dict[str, Any]:
    executable = command(memory=memory)[0]
    shown = [seconds(lambda: subprocess.run([executable, "--help"], check=True, capture_output=True)) for _ in range(7)]
    listed = [seconds(lambda: run("list", memory=memory)) for _ in range(7)]
    imported = run("list", memory=memory, PYTHONPROFILEIMPORTTIME="1")
    return {
        "help, s": statistics.median(shown),
        "list with 10,000 edits, s": statistics.median(listed),
        "list imports torch": "torch" in {line.rpartition("|")[2].strip() for line in imported.splitlines()},
    }


def cold_query(memory: Path) -> float:
    """Return the seconds from the start of a process to the first piece of its answer."""
    start = time.perf_counter()
    with subprocess.Popen(
        command("query", OUT_OF_SCOPE, memory=memory),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        process.stdout.read(1)  # type: ignore[union-attr]
        first = time.perf_counter() - start
        process.communicate()
    return first


def cold(memory: Path) -> dict[str, Any]:
    added = [
        seconds(lambda n=number: run("add-fact", f"The mayor of Town {n} is", "Ann", memory=memory))  # type: ignore[misc]
        for number in range(3)
    ]
    return {
        "query cold to the first token, s": statistics.median(cold_query(memory) for _ in range(3)),
        "add-fact cold, s": statistics.median(added),
    }


def warm_add(memory: Path) -> dict[str, Any]:
    with EditMemory.open(memory, judge=ScopeJudge(load_classifier)) as opened:
        opened.add(Edit("The river through Place zero is", "Blue"))
        times = [
            1000 * seconds(lambda n=n: opened.add(Edit(f"The river through Place {n} is", "Blue")))  # type: ignore[misc]
            for n in range(1, 101)
        ]
    return {"add_fact warm p50, ms": statistics.median(times), "add_fact warm p95, ms": float(np.percentile(times, 95))}


IMPORT = """
import resource, sys, time
from pathlib import Path
from memory_editor import EditMemory
from memory_editor.datasets import read_edits
from memory_editor.scope.files import load_classifier
from memory_editor.scope.judge import ScopeJudge
with EditMemory.open(sys.argv[1], judge=ScopeJudge(load_classifier)) as memory:
    memory.encoder
    start = time.perf_counter()
    edits = read_edits(Path(sys.argv[2]))
    memory.add_many(edits)
    print(time.perf_counter() - start, len(edits), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def bulk_import(memory: Path, data: Path) -> dict[str, Any]:
    encoder = load_encoder()
    texts = [edit.prompt for edit in read_edits(data)]
    encoder.encode(texts[:256])
    encoding = seconds(lambda: encoder.encode(texts))
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(memory), str(data)], check=True, capture_output=True, text=True
    )
    taken, count, resident = map(float, done.stdout.split())
    return {
        "encoder alone, texts/s": len(texts) / encoding,
        "import, edits/s": count / taken,
        "import as a share of the encoder's speed": encoding / taken,
        "import, resident GiB at most": resident,
    }


def overhead(memory: Path) -> dict[str, Any]:
    """Compare 32 new tokens of the base and the edited model on an out-of-scope prompt, in interleaved pairs."""
    with MemoryEditor.from_pretrained("smollm2-135m", memory=memory, device="cpu") as editor:
        ids = torch.tensor([editor.base.encode(OUT_OF_SCOPE)])
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        options: dict[str, Any] = {"max_new_tokens": 32, "min_new_tokens": 32, "do_sample": False}
        models: dict[str, Any] = {"base": editor.base.model, "edited": editor.model}
        for model in models.values():
            model.generate(**inputs, **options)
        ratios, base_times = [], []
        for pair in range(PAIRS):
            times = {}
            for name in ("base", "edited") if pair % 2 else ("edited", "base"):
                times[name] = seconds(partial(models[name].generate, **inputs, **options))
            ratios.append(times["edited"] / times["base"] - 1)
            base_times.append(times["base"])
        routing = [1000 * seconds(lambda: editor.route(OUT_OF_SCOPE)) for _ in range(100)]
    draws = [statistics.median(random.Random(seed).choices(ratios, k=PAIRS)) for seed in range(2000)]
    return {
        "base model, 32 tokens, s": statistics.median(base_times),
        "added to an out-of-scope prompt, %": 100 * statistics.median(ratios),
        "added, 95 % interval, %": [100 * float(np.percentile(draws, at)) for at in (2.5, 97.5)],
        "routing one prompt, p50 and p95, ms": [float(np.percentile(routing, at)) for at in (50, 95)],
    }


def identity(memory: Path, data: Path) -> dict[str, Any]:
    """Count out-of-scope rows whose logits and tokens equal the base model's, alone and in mixed batches."""
    edits = [edit.prompt for edit in read_edits(data)[:8]]
    prompts = [
        f"{start} {end}"
        for start in ("My friend", "The old house", "Yesterday the sea")
        for end in ("is", "was", "had")
    ]
    equal = rows = 0
    for dtype in ("float32", "bfloat16"):
        base = LanguageModel.from_pretrained("smollm2-135m", device="cpu", dtype=dtype)
        with MemoryEditor.wrap(base.model, base.tokenizer, memory=memory) as editor:
            for batch in [[prompt] for prompt in prompts] + [
                [edits[n % 8], prompt] for n, prompt in enumerate(prompts)
            ]:
                inputs = dict(base.tokenizer(batch, return_tensors="pt", padding=True))
                out = [row for row, prompt in enumerate(batch) if not editor.route(prompt).in_scope]
                with torch.no_grad():
                    same = torch.equal(editor.model(**inputs).logits[out], base.model(**inputs).logits[out])
                expected = base.generate(**inputs, max_new_tokens=8)
                found = editor.model.generate(**inputs, max_new_tokens=8)
                same &= torch.equal(found[out, : expected.shape[1]], expected[out])
                equal += len(out) * same
                rows += len(out)
    return {"out-of-scope rows identical": equal, "of": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="CounterFact, flat form, 10,000 edits")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as folder:
        memory = Path(folder) / "facts.db"
        figures = bulk_import(memory, data)
        for measure in (help_and_list, cold, warm_add, overhead):
            figures |= measure(memory)
        figures |= identity(memory, data)
    figures["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    figures["load average before the end"] = os.getloadavg()[1]
    table = Table("figure", "measured")
    for name, value in figures.items():
        table.add_row(name, json.dumps(value) if not isinstance(value, float) else f"{value:.3g}")
    console.print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
