"""Measure whether facts are localised: PYTHONPATH=. python benchmarks/localisation.py DATA --work DIR [--models ...]

DATA is the folder of the published data sets. Three measurements, each of which goes on where a stopped run left off,
from what DIR keeps: known facts traced causally, for every model; knowledge neurons of facts in several wordings; and
ROME at several layers. The latter two are of the first model. Prints nothing but progress; writes
benchmarks/results/localisation.json and the pictures in docs/results/localisation.
"""

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from itertools import combinations, islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.localisation_charts import draw_editing, draw_layers
from memory_editor.backends.neurons import Neuron, attribute, coarse_neurons
from memory_editor.backends.rome import Rome
from memory_editor.backends.target_tokens import request_of
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.tracing import (
    Kind,
    Role,
    Trace,
    TracePrompt,
    TraceSettings,
    average,
    known,
    read_prompts,
    roles_of,
    subject_noise,
    trace,
)
from memory_editor.tracing.heat_map import draw_trace
from memory_editor.tracing.trace import Effects

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results" / "localisation.json"
PICTURES: Final = ROOT / "docs" / "results" / "localisation"

SAMPLES: Final = 2
TOKENS: Final = 8
"""Longer prompts are left out: the cost grows with the square of the length."""
POOL: Final = 24
"""From the subjects of how many facts the noise is taken."""

RELATIONS: Final = ("P36", "P1376", "P176")
WORDINGS: Final = 3
ASKED: Final = 40
"""How many facts of a relation are asked, to find some that the model answers in all wordings."""
LAYERS: Final = (1, 4, 8, 13, 19, 26)
PREFIXES: Final = ("It is well known that", "In the news today", "My friend told me")
"""What ROME puts before a prompt, in the place of the published twenty texts."""


class Log:
    """Rows that are kept as they are measured, by a key each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.rows: dict[str, Any] = dict(map(json.loads, lines))

    def measured(self, key: str, measure: Callable[..., Any], *given: Any) -> Any:
        """Return a row, measuring it unless that is done."""
        if key not in self.rows:
            self.rows[key] = json.loads(json.dumps(measure(*given)))
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([key, self.rows[key]]) + "\n")
            print(f"{self._path.stem}: {len(self.rows)} done", flush=True)
        return self.rows[key]


def traces(data: Path, work: Path, base: LanguageModel, count: int) -> list[Trace]:
    """Return the traces of the first known facts, in a fixed random order, that the model answers right."""
    log = Log(work / f"traces-{base.name}.jsonl")
    prompts = read_prompts(data / "known_facts" / "known_1000.json")
    random.Random(0).shuffle(prompts)
    short = [prompt for prompt in prompts if len(base.encode(prompt.prompt)) <= TOKENS]
    chosen = log.measured("facts", lambda: [*islice(known(base, short), POOL)])
    facts = [TracePrompt(*fact) for fact in chosen]
    noise = subject_noise(base, [(fact.prompt, fact.subject) for fact in facts])
    settings = TraceSettings(samples=SAMPLES, noise=noise)

    def one(fact: TracePrompt) -> dict[str, Any]:
        return trace(base, fact.prompt, fact.subject, target=fact.target, settings=settings).to_dict()

    return [Trace.from_dict(log.measured(fact.prompt, one, fact)) for fact in facts[:count]]


def tracing_figures(found: Sequence[Trace]) -> dict[str, Any]:
    """Return the average, where it is greatest, and how far single prompts agree on that."""
    mean = average(found)
    return {
        "average": mean.to_dict(),
        "total effect": mean.clean - mean.corrupted,
        "greatest": {kind: _greatest(effects, [*mean.tokens]) for kind, effects in mean.effects.items()},
        "last subject token": {kind: _at_last_subject_token(found, kind) for kind in Kind},
        "share of the total effect that one layer's state restores, quartiles": {
            "before the last token": _quartiles([_share(one, slice(0, -1)) for one in found]),
            "at the last subject token": _quartiles(
                [_share(one, slice(one.subject_tokens.stop - 1, one.subject_tokens.stop)) for one in found]
            ),
        },
        "MLPs, sum over the subject's tokens": _with_and_without_first_block(found),
    }


def _greatest(effects: Effects, roles: Sequence[Role]) -> dict[str, Any]:
    row, layer = np.unravel_index(effects.argmax(), effects.shape)
    return {"role": roles[int(row)], "layer": int(layer), "effect": float(effects[row, layer])}


def _at_last_subject_token(found: Sequence[Trace], kind: Kind) -> dict[str, Any]:
    # A subject that ends a prompt has no last token of its own to look at.
    chosen = [one for one in found if Role.LAST_SUBJECT in roles_of(one)]
    effects = np.array([one.effects[kind][roles_of(one).index(Role.LAST_SUBJECT)] for one in chosen])
    return {
        "prompts": len(chosen),
        "effect by layer": effects.mean(0).tolist(),
        "standard error by layer": (effects.std(0, ddof=1) / len(chosen) ** 0.5).tolist(),
        "layer of a prompt's greatest effect, quartiles": _quartiles(effects.argmax(1)),
    }


def _with_and_without_first_block(found: Sequence[Trace]) -> dict[str, Any]:
    """Compare the last window that has block 0 in it with the next, which is the first that has not."""
    last = found[0].settings.window // 2
    effects = np.array([one.effects[Kind.MLP][[*one.subject_tokens]].sum(0) for one in found])
    drops = effects[:, last] - effects[:, last + 1]
    return {
        "with, around layer": last,
        "with": float(effects[:, last].mean()),
        "without": float(effects[:, last + 1].mean()),
        "drop": float(drops.mean()),
        "standard error": float(drops.std(ddof=1) / len(found) ** 0.5),
        "prompts that drop": int((drops > 0).sum()),
        "prompts": len(found),
    }


def _share(one: Trace, columns: slice) -> float:
    return float(one.effects[Kind.LAYER][columns].max() / (one.clean - one.corrupted))


def _quartiles(values: Sequence[float] | Effects) -> list[float]:
    return [float(value) for value in np.percentile(values, (25, 50, 75))]


def wordings(data: Path, relation: str) -> list[str]:
    """Return ways to say a relation that end with the object, with [X] for the subject."""
    lines = (data / "pararel" / "patterns" / f"{relation}.jsonl").read_text("utf-8").splitlines()
    patterns = [str(json.loads(line)["pattern"]) for line in lines]
    ending = [pattern.rpartition("[Y]") for pattern in patterns]
    return [before.strip() for before, _, after in ending if before and "[X]" in before and after.strip(" .") == ""]


def known_in_all(data: Path, base: LanguageModel, relation: str, count: int) -> list[tuple[str, list[str]]]:
    """Return facts, of different objects, that the model answers in several wordings: the object and the prompts."""
    lines = (data / "pararel" / "facts" / f"{relation}.jsonl").read_text("utf-8").splitlines()
    facts = [json.loads(line) for line in lines]
    random.Random(0).shuffle(facts)
    patterns = wordings(data, relation)[: 2 * WORDINGS]
    found: dict[str, list[str]] = {}
    for fact in facts[:ASKED]:
        prompts = [pattern.replace("[X]", fact["subject"]) for pattern in patterns]
        asked = (TracePrompt(prompt, fact["subject"], fact["object"]) for prompt in prompts)
        answered = [] if fact["object"] in found else [*islice(known(base, [*asked]), WORDINGS)]
        if len(answered) == WORDINGS:
            found[fact["object"]] = [one.prompt for one in answered]
        if len(found) == count:
            break
    return [*found.items()]


def neurons(data: Path, work: Path, base: LanguageModel, count: int) -> dict[str, Any]:
    """Return how much the neurons of two prompts overlap: of one fact, of one relation, of none."""
    log = Log(work / f"neurons-{base.name}.jsonl")
    found: dict[tuple[str, str, int], set[Neuron]] = {}
    for relation in RELATIONS:
        facts = log.measured(f"{count} of {relation}", known_in_all, data, base, relation, count)
        for target, prompts in facts:
            for place, prompt in enumerate(prompts):
                of_prompt = log.measured(f"{prompt} {target}", _neurons, base, prompt, target)
                found[relation, target, place] = {Neuron(*one) for one in of_prompt}
    overlaps: dict[str, list[float]] = {"one fact": [], "one relation": [], "neither": []}
    for (first, ours), (second, others) in combinations(found.items(), 2):
        name = "one fact" if first[:2] == second[:2] else "one relation" if first[0] == second[0] else "neither"
        overlaps[name].append(len(ours & others) / max(1, len(ours | others)))
    layers = [neuron.layer for of_prompt in found.values() for neuron in of_prompt]
    return {
        "prompts": len(found),
        "facts": len({key[:2] for key in found}),
        "neurons a prompt, median": float(np.median([len(one) for one in found.values()])),
        "layer of a neuron, quartiles": _quartiles(layers),
        "Jaccard": {name: {"pairs": len(all_), "mean": float(np.mean(all_))} for name, all_ in overlaps.items()},
    }


def _neurons(base: LanguageModel, prompt: str, target: str) -> list[tuple[int, int]]:
    (attribution,) = attribute(base, [request_of(base, prompt, target)])
    return [(neuron.layer, neuron.index) for neuron in coarse_neurons(attribution, 0.2)]


def editing(data: Path, work: Path, base: LanguageModel, count: int, layer: int | None) -> dict[str, float]:
    """Return how well ROME does at a layer, or the model without it, on the first edits of the validation split."""
    log = Log(work / f"rome-{base.name}.jsonl")
    records = json.loads((data / "counterfact" / "val.json").read_text("utf-8"))[:count]
    rows = [log.measured(f"{layer} {each['case_id']}", _edited, base, each, layer) for each in records]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _edited(base: LanguageModel, record: Mapping[str, Any], layer: int | None) -> dict[str, float]:
    new, true = record["target_new"], record["ground_truth"]
    edit = Edit(record["prompt"], new, subject=record["subject"], target_true=true)

    def lead(prompt: str, wanted: str, other: str) -> float:
        first, second = (float(base.log_probabilities(prompt, f" {text}")[0]) for text in (wanted, other))
        return first - second

    with nullcontext() if layer is None else Rome(layer=layer, prefixes=PREFIXES).edit(base, [edit]):
        direct, rephrased = (lead(record[name], new, true) for name in ("prompt", "rephrase_prompt"))
        near = lead(record["locality_prompt"], record["locality_ground_truth"], new)
        said = float(base.log_probabilities(record["rephrase_prompt"], f" {new}")[0].exp())
    return {
        "efficacy": float(direct > 0),
        "paraphrase": float(rephrased > 0),
        "neighbourhood": float(near > 0),
        "probability of the target, paraphrase": said,
    }


def correlations(traced: Mapping[str, Any], edited: Mapping[int, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return Spearman's correlations, over the edited layers, of how ROME does with the effect of the MLPs there, and
    with the layer's number alone."""
    effects = traced["last subject token"][Kind.MLP]["effect by layer"]
    return {
        name: {
            "effect": _spearman([row[name] for row in edited.values()], [effects[layer] for layer in edited]),
            "layer": _spearman([row[name] for row in edited.values()], [*edited]),
        }
        for name in next(iter(edited.values()))
    }


def _spearman(first: Sequence[float], second: Sequence[float]) -> float:
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value; equals share the mean of theirs."""
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the published data sets")
    parser.add_argument("--work", type=Path, required=True, help="keeps what is measured")
    parser.add_argument("--models", nargs="+", default=["smollm2-135m", "gemma3-270m"])
    parser.add_argument("--facts", nargs="+", type=int, default=[12, 8], help="how many to trace, for each model")
    parser.add_argument("--edits", type=int, default=6, help="how many to make at each layer")
    parser.add_argument("--a-relation", type=int, default=2, help="how many facts of each to find the neurons of")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    bases = [LanguageModel.from_pretrained(name, device="cpu", dtype="float32") for name in given.models]
    found = {
        base.name: traces(given.data, given.work, base, count) for base, count in zip(bases, given.facts, strict=True)
    }
    traced = {name: tracing_figures(own) for name, own in found.items()}
    base = bases[0]
    edited = {layer: editing(given.data, given.work, base, given.edits, layer) for layer in LAYERS}
    unedited = editing(given.data, given.work, base, given.edits, None)
    overlap = neurons(given.data, given.work, base, given.a_relation)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, own in found.items():
        draw_trace(average(own), PICTURES / f"{name}.png")
    draw_layers(traced, PICTURES / "layers.png")
    draw_editing(traced[base.name], edited, PICTURES / "editing.png")
    figures = {
        "settings": {"samples": SAMPLES, "tokens at most": TOKENS, "edits a layer": given.edits},
        "tracing": traced,
        "unedited": unedited,
        "editing by layer": edited,
        "correlation of editing with tracing": correlations(traced[base.name], edited),
        "neurons": overlap,
    }
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
