"""The whole measurement: edits, vectors, memories, questions; the work folder keeps what takes long."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

from memory_editor.encoder import Encoder
from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.lines import read_value, write_value
from memory_editor.evaluation.comparison.protocol import spaced
from memory_editor.evaluation.published import Published
from memory_editor.evaluation.scale.cold import opened_anew
from memory_editor.evaluation.scale.material import make_material
from memory_editor.evaluation.scale.memories import change_singly, fill
from memory_editor.evaluation.scale.routing import ask, ratios
from memory_editor.evaluation.scale.vectors import KeptVectors
from memory_editor.memory import EditMemory
from memory_editor.progress import Progress
from memory_editor.scope.classifier import ScopeClassifier
from memory_editor.store import Store

T = TypeVar("T")

_QUESTIONS: Final = ("webquestions", "nq_open", "squad2")
_COLD: Final = 20
"""How many prompts a new process routes before its memory is measured."""


def measure(
    data: Path,
    work: Path,
    sizes: Sequence[int],
    prompts: int,
    tools: tuple[Encoder, ScopeClassifier],
    progress: Progress,
) -> dict[str, Any]:
    """Return what memories of the first so many edits give, `sizes` from the smallest to the largest.

    The same paraphrases, of edits that the smallest has, and the same everyday questions are asked of all. Raises
    `DataError`.
    """
    encoder, classifier = tools
    outside = _everyday(data, prompts)  # before work of an hour
    material = make_material(data, sizes[-1])
    vectors = KeptVectors([edit["prompt"] for edit in material.edits], work)
    vectors.encode(encoder, progress)
    paths = {size: work / f"{size}.db" for size in sizes}
    for size, path in paths.items():
        _filled(path, material.edits[:size], vectors, encoder, progress)
    asked = _evenly([(text, number) for number, text in material.paraphrases if number < sizes[0]], prompts)
    paraphrases = [(text, material.edits[number]["prompt"]) for text, number in asked]
    with ExitStack() as stack:
        memories = {size: stack.enter_context(EditMemory(Store(paths[size]), lambda: encoder)) for size in sizes}
        found = ask(memories, classifier, paraphrases, outside, progress)
        singly = {size: change_singly(memory) for size, memory in memories.items()}
    cold = [text for text, _ in paraphrases[:_COLD]]
    rows = [
        {"edits": size}
        | found[size].values(len(paraphrases), len(outside))
        | opened_anew(paths[size], encoder.name, cold)
        | {"added at once, edits/s": read_value(paths[size].with_suffix(".json"))}
        | singly[size]
        for size in sizes
    ]
    largest = found[sizes[-1]].seconds["route"]
    return {
        "prompts": len(paraphrases),
        "everyday": len(outside),
        "encoding": vectors.spent,
        "rows": rows,
        "ratios": {str(size): ratios(found[size].seconds["route"], largest) for size in sizes[:-1]},
    }


def _filled(
    path: Path, edits: Sequence[dict[str, str]], vectors: KeptVectors, encoder: Encoder, progress: Progress
) -> None:
    """Make a memory and its index unless they are there; the file beside it keeps how fast the memory was made."""
    speed = path.with_suffix(".json")
    if not speed.exists():
        write_value(speed, fill(path, edits, vectors, encoder, progress))
    with EditMemory(Store(path), lambda: encoder) as memory:
        memory.nearest(encoder.encode(["this makes the index"]), 1)


def _everyday(data: Path, count: int) -> list[str]:
    published = Published(data)
    texts = [one.text("question") for name in _QUESTIONS for one in published.records(f"questions/{name}.json")]
    if not texts:
        raise DataError(f"{data}/questions holds no question; take the files from their publishers anew")
    return _evenly(texts, count)


def _evenly(items: Sequence[T], count: int) -> list[T]:
    return [items[place] for place in spaced(len(items), count)]
