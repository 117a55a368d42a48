"""Measure GRACE: python benchmarks/grace.py DATA [--edits N] [--asked N] [--work DIR]

DATA is the folder of the published data sets. Learns values for the first N CounterFact edits of a split and asks, of a
sample of them, the edit's prompt, its paraphrase and its locality prompt: routed as published, by activation distance
with several initial deferral radii; by the scope classifier; and with the right edit given. Every answer is decoded
freely and greedily, and the targets are also scored teacher-forced, as published. DIR keeps what is learnt and
answered, so that a run that was stopped goes on. Prints a table and writes benchmarks/results/grace.json and
docs/results/answering/grace.png.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from memory_editor.adapters.codebook import Codebook, CodebookAdapter
from memory_editor.datasets import read_edits
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.memory import EditMemory, OnConflict
from memory_editor.scope.codebook_router import CodebookRouter
from memory_editor.scope.route import Kind, Route, ScoredEdit
from memory_editor.scope.router import Router
from memory_editor.text import mentions, words
from memory_editor.token_rows import TokenRows

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "grace.json"
CHART = ROOT / "docs" / "results" / "answering" / "grace.png"
RADII = (1.0, 8.0, 12.0, 16.0, 24.0)
COLUMNS = (
    *("reliability, teacher-forced", "reliability, free", "generality, teacher-forced", "generality, free"),
    "locality, base model's answer",
)
NEW_TOKENS = 12
ROWS = 32
CHUNK = 64

Routed: TypeAlias = dict[str, list[Edit | None]]
"""By kind of prompt, the edit that answers each."""


class Case(NamedTuple):
    """A live edit and what is asked about it."""

    edit: Edit
    paraphrase: str
    locality: str


class Asked(NamedTuple):
    """A prompt, the edit whose value answers it, and for teacher forcing the target, else nothing."""

    prompt: str
    edit: Edit | None
    target: str = ""

    @property
    def key(self) -> str:
        """What tells it from everything else that is asked."""
        return "\t".join((self.prompt, self.edit.id if self.edit else "", self.target))


def cases(data: Path, split: str, memory: EditMemory, count: int) -> list[Case]:
    """Return the edits that are live, with locality prompts that no live edit covers."""
    file = data / "counterfact" / f"edit_{split}.json"
    if not memory.count():
        memory.add_many(list(islice(read_edits(file), count)), on_conflict=OnConflict.KEEP_BOTH)
    records = {record["prompt"]: record for record in json.loads(file.read_text("utf-8"))[:count]}
    live = [record.edit for record in memory.store.select()]
    found = [(edit, records[edit.prompt]) for edit in live if edit.prompt in records]
    truths = {(edit.subject or "", record["ground_truth"]) for edit, record in found}
    return [
        Case(edit, record["rephrase_prompt"], record["locality_prompt"])
        for edit, record in found
        if not any(
            truth == record["locality_ground_truth"] and mentions(record["locality_prompt"], subject)
            for subject, truth in truths
        )
    ]


def learn(folder: Path, base: LanguageModel, edits: Sequence[Edit]) -> dict[str, Any]:
    """Learn what is not learnt yet; return where, and how long it took, earlier runs included."""
    log = folder / "learning.json"
    codebook = Codebook.load(folder, base) if folder.exists() else Codebook(base)
    seconds, count = json.loads(log.read_text()) if log.exists() else (0.0, 0)
    new = [edit for edit in edits if edit.id not in set(codebook.ids)]
    for start in range(0, len(new), CHUNK):
        began = time.process_time()
        codebook.add(chunk := new[start : start + CHUNK])
        seconds, count = seconds + time.process_time() - began, count + len(chunk)
        codebook.save(folder)
        log.write_text(json.dumps([seconds, count]))
        print(f"{start + len(chunk)} of {len(new)} learnt, {seconds:.0f} s of CPU")
    return {"layer": codebook.projection, "CPU seconds an edit": seconds / max(1, count)}


class Answers:
    """What a codebook answers, kept in a file."""

    def __init__(self, file: Path, base: LanguageModel, codebook: Codebook) -> None:
        self._file = file
        self._base = base
        self._adapter = CodebookAdapter(codebook)
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self._known: dict[str, Any] = dict(json.loads(line) for line in lines)

    def __getitem__(self, asked: Asked) -> Any:
        """Return the text of the answer, or for a target the share of its tokens that the model would say."""
        return self._known[asked.key]

    def ask(self, every: Sequence[Asked]) -> None:
        """Have the model answer what is not answered yet."""
        new = list({asked.key: asked for asked in every if asked.key not in self._known}.values())
        new.sort(key=lambda asked: (len(self._target(asked)), len(asked.prompt)))
        with self._file.open("a", encoding="utf-8") as file, torch.no_grad():
            for batch in batches(new, lambda asked: len(self._target(asked))):
                found = self._forced(batch) if batch[0].target else self._free(batch)
                for asked, answer in zip(batch, found, strict=True):
                    self._known[asked.key] = answer
                    file.write(json.dumps([asked.key, answer]) + "\n")
                file.flush()

    def _free(self, batch: Sequence[Asked]) -> list[str]:
        rows = self._rows(batch)
        inputs = {"input_ids": rows.ids, "attention_mask": rows.mask}
        output = self._model(batch).generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
        return [self._base.decode(row[rows.ids.shape[1] :]) for row in output]

    def _forced(self, batch: Sequence[Asked]) -> list[float]:
        rows, model = self._rows(batch), self._model(batch)
        targets = torch.tensor([self._target(asked) for asked in batch])
        first = model(**rows.inputs(self._base.model), use_cache=True)
        said = [first.logits[:, -1:].argmax(-1)]
        if targets.shape[1] > 1:
            both = TokenRows(
                torch.cat([rows.ids, targets[:, :-1]], 1),
                torch.cat([rows.mask, torch.ones_like(targets[:, :-1])], 1),
            )
            rest = both.inputs(self._base.model, rows.ids.shape[1])
            said.append(model(**rest, past_key_values=first.past_key_values).logits.argmax(-1))
        return [*(torch.cat(said, 1) == targets).float().mean(1).tolist()]

    def _model(self, batch: Sequence[Asked]) -> EditedModel:
        def route(prompts: Sequence[str]) -> list[Route]:
            scored = [(ScoredEdit(asked.edit, 1.0, Kind.DIRECT, ()),) if asked.edit else () for asked in batch]
            return [Route(prompt, edits, None, 0.5) for prompt, edits in zip(prompts, scored, strict=True)]

        return EditedModel(self._base, route, self._adapter)

    def _rows(self, batch: Sequence[Asked]) -> TokenRows:
        return TokenRows.of([self._base.encode(asked.prompt) for asked in batch], device=self._base.device)

    def _target(self, asked: Asked) -> list[int]:
        return self._base.encode(f" {asked.target}") if asked.target else []


def batches(every: Sequence[Asked], width: Any) -> Iterator[list[Asked]]:
    """Yield neighbours of one width together."""
    batch: list[Asked] = []
    for asked in every:
        if batch and (len(batch) == ROWS or width(asked) != width(batch[0])):
            yield batch
            batch = []
        batch.append(asked)
    if batch:
        yield batch


def chosen(routes: Sequence[Route]) -> list[Edit | None]:
    return [route.edits[0].edit if route.edits else None for route in routes]


def begins(answer: str, target: str) -> bool:
    wanted = words(target)
    return words(answer)[: len(wanted)] == wanted


def figures(routed: Routed, sample: Sequence[Case], answers: Answers) -> dict[str, float]:
    """Return shares, from 0 to 1, of the cases whose prompts were routed as given."""
    prompts = {"reliability": [case.edit.prompt for case in sample], "generality": [case.paraphrase for case in sample]}
    targets = [case.edit.target_new or "" for case in sample]
    free = {name: [Asked(*pair) for pair in zip(prompts[name], routed[name], strict=True)] for name in prompts}
    forced = {name: [Asked(*row) for row in zip(prompts[name], routed[name], targets, strict=True)] for name in prompts}
    near = [Asked(case.locality, edit) for case, edit in zip(sample, routed["locality"], strict=True)]
    answers.ask([*near, *(Asked(asked.prompt, None) for asked in near), *free["reliability"], *free["generality"]])
    answers.ask([*forced["reliability"], *forced["generality"]])
    found = {}
    for name in prompts:
        found[f"{name}, teacher-forced"] = np.mean([answers[asked] for asked in forced[name]])
        right = [begins(answers[asked], target) for asked, target in zip(free[name], targets, strict=True)]
        found[f"{name}, free"] = np.mean(right)
        found[f"{name}, own edit"] = np.mean(
            [edit == case.edit for edit, case in zip(routed[name], sample, strict=True)]
        )
    found["locality, base model's answer"] = np.mean([answers[one] == answers[Asked(one.prompt, None)] for one in near])
    found["locality, kept out"] = np.mean([edit is None for edit in routed["locality"]])
    return {name: float(value) for name, value in found.items()}


def distances(codebook: Codebook, prompts: Sequence[str]) -> list[float]:
    """Return quantiles of how far prompts are from the nearest entry."""
    found = [match.distance for match in codebook.nearest(prompts) if match]
    return [*np.quantile(found, (0, 0.05, 0.5, 0.95, 1)).round(2).tolist()]


def draw(found: dict[str, dict[str, float]]) -> None:
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for place, column in enumerate(("reliability, free", "locality, base model's answer", "generality, free")):
        shares = [found[f"radius {radius:g}"][column] for radius in RADII]
        axes.plot(RADII, shares, marker="o", color=f"C{place}", label=column)
        by_scope = found["scope classifier"][column]
        axes.axhline(by_scope, color=f"C{place}", linestyle=(place, (2, 3)), label="the same, by the scope classifier")
    axes.set(xscale="log", xlabel="initial deferral radius", ylabel="share of cases", ylim=(-0.02, 1.04))
    axes.set_xticks(RADII, [f"{radius:g}" for radius in RADII], minor=False)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3)
    CHART.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(CHART)


def measured(given: argparse.Namespace, base: LanguageModel, memory: EditMemory) -> dict[str, Any]:
    every, folder = cases(given.data, given.split, memory, given.edits), given.work / "codebook"
    learning = learn(folder, base, [record.edit for record in memory.store.select()])
    sample = every[:: max(1, len(every) // given.asked)][: given.asked]
    prompts = {
        "reliability": [case.edit.prompt for case in sample],
        "generality": [case.paraphrase for case in sample],
        "locality": [case.locality for case in sample],
    }
    codebooks = {f"radius {radius:g}": Codebook.load(folder, base, radius=radius) for radius in RADII}
    routers: dict[str, Any] = {name: CodebookRouter(one, memory.store) for name, one in codebooks.items()}
    routers["scope classifier"] = Router(memory)
    routed: dict[str, Routed] = {
        name: {kind: chosen(router.route(asked)) for kind, asked in prompts.items()} for name, router in routers.items()
    }
    nothing: list[Edit | None] = [None] * len(sample)
    right: list[Edit | None] = [case.edit for case in sample]
    routed["right edit given"] = {"reliability": right, "generality": right, "locality": nothing}
    routed["unedited"] = dict.fromkeys(prompts, nothing)
    answers = Answers(given.work / "answers.jsonl", base, codebooks["radius 1"])
    found = {}
    for name, one in routed.items():
        found[name] = figures(one, sample, answers)
        print(name, found[name])
    return {
        "model": base.name,
        "edits live": memory.count(),
        "cases asked": len(sample),
        **learning,
        "entries": {name: len(one.radii) for name, one in codebooks.items()},
        "distance to the nearest entry (0, 5, 50, 95, 100 %)": {
            kind: distances(codebooks["radius 1"], asked) for kind, asked in prompts.items()
        },
        "routing": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--asked", type=int, default=400)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "memedit-grace")
    given = parser.parse_args()
    given.work /= f"{given.edits} of {given.split}"  # what is learnt is of these edits alone
    given.work.mkdir(parents=True, exist_ok=True)
    with EditMemory.open(given.work / "memory.db") as memory:
        report = measured(given, LanguageModel.from_pretrained("smollm2-135m", device="cpu"), memory)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    draw(report["routing"])
    table = Table("routing", *COLUMNS)
    for name, row in report["routing"].items():
        table.add_row(name, *(f"{100 * row[column]:.1f}" for column in COLUMNS))
    Console().print(table)


if __name__ == "__main__":
    main()
