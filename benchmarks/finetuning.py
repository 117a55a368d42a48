"""Measure fine-tuning and knowledge neurons: PYTHONPATH=. python benchmarks/finetuning.py DATA --work DIR [--edits N]

DATA is the folder of the published data sets. Of the first N CounterFact edits of a split each method makes as many as
METHODS says: one at a time, each undone before the next, or all at once. Efficacy, paraphrase and neighbourhood
compare the probabilities of the first tokens of two answers, where the published code of ROME compares the means over
all of their tokens; "free" is greedy decoding that begins with the target, and for a neighbourhood prompt that says
what the unedited model says. DIR keeps what is done, so that a run that was stopped goes on; `--minutes` stops it.
Prints a table and writes benchmarks/results/finetuning.json.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.locate_then_edit import NEW_TOKENS, Case, Kept, Row, begins, in_batches, read_cases, rows_of, shares
from memory_editor.backends.base import Backend
from memory_editor.backends.finetuning import FtKl, FtL, FtM, LocFt, LoraFt
from memory_editor.backends.neurons import KnowledgeNeurons
from memory_editor.backends.target_tokens import request_of
from memory_editor.language_model import LanguageModel

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results" / "finetuning.json"
SECONDS: Final = "CPU seconds an edit"


class Method(NamedTuple):
    """A backend, how many edits it makes, and whether all at once."""

    backend: Backend
    edits: int
    together: bool = False

    @property
    def name(self) -> str:
        """What it is called in the table."""
        return f"{self.backend.name}, {'all at once' if self.together else 'one at a time'}"


METHODS: Final = (
    Method(LocFt(), 100, together=True),
    Method(FtM(), 100),
    Method(LoraFt(), 30),
    Method(FtL(), 30),
    Method(FtKl(), 30),
    Method(KnowledgeNeurons(), 20),
)


class Said(NamedTuple):
    """What a model writes after a prompt, and how probable it holds some tokens to be the next, as logits."""

    text: str
    logits: list[float]


class OutOfTime(Exception):
    """The minutes are over."""


def answers(base: LanguageModel, cases: Sequence[Case]) -> list[Said]:
    """Return what is said after the edit's prompt, the paraphrase and the near prompt of each case."""
    pairs = [pair for case in cases for pair in case.pairs.values()]
    tokens = [[request_of(base, prompt, answer).target[0] for answer in answers] for prompt, *answers in pairs]
    found = in_batches([prompt for prompt, *_ in pairs], partial(continued, base))
    return [
        Said(base.decode(ids), [float(logits[token]) for token in chosen])
        for (ids, logits), chosen in zip(found, tokens, strict=True)
    ]


def continued(base: LanguageModel, prompts: Sequence[str]) -> list[tuple[Any, Any]]:
    """Return what comes greedily after each prompt, and the logits of its first token."""
    rows = rows_of(base, prompts)
    options = {"max_new_tokens": NEW_TOKENS, "do_sample": False}
    output = base.generate(
        rows.ids, attention_mask=rows.mask, return_dict_in_generate=True, output_logits=True, **options
    )
    return [*zip(output.sequences[:, rows.ids.shape[1] :], output.logits[0], strict=True)]


def judged(cases: Sequence[Case], said: Sequence[Said], unedited: Sequence[Said]) -> list[Row]:
    """Return what holds of each case."""
    rows = []
    for place, case in enumerate(cases):
        each, near = said[3 * place : 3 * place + 3], unedited[3 * place + 2]
        row = {name: one.logits[0] > one.logits[1] for name, one in zip(case.pairs, each, strict=True)}
        row["free, edit prompt"] = begins(each[0].text, case.edit.target_new or "")
        row["free, paraphrase"] = begins(each[1].text, case.edit.target_new or "")
        row["free, neighbourhood"] = each[2].text == near.text
        rows.append(row)
    return rows


def edited(base: LanguageModel, backend: Backend, cases: Sequence[Case]) -> dict[str, Any]:
    """Return what is said once cases are edited together, and the seconds of CPU that the edit took."""
    began = time.process_time()
    with backend.edit(base, [case.edit for case in cases]):
        seconds = time.process_time() - began
        return {"said": answers(base, cases), "seconds": seconds}


def measured(
    base: LanguageModel, methods: Iterable[Method], cases: Sequence[Case], kept: Kept, until: float
) -> Iterator[dict[str, Any]]:
    """Yield the figures of each method; raises `OutOfTime`."""
    plain = [kept.get(f"unedited {case.edit.prompt}", partial(answers, base, [case])) for case in cases]
    unedited = [Said(*one) for said in plain for one in said]
    yield {"method": "unedited", "edits": len(cases), **shares(judged(cases, unedited, unedited))}
    for method in methods:
        some = cases[: method.edits]
        found = []
        for group in [some] if method.together else [[case] for case in some]:
            if time.time() > until:
                raise OutOfTime
            key = f"{method.name} {method.backend} {len(group)} {group[0].edit.prompt}"
            found.append(kept.get(key, partial(edited, base, method.backend, group)))
        said = [Said(*one) for group in found for one in group["said"]]
        yield {
            "method": method.name,
            "edits": len(some),
            **shares(judged(some, said, unedited)),
            SECONDS: statistics.fmean(group["seconds"] for group in found) * len(found) / len(some),
            "settings": asdict(method.backend),  # type: ignore[call-overload]
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--split", default="edit_dev")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "memedit-finetuning")
    given = parser.parse_args()
    until = time.time() + 60 * given.minutes
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    base = LanguageModel.from_pretrained("smollm2-135m", device="cpu")
    cases, kept = read_cases(given.data / "counterfact" / f"{given.split}.json", given.edits), Kept(given.work / "kept")
    rows = []
    try:
        for row in measured(base, METHODS, cases, kept, until):
            rows.append(row)
            print(row)
    except OutOfTime:
        print("stopped; the same command goes on")
        return
    found = {"model": base.name, "edits": f"the first of counterfact/{given.split}.json", "threads": 1, "methods": rows}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    columns = [name for name in rows[1] if name not in ("method", "edits", "settings", SECONDS)]
    table = Table("method", "edits", *columns, SECONDS)
    for row in rows:
        shown = (f"{100 * row[name]:.1f}" for name in columns)
        table.add_row(row["method"], str(row["edits"]), *shown, f"{row[SECONDS]:.2f}" if SECONDS in row else "")
    Console().print(table)


if __name__ == "__main__":
    main()
