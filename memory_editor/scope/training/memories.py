"""Memories to simulate, made from training files: edits, and prompts of which it is known whether one answers them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from memory_editor.edits import Edit, EditId
from memory_editor.scope.training.counterfact import CounterFact
from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.sources import Request
from memory_editor.scope.training.wording import restyled
from memory_editor.scope.training.zsre import ZsRe
from memory_editor.text import mentions, spans, subject_key

_TRIES: Final = 40
"""How many requests are looked at for one that asks for something unlike."""

_OTHER_OPENING: Final = 0.3
"""How often that may open otherwise than the edit's own prompt."""

_ABOUT: Final = 3
"""How many edits of the catalogue's memory are about one subject at most."""


@dataclass(frozen=True)
class Query:
    """A prompt asked of a simulated memory."""

    prompt: str
    owner: EditId | None
    """The edit that answers it, if one does."""
    group: str
    """Where it was taken from and how it was made."""


@dataclass(frozen=True)
class SimulatedMemory:
    """Edits that are live together, and what is asked of them."""

    edits: tuple[Edit, ...]
    queries: tuple[Query, ...]


def counterfact_memory(
    counterfact: CounterFact, asked: Sequence[Request], beside: Sequence[Request], rng: Random
) -> SimulatedMemory:
    """Return a memory of requests of CounterFact, and prompts about those in `asked`."""
    live = [*asked, *beside]
    edits = _edits(Fact(request.subject, request.prompt, request.target_new) for request in live)
    templates: dict[str, list[str]] = defaultdict(list)
    subjects: dict[str, set[str]] = defaultdict(set)
    for request in live:
        templates[request.subject].append(request.template)
        subjects[request.target_true].add(request.subject)
    queries = []
    for request, edit in zip(asked, edits, strict=False):
        queries.append(Query(request.rephrase, edit.id, "counterfact: paraphrase"))
        # A near miss that another live edit covers is none.
        if not any(mentions(request.near_miss, subject) for subject in subjects[request.near_miss_true]):
            queries.append(Query(request.near_miss, None, "counterfact: other subject"))
        if prompt := _unlike(counterfact, request, asked, templates[request.subject], rng):
            queries.append(Query(prompt, None, "counterfact: other relation"))
    return SimulatedMemory(edits, tuple(queries))


def zsre_memory(
    zsre: ZsRe, requests: Sequence[Request], asked: Iterable[int], lexicon: Lexicon, rng: Random
) -> SimulatedMemory:
    """Return a memory of requests of zsRE, and prompts about those with the numbers `asked`.

    Only requests that are alone in being about their subject are asked about.
    """
    edits = _edits(Fact(request.subject, request.prompt, request.target_new) for request in requests)
    about = Counter(request.subject for request in requests)
    numbers = [number for number in asked if about[requests[number].subject] == 1]
    owners = {requests[number].subject: edits[number].id for number in numbers}
    queries = [
        Query(requests[number].rephrase, owners[requests[number].subject], "zsre: plain paraphrase")
        for number in numbers
    ]
    queries += [
        _query(example, owners[example.fact.subject])
        for example in zsre.examples(numbers, rng, askable=lexicon.phrasings.relations)
        # Another subject's question is in scope of that subject's edit, which is live as well.
        if example.source not in ("zsre: other subject", "zsre: paraphrase")
    ]
    return SimulatedMemory(edits, tuple(queries))


def catalogue_memory(examples: Iterable[Example], lexicon: Lexicon, left_out: Collection[str]) -> SimulatedMemory:
    """Return a memory of the facts of examples, and their prompts; relations left out make groups of their own.

    What asks in reverse mentions no subject and is not asked.
    """
    firsts: dict[tuple[str, str | None], Example] = {}
    about: Counter[str] = Counter()
    for example in examples:
        subject = subject_key(example.fact.subject)
        place = (subject, example.fact.relation)
        if place not in firsts and about[subject] < _ABOUT and not example.source.endswith("reverse"):
            firsts[place] = example
            about[subject] += 1
    edits = _edits(example.fact for example in firsts.values())
    queries = []
    for edit, example in zip(edits, firsts.values(), strict=True):
        if example.label is Label.OUT and _is_covered(example, firsts, lexicon):
            continue
        query = _query(example, edit.id)
        is_left_out = not {example.fact.relation, example.asked}.isdisjoint(left_out)
        queries.append(replace(query, group=f"left out: {query.group}") if is_left_out else query)
    return SimulatedMemory(edits, tuple(queries))


def claim_memory(examples: Iterable[Example]) -> SimulatedMemory:
    """Return a memory of claims, one about a subject, and the claims beside them in the examples."""
    firsts: dict[str, Example] = {}
    for example in examples:
        # The claim about another subject may be live as well.
        if not example.source.endswith("other subject"):
            firsts.setdefault(subject_key(example.fact.subject), example)
    edits = _edits(example.fact for example in firsts.values())
    queries = tuple(_query(example, edit.id) for edit, example in zip(edits, firsts.values(), strict=True))
    return SimulatedMemory(edits, queries)


def everyday_queries(
    memory: SimulatedMemory, lexicon: Lexicon, questions: Iterable[str], count: int, rng: Random
) -> Iterator[Query]:
    """Yield prompts that mention no subject of a memory.

    They are `count` sentences, as many questions of the phrasings, and the questions given.
    """
    phrasings = lexicon.phrasings
    taken = {edit.subject_key for edit in memory.edits}
    prompts = rng.sample(lexicon.sentences, min(count, len(lexicon.sentences)))
    prompts += questions
    prompts = [prompt if rng.random() < 0.5 else prompt.lower().rstrip("?") for prompt in prompts]
    for _ in range(count):
        relation = rng.choice([*phrasings.relations.values()])
        subject = rng.choice(phrasings.subjects[rng.choice(relation.kinds)])
        form = rng.choice(lexicon.forms[relation.name]).replace("{}", subject)
        prompts.append(restyled(form, lexicon.sentences, rng))
    for prompt in prompts:
        if taken.isdisjoint(spans(prompt)):
            yield Query(prompt, None, "everyday")


def _edits(facts: Iterable[Fact]) -> tuple[Edit, ...]:
    return tuple(fact.as_edit(number) for number, fact in enumerate(facts))


def _query(example: Example, owner: EditId) -> Query:
    return Query(example.prompt, None if example.label is Label.OUT else owner, example.source)


def _unlike(
    counterfact: CounterFact, request: Request, others: Sequence[Request], templates: Sequence[str], rng: Random
) -> str | None:
    """Return what another request asks, asked of the subject of `request`, about which all of `templates` are live."""
    for _ in range(_TRIES):
        other = rng.choice(others)
        if not all(counterfact.are_unlike(template, other.template) for template in templates):
            continue
        if _opening(other) == _opening(request) or rng.random() < _OTHER_OPENING:
            return rng.choice([other.rephrase, other.prompt]).replace(other.subject, request.subject)
    return None


def _opening(request: Request) -> str:
    return request.template.split("{}")[0]


def _is_covered(example: Example, live: Collection[tuple[str, str | None]], lexicon: Lexicon) -> bool:
    """Say whether the prompt of a negative asks for what another live edit says, or for something close to that."""
    own = (subject_key(example.fact.subject), example.fact.relation)
    close = lexicon.phrasings.relations[example.asked].close if example.asked else ()
    return any((span, name) in live and (span, name) != own for span in spans(example.prompt) for name in close)
