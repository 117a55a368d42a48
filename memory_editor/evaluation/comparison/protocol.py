"""How a method is measured: all edits applied, then everything asked; or one case's edits at a time.

Answers of the untouched model are taken before anything is applied.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from memory_editor.adapters.names import SHIPPED as SHIPPED_ADAPTERS
from memory_editor.backends.base import Backend
from memory_editor.backends.moments import MomentsFolder
from memory_editor.edited_model import EditedModel
from memory_editor.errors import DataError
from memory_editor.evaluation.comparison.applying import APPLIED, UNDONE, Edited, Untouched, applied, briefly_applied
from memory_editor.evaluation.comparison.asking import Answerer, Item, batches, live_edits
from memory_editor.evaluation.comparison.base_answers import BaseAnswers
from memory_editor.evaluation.comparison.cases import CaseSet, Kind, Selection, limited, select, with_questions
from memory_editor.evaluation.comparison.general import fluency, perplexity, recall, speed
from memory_editor.evaluation.comparison.lines import append, read_lines, read_value, write_value
from memory_editor.evaluation.comparison.measures import measures
from memory_editor.evaluation.comparison.peak import peak_bytes
from memory_editor.evaluation.comparison.reading import Extras, digest_of
from memory_editor.evaluation.comparison.runs import Run, Values
from memory_editor.language_model import LanguageModel
from memory_editor.models.cache import folder_digest
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.files import SHIPPED as SHIPPED_SCOPE

EACH: Final = "applied.jsonl"
GENERAL: Final = "general.json"

EVERYDAY: Final = 200
"""How many everyday questions are asked at most, of cases evenly spaced."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is applied and asked."""

    edits: int
    """How many edits are applied together; 1 for the edits of one case at a time, each undone before the next."""
    cases: int
    """Of how many cases is asked, evenly spaced among those whose edits are applied."""
    prompts: int = 3
    """How many prompts of a kind a case asks at most."""
    seed: int = 0
    """Decides which cases are taken, in which order, and the draws of the bootstrap."""
    new_tokens: int = 32
    """How many tokens an answer has at most."""


@dataclass(frozen=True)
class Task:
    """A data set asked by a plan of one model, the same for every method."""

    data: CaseSet
    extras: Extras
    plan: Plan
    base: LanguageModel
    cache: Path
    """Where answers of the untouched model are kept."""

    @property
    def selection(self) -> Selection:
        """The cases whose edits are applied, together or each by itself."""
        plan = self.plan
        if plan.edits > 1:
            return select(self.data.cases, plan.edits, plan.seed)
        most = max(len(case.edits) for case in self.data.cases)
        return Selection(select(self.data.cases, plan.cases * most, plan.seed).cases[: plan.cases], superseded=0)

    def settings(self, backend: Backend) -> Values:
        """Return everything that decides a run's figures."""
        return {
            "data": self.data.about,
            "extras": digest_of(self.extras),
            "method": backend.name,
            "hyperparameters": asdict(backend),  # type: ignore[call-overload]
            "files": _files(backend),
            "plan": asdict(self.plan),
            "model": self.base.name,
            "fingerprint": self.base.fingerprint(),
        }

    def items(self, chosen: Selection) -> list[Item]:
        """Return what is asked, case by case."""
        cases = [limited(case, self.plan.prompts) for case in chosen.cases]
        asking = [*with_questions(cases, self.extras.everyday, self.plan.seed)]
        places = spaced(len(asking), self.plan.cases)
        with_question = {*places[:: -(-len(places) // EVERYDAY)]}
        return [
            Item(place, number, asking[place])
            for place in places
            for number, asked in enumerate(asking[place].asked)
            if asked.kind is not Kind.EVERYDAY or place in with_question
        ]


def measure(task: Task, backend: Backend, folder: Path, progress: Progress = no_progress) -> Values:
    """Return the figures of a method, taking from `folder` what a run before got done."""
    run = Run(folder, task.settings(backend))
    if (done := run.summary) is not None:
        return done
    chosen = task.selection
    items = task.items(chosen)
    if not items:
        raise DataError(f"{task.data.about['name']} asks nothing; give its records prompts in the field `asked`")
    if task.plan.edits == 1:
        _one_by_one(task, backend, run, chosen, items, progress)
    else:
        _together(task, backend, run, chosen, items, progress)
    summary = _summary(task, run, chosen)
    run.finish(summary)
    return summary


def spaced(count: int, wanted: int) -> list[int]:
    """Return at most `wanted` of so many places, evenly spaced from the first on."""
    kept = min(count, wanted)
    return [number * count // kept for number in range(kept)]


def _together(
    task: Task, backend: Backend, run: Run, chosen: Selection, items: Sequence[Item], progress: Progress
) -> None:
    asked = [*batches(items)]
    if run.holds(items) and not _missing(task, run, items):
        return
    before = BaseAnswers(task.base, task.plan.new_tokens, task.cache)
    before.prepare(asked, progress)
    live = live_edits(chosen.edits)
    with applied(backend, task.base, chosen.edits, run.folder, progress) as edited:
        answerer = _answerer(task, edited)
        with progress(f"asking {backend.name}", len(asked)) as report:
            for number, batch in enumerate(asked, 1):
                if not run.holds(batch):
                    run.append(answerer.answer(batch, before.of(batch), live))
                report(number)
        _general(task, run, edited, items, progress)


def _one_by_one(
    task: Task, backend: Backend, run: Run, chosen: Selection, items: Sequence[Item], progress: Progress
) -> None:
    of_cases = [[*batches([item for item in items if item.place == place])] for place in range(len(chosen.cases))]
    before = BaseAnswers(task.base, task.plan.new_tokens, task.cache)
    before.prepare([batch for asked in of_cases for batch in asked], progress)
    untouched = Untouched(task.base)
    with progress(f"editing and asking {backend.name}", len(of_cases)) as report:
        for place, (case, asked) in enumerate(zip(chosen.cases, of_cases, strict=True)):
            if not all(map(run.holds, asked)):
                with briefly_applied(backend, task.base, case.edits) as (edited, cost):
                    live = live_edits(case.edits)
                    answerer = _answerer(task, edited)
                    found = [one for batch in asked for one in answerer.answer(batch, before.of(batch), live)]
                undone = untouched.is_restored(task.base, edited.model, case.edits[0].prompt)
                append(run.folder / EACH, [{"place": place, **cost, "undone": undone}])
                run.append(found)  # last, since a case whose answers are there is not made again
            report(place + 1)


def _answerer(task: Task, edited: Edited) -> Answerer:
    return Answerer(edited.model, task.base, edited.decides, task.plan.new_tokens)


def _general(task: Task, run: Run, edited: Edited, items: Sequence[Item], progress: Progress) -> None:
    """Measure what is not measured yet of what edits leave of the model besides their own answers."""
    missing = _missing(task, run, items)
    with progress("measuring the rest", len(missing)) as report:
        for number, (name, one) in enumerate(missing.items(), 1):
            found = (read_value(run.folder / GENERAL) or {}) | {name: one(edited.model), "peak_bytes": peak_bytes()}
            write_value(run.folder / GENERAL, found)
            report(number)


def _missing(task: Task, run: Run, items: Sequence[Item]) -> dict[str, Callable[[EditedModel], Values]]:
    """Return what is measured besides answers and is not measured yet."""
    base, extras = task.base, task.extras
    own = [item.asked.prompt for item in items if item.asked.kind is Kind.RELIABILITY]
    other = [item.asked.prompt for item in items if not item.asked.kind.in_scope]
    every: dict[str, Callable[[EditedModel], Values]] = {}
    if extras.text:
        every["text"] = lambda model: perplexity(model, base, extras.text)
    if extras.facts:
        every["facts"] = lambda model: recall(model, base, extras.facts)
    if own:
        every["fluency"] = lambda model: fluency(model, base, own)
        every["query"] = lambda model: speed(model, base, own, task.plan.new_tokens)
    if other:
        every["routing"] = lambda model: speed(model, base, other, 1)
    done = read_value(run.folder / GENERAL) or {}
    return {name: one for name, one in every.items() if name not in done}


def _files(backend: Backend) -> dict[str, str]:
    """Return digests of the folders that a method reads, so that what is trained anew makes another run."""
    found = {}
    for name, own in (("adapter", SHIPPED_ADAPTERS), ("scope", SHIPPED_SCOPE), ("moments", None)):
        given = getattr(backend, name, "none")
        folder = given.folder if isinstance(given, MomentsFolder) else own if given in ("auto", None) else given
        if folder and Path(folder).expanduser().is_dir():
            found[name] = folder_digest(Path(folder))
    return found


def _summary(task: Task, run: Run, chosen: Selection) -> Values:
    answered = run.answered
    together = task.plan.edits > 1
    each = [] if together else _each(run)
    return {
        **run.settings,
        "edits": len(chosen.edits) if together else 1,
        "cases": len({one.place for one in answered}),
        "superseded": chosen.superseded,
        "measures": measures(answered, len(chosen.cases) if together else 0, task.plan.seed),
        "cost": read_value(run.folder / APPLIED) if together else _mean_cost(each),
        "general": read_value(run.folder / GENERAL) or {},
        "undone": read_value(run.folder / UNDONE) if together else all(one["undone"] for one in each),
    }


def _each(run: Run) -> list[Values]:
    """Return what is known of each single edit; of one that was made again, the last time counts."""
    return [*{line["place"]: line for line in read_lines(run.folder / EACH)}.values()]


def _mean_cost(each: Sequence[Values]) -> Values:
    edits = sum(one["edits"] for one in each)
    return {
        "edits": edits,
        "seconds": sum(one["seconds"] for one in each),
        "cpu_seconds": sum(one["cpu_seconds"] for one in each),
        "median_seconds": statistics.median(one["seconds"] / one["edits"] for one in each),
        "peak_bytes": max(one["peak_bytes"] for one in each),
    }
