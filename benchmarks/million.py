"""Write 1,000,000 distinct edits and really encode them: python benchmarks/million.py DATA CACHE

DATA holds counterfact/{train,val}.json in EasyEdit's flat form, ParaRel's pararel/{facts,patterns}/*.jsonl and the
relations lre/*.json. The first 10,000 edits are CounterFact's own prompts; the others ask of every subject of the three
what their prompts ask, first what is known of it, then the same of anything else. CACHE gets edits.jsonl, queries.jsonl
(paraphrases of the first 10,000), vectors-*.npy in chunks of 10,000 and encoding.json with the time taken. What is
there is kept: an interrupted run goes on where it stopped.
"""

import argparse
import json
import os
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memory_editor.encoder import load_encoder
from memory_editor.text import fingerprint, relation, subject_key

EDITS = 1_000_000
FIRST = 10_000
CHUNK = 10_000
QUERIES = 1_000
SEEN_OFTEN = 3
"""How often CounterFact must word a prompt alike, up to its subject, for that to be a template."""

_SENTENCE_END = re.compile(r"(?<=[.?!])\s|\n")


@dataclass
class Material:
    """What edits are made of: who they are about, the templates known to fit them, all templates and all objects."""

    own: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    templates: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)

    def take(self, subject: str, object_: str, templates: Iterable[str]) -> None:
        """Add a fact, and the templates that fit its subject."""
        self.own[subject].update(templates)
        self.templates.update(templates)
        self.objects.add(object_)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def cloze(pattern: str) -> str | None:
    """Return what stands before the object of a ParaRel pattern, or none where the subject does not."""
    before = pattern.partition("[Y]")[0].strip()
    return before.replace("[X]", "{}") if before.count("[X]") == 1 and before != "[X]" else None


def masked(text: str, subject: str) -> str | None:
    """Return the last sentence of `text` that names the subject, with a place for it."""
    before, named, after = text.rpartition(subject)
    template = (_SENTENCE_END.split(before)[-1] + "{}" + after).strip() if named else "{}"
    return template if template != "{}" and template.count("{}") == 1 else None


def material(data: Path, counterfact: list[dict[str, str]]) -> Material:
    found = Material()
    for facts in sorted((data / "pararel/facts").glob("*.jsonl")):
        patterns = data / "pararel/patterns" / facts.name
        templates = [t for p in lines(patterns) if (t := cloze(p["pattern"]))] if patterns.exists() else []
        for fact in lines(facts):
            found.take(fact["subject"], fact["object"], templates)
    for file in sorted((data / "lre").glob("*.json")):
        relation = json.loads(file.read_text("utf-8"))
        for sample in relation["samples"]:
            found.take(sample["subject"], sample["object"], relation["prompt_templates"])
    wordings = Counter(
        template
        for record in counterfact
        for name in ("prompt", "rephrase_prompt")
        if (template := masked(record[name], record["subject"]))
    )
    for record in counterfact:
        found.take(record["subject"], record["target_new"], [])
    found.templates.update(template for template, times in wordings.items() if times >= SEEN_OFTEN)
    return found


def made(found: Material) -> Iterator[tuple[str, str]]:
    """Yield prompts and their subjects without end of interest: first what fits a subject, then what fits another."""
    chance = random.Random(0)
    fitting = [(template, subject) for subject, own in sorted(found.own.items()) for template in sorted(own)]
    chance.shuffle(fitting)
    yield from ((template.replace("{}", subject), subject) for template, subject in fitting)
    subjects, templates = sorted(found.own), sorted(found.templates)
    while True:
        chance.shuffle(subjects)
        yield from ((chance.choice(templates).replace("{}", subject), subject) for subject in subjects)


class Distinct:
    """Takes a prompt only where no earlier one is the same up to spelling, or says the same of the same subject."""

    def __init__(self) -> None:
        self._taken: set[bytes | tuple[str, str]] = set()

    def takes(self, prompt: str, subject: str) -> bool:
        """Say whether the prompt is new, and count it as taken."""
        marks: set[bytes | tuple[str, str]] = {fingerprint(prompt), (subject_key(subject), relation(prompt, subject))}
        is_new = not marks & self._taken
        self._taken |= marks
        return is_new


def edits(data: Path) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Return the edits, and the queries with the number of the edit that each is a paraphrase of."""
    files = [data / "counterfact" / name for name in ("train.json", "val.json")]
    records = [record for file in files for record in json.loads(file.read_text("utf-8"))]
    distinct, chance = Distinct(), random.Random(0)
    own = [record for record in records if distinct.takes(record["prompt"], record["subject"])][:FIRST]
    asked = [{"prompt": record["rephrase_prompt"], "edit": number} for number, record in enumerate(own)]
    for record in records:  # no query is an edit too
        distinct.takes(record["rephrase_prompt"], record["subject"])
    found = material(data, records)
    new = (made_one for made_one in made(found) if distinct.takes(*made_one))
    others, objects = list(islice(new, EDITS - len(own))), sorted(found.objects)
    chance.shuffle(others)
    names = ("prompt", "target_new", "subject")
    kept = [{name: record[name] for name in names} for record in own]
    kept += [dict(zip(names, (prompt, chance.choice(objects), subject), strict=True)) for prompt, subject in others]
    return kept, chance.sample(asked, QUERIES)


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    temporary.replace(path)


def encode(cache: Path, workers: int) -> None:
    """Encode what is not encoded yet, on one thread a chunk: threads that share a batch wait for each other."""
    prompts = [row["prompt"] for row in lines(cache / "edits.jsonl")]
    encoder, report = load_encoder(), cache / "encoding.json"
    spent = json.loads(report.read_text()) if report.exists() else {"texts": 0, "wall s": 0.0, "processor s": 0.0}

    def encoded(start: int) -> int:
        torch.set_num_threads(1)
        vectors = encoder.encode(prompts[start : start + CHUNK])
        np.save(chunk_path(cache, start).with_suffix(".tmp.npy"), vectors)
        chunk_path(cache, start).with_suffix(".tmp.npy").replace(chunk_path(cache, start))
        return len(vectors)

    missing = [start for start in range(0, len(prompts), CHUNK) if not chunk_path(cache, start).exists()]
    with ThreadPoolExecutor(workers) as pool:
        wall, processor = time.perf_counter(), time.process_time()
        for count in pool.map(encoded, missing):
            wall, wall_before = time.perf_counter(), wall
            processor, processor_before = time.process_time(), processor
            spent["texts"] += count
            spent["wall s"] += wall - wall_before
            spent["processor s"] += processor - processor_before
            report.write_text(json.dumps(spent) + "\n")
            print(f"{spent['texts']:,} of {len(prompts):,}, {spent['texts'] / spent['wall s']:.0f}/s", flush=True)


def chunk_path(cache: Path, start: int) -> Path:
    return cache / f"vectors-{start // CHUNK:03}.npy"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the published data sets")
    parser.add_argument("cache", type=Path, help="folder that keeps the edits and their vectors")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="how many chunks to encode at once")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    if not (arguments.cache / "queries.jsonl").exists():
        stored, asked = edits(arguments.data)
        write_lines(arguments.cache / "edits.jsonl", stored)
        write_lines(arguments.cache / "queries.jsonl", asked)
    encode(arguments.cache, arguments.threads)


if __name__ == "__main__":
    main()
