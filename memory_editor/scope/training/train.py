"""Training a scope classifier from start to end: sources in, its parts out; writes no files."""

from collections import Counter
from collections.abc import Collection, Sequence
from random import Random
from typing import Any, Final

from memory_editor.encoder import Encoder, default_encoder_folder
from memory_editor.errors import ConfigError
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.classifier import TrainedClassifier, read_features
from memory_editor.scope.files import Parts
from memory_editor.scope.pair_model import Pair, PairModel
from memory_editor.scope.training.examples import Example, Label
from memory_editor.scope.training.fitting import false_accepts, fit
from memory_editor.scope.training.material import STANDARD, Material, Sizes
from memory_editor.scope.training.pair_training import refine, train_pair_model
from memory_editor.scope.training.phrasings import Phrasings, read_phrasings
from memory_editor.scope.training.simulation import Seen, simulate
from memory_editor.scope.training.sources import Sources

_BASE: Final = "sentence-transformers/all-MiniLM-L6-v2, Apache-2.0"
_DATA: Final = (
    "CounterFact (MIT), zsRE, ParaRel (MIT), LRE (MIT), WikiSplit sentences (CC BY-SA 4.0), phrasings.json (Apache-2.0)"
)


def train(
    sources: Sources,
    encoder: Encoder,
    *,
    seed: int = 0,
    leave_out: Collection[str] = (),
    sizes: Sizes = STANDARD,
    progress: Progress = no_progress,
) -> Parts:
    """Return the parts of a scope classifier; the seed decides everything that is left to chance.

    The pair model is trained without the relations in `leave_out`, and `about` says how well it does on them. Raises
    `ConfigError` for an unknown one.
    """
    phrasings = read_phrasings()
    left_out = _checked(leave_out, phrasings)
    with progress("making examples", 1) as report:
        material = Material(sources, phrasings, encoder, left_out, sizes)
        examples = material.examples(Random(f"{seed} examples"))
        report(1)
    held_back, rest = examples[: sizes.held_back], examples[sizes.held_back :]
    base = default_encoder_folder()
    with progress("training the pair model", len(rest)) as report:
        model = train_pair_model(base, *_pairs(rest), seed=seed, on_progress=report)
    unseen = {one.pair for one in held_back}
    refinements = [one for one in material.refinements(Random(f"{seed} refinements")) if one.pair not in unseen]
    with progress("refining it", len(refinements)) as report:
        refine(model, *_pairs(refinements), seed=seed, on_progress=report)
    adapter = model.adapter()
    pair_model = PairModel(base, adapter)
    seen = _simulated(material, encoder, seed, progress)
    fitted, calibrated = seen[::2], seen[1::2]
    with progress("fitting", len(fitted)) as report:
        glance, reading = fit(fitted, pair_model, report)
    with progress("calibrating", len(calibrated)) as report:
        curve = false_accepts(calibrated, TrainedClassifier(glance, reading, pair_model, threshold=1.0), report)
    about = {
        "base": _BASE,
        "data": _DATA,
        "seed": seed,
        "trained_on": dict(sorted(Counter(example.source for example in (*rest, *refinements)).items())),
        "held_back": accuracy(held_back, pair_model),
        "left_out": sorted(left_out),
        "on_left_out": accuracy(material.examples_left_out(Random(f"{seed} left out")), pair_model),
        "simulated": dict(sorted(Counter(one.query.group for one in seen).items())),
    }
    return Parts(glance, reading, curve, adapter, about)


def accuracy(examples: Sequence[Example], pair_model: PairModel) -> dict[str, Any]:
    """Return the share of examples that the pair model tells in or out of scope rightly: of all, and by source."""
    right: Counter[str] = Counter()
    for example, logits in zip(examples, pair_model.logits([one.pair for one in examples]), strict=True):
        right[example.source] += bool(read_features(logits)[0] > 0) is (example.label is not Label.OUT)
    sizes = Counter(example.source for example in examples)
    return {
        "examples": len(examples),
        "right": round(right.total() / len(examples), 4) if examples else None,
        "by_source": {source: round(right[source] / size, 4) for source, size in sorted(sizes.items())},
    }


def _pairs(examples: Sequence[Example]) -> tuple[list[Pair], list[Label]]:
    return [example.pair for example in examples], [example.label for example in examples]


def _simulated(material: Material, encoder: Encoder, seed: int, progress: Progress) -> list[Seen]:
    """Return in random order what was seen in all simulated memories."""
    rng = Random(f"{seed} memories")
    seen: list[Seen] = []
    for memory in material.memories(rng):
        with progress(f"asking a memory of {len(memory.edits):,} edits", len(memory.queries)) as report:
            seen += simulate(memory, encoder, report)
    rng.shuffle(seen)
    return seen


def _checked(names: Collection[str], phrasings: Phrasings) -> frozenset[str]:
    if unknown := sorted(set(names) - set(phrasings.relations)):
        raise ConfigError(f"no relation {unknown[0]!r}; the relations are {', '.join(phrasings.relations)}")
    return frozenset(names)
