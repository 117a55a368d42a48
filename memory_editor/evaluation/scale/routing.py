"""How long routing takes in memories of several sizes, and where it leads; the same prompts in turn to each."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from memory_editor.memory import EditMemory
from memory_editor.progress import Progress
from memory_editor.scope.candidates import NEAREST, find_candidates
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.scope.router import Router

STEPS: Final = ("encode", "nearest", "candidates", "route")
"""What is timed: the encoder; the index; all candidates, encoding included; the whole route."""

_WARM_UP: Final = 20
_SAMPLES: Final = 1_000

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Times = NDArray[np.float64]


@dataclass
class Found:
    """What one memory gave."""

    counts: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    seconds: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})

    def values(self, paraphrases: int, outside: int) -> dict[str, float]:
        """Return shares and percentiles."""
        count = self.counts
        return {
            "right candidate, %": 100 * count["candidate"] / paraphrases,
            "right among the nearest, %": 100 * count["nearest"] / paraphrases,
            "paraphrase routed to its edit, %": 100 * count["routed"] / paraphrases,
            "everyday question routed to an edit, %": 100 * count["outside"] / outside,
            "candidates a prompt": count["candidates"] / paraphrases,
        } | {
            f"{step} p{percent}, ms": 1000 * float(np.percentile(seconds, percent))
            for step, seconds in self.seconds.items()
            for percent in (50, 95)
        }


def ask(
    memories: Mapping[int, EditMemory],
    classifier: ScopeClassifier,
    paraphrases: Sequence[tuple[str, str]],
    outside: Sequence[str],
    progress: Progress,
) -> dict[int, Found]:
    """Ask every memory each prompt in turn, so that all meet the same load.

    `paraphrases` have the prompt of the edit that is right; `outside` are prompts that no edit is meant for.
    """
    routers = {size: Router(memory, classifier) for size, memory in memories.items()}
    for prompt, _ in paraphrases[:_WARM_UP]:
        for router in routers.values():
            router.route([prompt])
    found = {size: Found() for size in memories}
    with progress("asking", len(paraphrases) + len(outside)) as report:
        for number, (prompt, right) in enumerate(paraphrases, 1):
            for size, memory in memories.items():
                _ask(memory, routers[size], prompt, right, found[size])
            report(number)
        for number, prompt in enumerate(outside, len(paraphrases) + 1):
            for size, router in routers.items():
                found[size].counts["outside"] += router.route([prompt])[0].in_scope
            report(number)
    return found


def ratios(small: Sequence[float], large: Sequence[float]) -> dict[str, list[float]]:
    """Return how many times longer the same prompts take in the larger memory, with 95 % bootstrap intervals."""
    chance = np.random.default_rng(0)
    chosen = chance.integers(len(small), size=(_SAMPLES, len(small)))
    measures: dict[str, Callable[[Times], Any]] = {
        "p50": lambda times: np.percentile(times, 50, axis=-1),
        "p95": lambda times: np.percentile(times, 95, axis=-1),
        "mean": lambda times: times.mean(axis=-1),
    }
    found = {}
    for name, measure in measures.items():
        fewer, more = np.array(small), np.array(large)
        again = np.percentile(measure(more[chosen]) / measure(fewer[chosen]), [2.5, 97.5])
        found[name] = [float(measure(more) / measure(fewer)), *again.tolist()]
    return found


def _ask(memory: EditMemory, router: Router, prompt: str, right: str, found: Found) -> None:
    seconds, counts = found.seconds, found.counts
    vectors = _timed(seconds["encode"], memory.encoder.encode, [prompt])
    (near,) = _timed(seconds["nearest"], memory.nearest, vectors, NEAREST)
    (candidates,) = _timed(seconds["candidates"], find_candidates, memory, [prompt])
    (route,) = _timed(seconds["route"], router.route, [prompt])
    nearest = memory.store.live_with_keys([neighbour.id for neighbour in near])
    counts["candidate"] += right in {candidate.edit.prompt for candidate in candidates}
    counts["nearest"] += right in {edit.prompt for _, edit in nearest}
    counts["routed"] += bool(route.edits) and route.edits[0].edit.prompt == right
    counts["candidates"] += len(candidates)


def _timed(taken: list[float], call: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
    began = time.perf_counter()
    answer = call(*args, **kwargs)
    taken.append(time.perf_counter() - began)
    return answer
