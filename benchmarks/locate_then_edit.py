"""Measure ROME, MEMIT and AlphaEdit: PYTHONPATH=. python benchmarks/locate_then_edit.py DATA --work DIR [--edits N]

DATA is the folder of the published data sets. The first N CounterFact edits of a split are made by ROME one at a time,
each undone before the next, by MEMIT in one batch and by AlphaEdit in sequence. Efficacy, paraphrase and neighbourhood
compare the probabilities of the first tokens of two answers, where the published code compares the means over all of
their tokens; "most probable" asks for more; "free" is greedy decoding that begins with the target. Of P edits (--pairs)
the value is also searched for by a plain forward pass of every text, to compare seconds of CPU. DIR keeps what is done,
so that a run that was stopped goes on. Prints a table and writes benchmarks/results/locate_then_edit.json.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.plain_values import plain_value
from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends import rome as rome_method
from memory_editor.backends.alphaedit import AlphaEdit
from memory_editor.backends.base import Backend
from memory_editor.backends.locating import spreading
from memory_editor.backends.locating.facts import facts_of
from memory_editor.backends.locating.prefixes import written_prefixes
from memory_editor.backends.locating.projections import projection_at, projections_at
from memory_editor.backends.locating.recall import Site
from memory_editor.backends.locating.values import ValueOptimiser
from memory_editor.backends.memit import Memit
from memory_editor.backends.moments import MomentsFolder, second_moments
from memory_editor.backends.rome import Rome
from memory_editor.backends.target_tokens import request_of
from memory_editor.backends.text_windows import read_lines
from memory_editor.datasets import read_edits
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.text import words
from memory_editor.token_rows import TokenRows

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results" / "locate_then_edit.json"
ROWS: Final = 25
NEW_TOKENS: Final = 8
SECONDS: Final = "CPU seconds an edit"

Row: TypeAlias = dict[str, bool]


class Case(NamedTuple):
    """An edit and what is asked about it."""

    edit: Edit
    paraphrase: str
    near: str
    near_truth: str

    @property
    def pairs(self) -> dict[str, tuple[str, str, str]]:
        """By figure, a prompt, the answer that is to be the more probable, and the other."""
        new, true = self.edit.target_new or "", self.edit.target_true or ""
        return {
            "efficacy": (self.edit.prompt, new, true),
            "paraphrase": (self.paraphrase, new, true),
            "neighbourhood": (self.near, self.near_truth, new),
        }


def read_cases(file: Path, count: int) -> list[Case]:
    records = json.loads(file.read_text("utf-8"))[:count]
    return [
        Case(edit, record["rephrase_prompt"], record["locality_prompt"], record["locality_ground_truth"])
        for edit, record in zip(islice(read_edits(file), count), records, strict=True)
    ]


def in_batches(prompts: Sequence[str], run: Callable[[list[str]], Iterable[Any]]) -> list[Any]:
    """Return what is made of prompts, those of about one length together."""
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    found: dict[int, Any] = {}
    for start in range(0, len(order), ROWS):
        places = order[start : start + ROWS]
        found |= zip(places, run([prompts[place] for place in places]), strict=True)
    return [found[place] for place in range(len(prompts))]


def rows_of(base: LanguageModel, prompts: Sequence[str]) -> TokenRows:
    return TokenRows.of([base.encode(prompt) for prompt in prompts], device=base.device)


@torch.no_grad()
def next_logits(base: LanguageModel, prompts: Sequence[str]) -> list[Tensor]:
    model: Any = base.model
    return [*model(**rows_of(base, prompts).inputs(model), logits_to_keep=1).logits[:, -1]]


def continued(base: LanguageModel, prompts: Sequence[str]) -> list[str]:
    rows = rows_of(base, prompts)
    output = base.generate(rows.ids, attention_mask=rows.mask, max_new_tokens=NEW_TOKENS, do_sample=False)
    return [base.decode(row[rows.ids.shape[1] :]) for row in output]


def begins(answer: str, target: str) -> bool:
    wanted = words(target)
    return words(answer)[: len(wanted)] == wanted


def judged(base: LanguageModel, cases: Sequence[Case]) -> list[Row]:
    """Return what holds of each case."""
    rows: list[Row] = [{} for _ in cases]
    for name in ("efficacy", "paraphrase", "neighbourhood"):
        pairs = [case.pairs[name] for case in cases]
        logits = in_batches([prompt for prompt, _, _ in pairs], partial(next_logits, base))
        for row, (prompt, wanted, other), said in zip(rows, pairs, logits, strict=True):
            first, second = (request_of(base, prompt, answer).target[0] for answer in (wanted, other))
            row[name] = bool(said[first] > said[second])
            row[f"{name}, most probable"] = int(said.argmax()) == first
    for name, prompts in {
        "free, edit prompt": [case.edit.prompt for case in cases],
        "free, paraphrase": [case.paraphrase for case in cases],
    }.items():
        for row, case, answer in zip(rows, cases, in_batches(prompts, partial(continued, base)), strict=True):
            row[name] = begins(answer, case.edit.target_new or "")
    return rows


class Kept:
    """What was measured, in a file of one line each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self._known: dict[str, Any] = dict(json.loads(line) for line in lines)

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """Return what was measured, or measure it."""
        if key not in self._known:
            self._known[key] = measure()
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self._known[key]]) + "\n")
        return self._known[key]


def edited(base: LanguageModel, backend: Backend, cases: Sequence[Case]) -> dict[str, Any]:
    """Return what holds of cases once they are edited together, and the seconds of CPU that the edit took."""

    def report(label: str, total: int) -> Any:
        return nullcontext(lambda done: print(f"{label}: {done} of {total}"))

    began = time.process_time()
    with backend.edit(base, [case.edit for case in cases], progress=report):
        seconds = time.process_time() - began
        return {"rows": judged(base, cases), "seconds": seconds}


def shares(rows: Sequence[Row]) -> dict[str, float]:
    return {name: statistics.mean(row[name] for row in rows) for name in rows[0]}


def measured(
    base: LanguageModel, cases: Sequence[Case], kept: Kept, moments: MomentsFolder
) -> Iterator[dict[str, Any]]:
    """Yield the figures of each method."""
    asked = f"{len(cases)} {cases[0].edit.prompt}"
    yield {"method": "unedited", **shares(kept.get(f"unedited {asked}", lambda: judged(base, cases)))}
    rome = Rome(prefixes=written_prefixes(base, rome_method.PREFIX_LENGTHS))
    one = [kept.get(f"ROME {case.edit.prompt}", partial(edited, base, rome, [case])) for case in cases]
    seconds = statistics.mean(found["seconds"] for found in one)
    yield {"method": "ROME, one at a time", **shares([found["rows"][0] for found in one]), SECONDS: seconds}
    prefixes = written_prefixes(base, spreading.PREFIX_LENGTHS)
    memit = Memit(moments=moments, prefixes=prefixes)
    alphaedit = AlphaEdit(moments=moments, prefixes=prefixes, batch_size=10)
    together: dict[str, Backend] = {"MEMIT, one batch": memit, "AlphaEdit, batches of 10": alphaedit}
    for name, backend in together.items():
        found = kept.get(f"{name} {asked}", partial(edited, base, backend, cases))
        yield {"method": name, **shares(found["rows"]), SECONDS: found["seconds"] / len(cases)}


def compared(base: LanguageModel, case: Case, prefixes: Sequence[str]) -> dict[str, float]:
    """Search for the value of an edit both ways."""
    (fact,) = facts_of(base, [case.edit], prefixes)
    search, projection = Rome(), projection_at(base, None, rome_method.DEPTH)
    model = sharing_weights(base.model)
    optimiser = ValueOptimiser(model, Site(model, projection.path), projection.layer, search)
    began = time.process_time()
    values = optimiser.values([fact])
    middle = time.process_time()
    change, losses = plain_value(base, projection.path, fact, search)
    return {
        "seconds": middle - began,
        "plain seconds": time.process_time() - middle,
        "ratio": (time.process_time() - middle) / (middle - began),
        "steps": values.steps.item(),
        "plain steps": len(losses),
        "largest difference of the value": (values.change[0] - change).abs().max().item(),
        "loss": values.losses.item(),
        "plain loss": losses[-1],
    }


def speed(base: LanguageModel, cases: Sequence[Case], kept: Kept) -> dict[str, Any]:
    """Return medians over edits of what both ways of searching take, and how far their results lie apart."""
    prefixes = written_prefixes(base, rome_method.PREFIX_LENGTHS)
    found = [kept.get(f"pair {case.edit.prompt}", partial(compared, base, case, prefixes)) for case in cases]
    return {
        "pairs": len(found),
        "texts": len(prefixes) + 2,
        "medians": {name: statistics.median(pair[name] for pair in found) for name in found[0]},
        "ratios": sorted(round(pair["ratio"], 2) for pair in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--split", default="edit_dev")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "memedit-locate")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    base = LanguageModel.from_pretrained("smollm2-135m", device="cpu")
    cases, kept = read_cases(given.data / "counterfact" / f"{given.split}.json", given.edits), Kept(given.work / "kept")
    paths = [projection.path for projection in projections_at(base, (), spreading.DEPTHS)]
    texts = (given.data / "text" / f"wikitext2-{part}.txt" for part in ("valid", "test"))
    second_moments(base, paths, read_lines(texts), cache=given.work / "moments")
    methods = [*measured(base, cases, kept, MomentsFolder(given.work / "moments"))]
    found = {
        "model": base.name,
        "edits": f"the first {len(cases)} of counterfact/{given.split}.json",
        "threads": given.threads,
        "methods": methods,
        "search for a value": speed(base, cases[: given.pairs], kept),
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    columns = [*methods[0], SECONDS]
    table = Table(*columns)
    for method in methods:
        table.add_row(method["method"], *(f"{100 * method[name]:.1f}" for name in columns[1:-1]), shown(method))
    Console().print(table)


def shown(method: dict[str, Any]) -> str:
    seconds = method.get(SECONDS)
    return f"{seconds:.1f}" if seconds else ""


if __name__ == "__main__":
    main()
