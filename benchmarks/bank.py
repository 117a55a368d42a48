"""Measure the adapter bank: python benchmarks/bank.py DATA [--edits N] [--steps N] [--cluster-size N] [--work DIR]

DATA is the folder of the published data sets. Consolidates the first N CounterFact edits of the dev split and asks,
with the right edit given, each edit's prompt and its paraphrase: of the bank, whose failed edits the fallback answers,
and of the fallback alone. Every answer is decoded freely and greedily. DIR keeps the bank, so that a run that was
stopped goes on. Prints the figures and writes benchmarks/results/bank.json.
"""

import argparse
import json
import tempfile
import time
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from ulid import ULID

from memory_editor.adapters.bank import BankAdapter, current_bank
from memory_editor.adapters.base import Adapter
from memory_editor.adapters.in_context import InContext
from memory_editor.adapters.lora.files import shipped_adapter
from memory_editor.answers import begins_with
from memory_editor.consolidation import ConsolidationSettings, consolidate
from memory_editor.consolidation.writing import write
from memory_editor.datasets import read_edits
from memory_editor.edits import Edit, EditId
from memory_editor.encoder import load_encoder
from memory_editor.language_model import LanguageModel

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "bank.json"
NEW_TOKENS = 12


def asked(base: LanguageModel, adapter: Adapter, edits: list[Edit], paraphrases: list[str]) -> dict[str, Any]:
    """Return how often the answers begin with the targets, in percent, and what the contexts and answers took."""
    figures: dict[str, Any] = {}
    rows = [(edit,) for edit in edits]
    began = time.perf_counter()
    for name, prompts in (("reliability", [edit.prompt for edit in edits]), ("generality", paraphrases)):
        texts = write(base, adapter, prompts, rows, NEW_TOKENS)
        right = [begins_with(text, [edit.target_new or ""]) for edit, text in zip(edits, texts, strict=True)]
        figures[name] = 100 * sum(right) / len(right)
    figures["seconds an answer"] = (time.perf_counter() - began) / (2 * len(edits))
    contexts = [adapter.context([edit], text, is_chat=False) for edit, text in zip(edits, paraphrases, strict=True)]
    figures["context tokens"] = sum(len(base.encode(text)) for text in contexts) / len(contexts)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--work", type=Path)
    for name in ("steps", "cluster_size", "rank"):
        default = getattr(ConsolidationSettings, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    given = parser.parse_args()
    file = given.data / "counterfact" / "edit_dev.json"
    numbered = enumerate(islice(read_edits(file), given.edits))
    edits = [replace(edit, id=EditId(str(ULID.from_int(number)))) for number, edit in numbered]  # known to a later run
    records = {record["prompt"]: record for record in json.loads(file.read_text("utf-8"))[: given.edits]}
    paraphrases = [records[edit.prompt]["rephrase_prompt"] for edit in edits]
    base = LanguageModel.from_pretrained("smollm2-135m", device="cpu", dtype="float32")
    settings = ConsolidationSettings(steps=given.steps, cluster_size=given.cluster_size, rank=given.rank)
    folder = given.work or Path(tempfile.mkdtemp())
    vectors = load_encoder().encode([edit.prompt for edit in edits])
    report = consolidate(base, edits, vectors, folder, settings)
    bank = current_bank(folder)
    if bank is None:
        raise SystemExit(json.dumps(report.to_dict(), indent=1))
    fallback = shipped_adapter(base.model) or InContext()
    plain = [edit for edit in edits if bank.place(edit) is not None]
    figures = {
        "threads": torch.get_num_threads(),
        "settings": asdict(settings),
        "learnt": f"{report.learnt} of {report.trained}",
        "regressions": f"{sum(o.regressions for o in report.clusters)} of {sum(o.prompts for o in report.clusters)}",
        "seconds an edit": sum(one.seconds for one in report.clusters) / report.trained,
        "MB": sum(path.stat().st_size for path in bank.folder.iterdir()) / 1e6,
        "bank": asked(base, BankAdapter(bank, fallback), edits, paraphrases),
        fallback.name: asked(base, fallback, edits, paraphrases),
        "edits in the bank": len(plain),
    }
    text = json.dumps(figures, indent=1)
    print(text)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
