"""Measure what an edited model writes: PYTHONPATH=. python benchmarks/answering.py DATA --work DIR [--limit N]

DATA is the folder of the published data sets. The edits of a split are live together, routing is included, and every
answer is decoded greedily up to its natural stop. "Given" figures force the route to the edit that the question was
written for. Portability stands beside a k-shot in-context editor (IKE, Zheng et al. 2023: demonstrations that copy,
follow and keep, then the new fact and the prompt). DIR keeps what is done, so that a run that was stopped goes on.
Prints tables and writes benchmarks/results/answering.json and docs/results/answering/answering.md.
"""

import argparse
import copy
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedModel

from benchmarks.answering_rows import ROWS, Asked, Row
from memory_editor.adapters.base import Adapter
from memory_editor.adapters.choosing import choose_adapter
from memory_editor.adapters.lora import LoraAdapter
from memory_editor.adapters.lora.injection import with_lora
from memory_editor.adapters.names import SHIPPED, AdapterName
from memory_editor.answers import contains
from memory_editor.cli.output import progress
from memory_editor.edited_model import EditedModel
from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.encoder import load_encoder
from memory_editor.evaluation.answering import ask, batch, is_loop, new_texts, ngram_entropy, shares
from memory_editor.evaluation.comparison.lines import read_value, write_value
from memory_editor.evaluation.published import Published
from memory_editor.language_model import LanguageModel
from memory_editor.memory import EditMemory
from memory_editor.models.cache import folder_digest
from memory_editor.scope.files import load_classifier
from memory_editor.scope.judge import ScopeJudge
from memory_editor.scope.route import Kind, Route, ScoredEdit
from memory_editor.scope.router import Router
from memory_editor.scope.training.sources import Request, read_sources

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "answering.json"
REPORT = ROOT / "docs" / "results" / "answering" / "answering.md"
NEW_TOKENS = 32
LONG = 100
SHOTS = 8


class Ike:
    """The k-shot in-context editor: demonstrations, the new fact, the prompt; the base model itself answers."""

    name = "ike"

    def __init__(self, requests: Sequence[Request]) -> None:
        chosen = random.Random(0).sample(requests, SHOTS)
        self._shots = "".join(_shot(request, kind) for kind, request in enumerate(chosen))

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return the demonstrations and the facts."""
        del question, is_chat
        return self._shots + "".join(f"New Fact: {edit.fact}\n" for edit in edits) + "Prompt: "

    def applied(
        self, model: PreTrainedModel, rows: Sequence[Sequence[Edit]]
    ) -> AbstractContextManager[PreTrainedModel]:
        """Give the base model itself."""
        del rows
        return nullcontext(model)


def _shot(request: Request, number: int) -> str:
    """Return a demonstration: of four, one copies the fact, two follow it in other words, one keeps what is true."""
    asked = [request.prompt, request.rephrase, request.rephrase, request.near_miss][number % 4]
    answer = request.near_miss_true if number % 4 == 3 else request.target_new
    return f"New Fact: {request.prompt} {request.target_new}\nPrompt: {asked} {answer}\n\n"


def forced(asked: Asked) -> Callable[[Sequence[str]], list[Route]]:
    """Return a route function that answers each question by the edit that it was written for."""
    edits = {question.prompt: edit for question, edit in zip(asked.questions, asked.edits, strict=True)}

    def route(prompts: Sequence[str]) -> list[Route]:
        return [Route(p, (ScoredEdit(edits[_key(edits, p)], 1.0, Kind.DIRECT, ()),), None, 0.5) for p in prompts]

    return route


def _key(edits: dict[str, Edit], prompt: str) -> str:
    return prompt if prompt in edits else next(key for key in edits if key.strip() == prompt.strip())


class Run:
    """The models, and what has been measured so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.base = LanguageModel.from_pretrained(args.model)
        self.adapter: Adapter = choose_adapter(args.adapter, self.base, args.work / "none.db", DEFAULT_NAMESPACE)
        self.data = Published(args.data, args.split)
        self.limit: int = args.limit
        self.work: Path = args.work
        self.ike = Ike(read_sources(args.data).counterfact)
        self.values: dict[str, Any] = {}
        own = SHIPPED if args.adapter == AdapterName.AUTO else Path(args.adapter)
        made_of = {"adapter": folder_digest(own), "model": args.model, "split": args.split, "limit": args.limit}
        settings = self.work / "settings.json"
        if (read_value(settings) or made_of) != made_of:
            raise SystemExit(f"{self.work} holds figures of other settings; name another folder")
        write_value(settings, made_of)

    def figure(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a figure, measured unless the work folder has it."""
        path = self.work / f"{name}.json"
        if not path.exists():
            began = time.perf_counter()
            values = measure() | {"seconds": time.perf_counter() - began}
            path.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.values[name] = {key: value for key, value in found.items() if key != "wrong"}
        print(
            name, {key: round(v, 4) if isinstance(v, float) else v for key, v in self.values[name].items()}, flush=True
        )
        return found

    def written(self, model: EditedModel, asked: Asked) -> dict[str, Any]:
        """Ask, and return the shares and what was wrong."""
        found = ask(model, self.base, asked.questions, max_new_tokens=NEW_TOKENS, progress=progress)
        wrong = [
            {"prompt": one.question.prompt, "wanted": one.question.wanted, "text": one.text, "route": _told(one.route)}
            for one in found
            if not one.is_right
        ]
        return shares(found) | {"wrong": wrong[:200]}

    def row(self, name: str, row: Row) -> None:
        """Measure a row with all its edits live, and the portability with the right edit given."""
        with self._memory(name, row) as memory:
            live = {record.edit.fact for record in memory.store.select()}  # ids are new in every process
            router = Router(memory, load_classifier())
            model = EditedModel(self.base, router.route, self.adapter)
            for kind, every in row.asked.items():
                asked = _live(every, live).sampled(self.limit)
                measure = self._kept_out if kind.startswith("other_") else self.written
                self.figure(f"{name} {kind}", lambda a=asked, m=measure: m(model, a))  # type: ignore[misc]
        for kind in ("reasoning", "alias"):
            if kind in row.asked:
                self._given(f"{name} {kind}", row.asked[kind].sampled(self.limit // 2))

    def _given(self, name: str, asked: Asked) -> None:
        for adapter in (self.adapter, self.ike):
            model = EditedModel(self.base, forced(asked), adapter)
            self.figure(f"{name}, given, {adapter.name}", lambda m=model: self.written(m, asked))  # type: ignore[misc]

    def _kept_out(self, model: EditedModel, asked: Asked) -> dict[str, Any]:
        """Return the share of questions answered exactly as by the base model: those routed to it are, by a test."""
        found = ask(model, self.base, asked.questions, max_new_tokens=NEW_TOKENS, progress=progress)
        return {"questions": len(found), "as_base": sum(not one.route.in_scope for one in found) / len(found)}

    def forced_away(self) -> dict[str, Any]:
        """Give questions an edit that does not answer them: how often is its target written nevertheless?"""
        row = ROWS["counterfact-hard"](self.data)
        half = self.limit // 2
        parts = [row.asked[kind].sampled(half) for kind in ("other_subject", "other_relation")]
        asked = Asked([q for part in parts for q in part.questions], [e for part in parts for e in part.edits])
        model = EditedModel(self.base, forced(asked), self.adapter)
        found = ask(model, self.base, asked.questions, max_new_tokens=NEW_TOKENS, progress=progress)
        plain = ask(_unedited(self.base, self.adapter), self.base, asked.questions, max_new_tokens=NEW_TOKENS)
        pairs = list(zip(found, plain, strict=True))
        given = [one for one, other in pairs if contains(one.text, one.question.unwanted)]
        base = [other for one, other in pairs if contains(other.text, one.question.unwanted)]
        same = sum(one.text.split()[:3] == other.text.split()[:3] for one, other in pairs)
        wrong = [{"prompt": one.question.prompt, "text": one.text} for one in given]
        count = len(pairs)
        return {
            "questions": count,
            "target_given": len(given) / count,
            "target_given_by_base": len(base) / count,
            "opens_as_base": same / count,
            "wrong": wrong,
        }

    def fluency(self) -> dict[str, Any]:
        """Let both models write on for long after in-scope prompts, equally long."""
        asked = ROWS["counterfact"](self.data).asked["reliability"].sampled(min(40, self.limit))
        edited = EditedModel(self.base, forced(asked), self.adapter)
        plain = _unedited(self.base, self.adapter)
        values: dict[str, Any] = {"texts": len(asked.questions), "tokens": LONG}
        for name, model in (("edited", edited), ("base", plain)):
            texts, loops = [], 0
            for start in range(0, len(asked.questions), 20):
                inputs = batch(self.base, [q.prompt for q in asked.questions[start : start + 20]])
                options: dict[str, Any] = {"max_new_tokens": LONG, "min_new_tokens": LONG, "do_sample": False}
                ids: Any = model.generate(**inputs, **options)
                width = inputs["input_ids"].shape[1]
                texts += new_texts(self.base, ids, width)
                loops += sum(is_loop(row[width:].tolist()) for row in ids)
            values[f"{name}_entropy"] = statistics.mean(map(ngram_entropy, texts))
            values[f"{name}_loops"] = loops / len(texts)
        return values

    def speed(self) -> dict[str, Any]:
        """Decode 32 tokens with and without an edit, in turn; and what merging the adapter for a request would cost."""
        asked = ROWS["counterfact"](self.data).asked["reliability"].sampled(30)
        edited = EditedModel(self.base, forced(asked), self.adapter)
        plain = _unedited(self.base, self.adapter)
        options: dict[str, Any] = {"max_new_tokens": 32, "min_new_tokens": 32, "do_sample": False}
        ratios, plain_seconds = [], []
        for question in [asked.questions[0], *asked.questions]:
            seconds = []
            for model in (plain, edited):
                inputs = batch(self.base, [question.prompt])
                began = time.perf_counter()
                model.generate(**inputs, **options)
                seconds.append(time.perf_counter() - began)
            ratios.append(seconds[1] / seconds[0])
            plain_seconds.append(seconds[0])
        found = sorted(ratios[1:])  # the first pair warms up
        values: dict[str, Any] = {
            "pairs": len(found),
            "median": statistics.median(found),
            "low": found[1],
            "high": found[-2],
        }
        if isinstance(self.adapter, LoraAdapter):
            decoding, merging = statistics.median(plain_seconds), self._merging(self.adapter)
            values |= {"merging_s": merging, "median_if_merged": (decoding + merging) / decoding}
        return values

    def _merging(self, adapter: LoraAdapter) -> float:
        """Return the seconds that merging a LoRA into a copy of the weights, and taking it out again, takes."""
        model = with_lora(copy.deepcopy(self.base.model), adapter.config, adapter.weights)
        layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            for layer in layers:
                layer.merge()
            for layer in layers:
                layer.unmerge()
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)

    def _memory(self, name: str, row: Row) -> EditMemory:
        """Return a memory of the row's edits, filled unless the work folder has it."""
        judge = ScopeJudge(load_classifier)
        memory = EditMemory.open(self.work / f"{name}.db", judge=judge)
        if not memory.count():
            with progress(f"adding {len(row.edits):,} edits", len(row.edits)) as report:
                memory.add_many(list(row.edits), on_progress=report)
        return memory


def _unedited(base: LanguageModel, adapter: Adapter) -> EditedModel:
    return EditedModel(base, lambda prompts: [Route(prompt, (), None, 0.5) for prompt in prompts], adapter)


def _live(asked: Asked, live: set[str]) -> Asked:
    kept = [(q, e) for q, e in zip(asked.questions, asked.edits, strict=True) if e.fact in live]
    return Asked([q for q, _ in kept], [e for _, e in kept])


def _told(route: Route) -> list[str]:
    return [f"{scored.probability:.2f} {scored.edit.fact}" for scored in route.edits]


def report(values: dict[str, Any], command: str) -> str:
    """Return the figures as Markdown, one line each."""
    lines = ["# Answering", "", f"`{command}`", "", "| figure | measured |", "| --- | --- |"]
    for name, found in values.items():
        shown = [f"{key.replace('_', ' ')} {_shown(value)}" for key, value in found.items() if key != "seconds"]
        lines.append(f"| {name} | {', '.join(shown)} |")
    return "\n".join(lines) + "\n\n![share of questions answered](answering.png)\n"


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def draw(values: dict[str, Any]) -> None:
    """Draw which share of each set's questions is answered rightly, at once or somewhere in the text."""
    figure = Figure(figsize=(8, 0.4 * len(values) + 1), layout="constrained")
    axes = figure.subplots()
    names = list(values)[::-1]
    axes.barh(names, [100 * values[name]["contained"] for name in names], color="#b8cfe6", label="holds the answer")
    axes.barh(names, [100 * values[name]["right"] for name in names], height=0.5, label="begins with the answer")
    axes.set(xlim=(0, 100), xlabel="% of questions")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    figure.savefig(REPORT.with_suffix(".png"), dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--row", action="append", choices=[*ROWS, "forced", "fluency", "speed"])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--adapter", default=str(AdapterName.AUTO))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    load_encoder()  # fails early where there is none
    run = Run(args)
    chosen = args.row or [*ROWS, "forced", "fluency", "speed"]
    for name in ROWS:
        if name in chosen:
            run.row(name, ROWS[name](run.data))
    for name, measure in (("forced", run.forced_away), ("fluency", run.fluency), ("speed", run.speed)):
        if name in chosen:
            run.figure(name, measure)
    RESULTS.write_text(json.dumps(run.values, indent=1) + "\n", encoding="utf-8")
    command = f"PYTHONPATH=. python benchmarks/answering.py DATA --work DIR --split {args.split} --limit {args.limit}"
    REPORT.write_text(report(run.values, command), encoding="utf-8")
    draw({name: value for name, value in run.values.items() if "right" in value})


if __name__ == "__main__":
    main()
