"""Examples that call a relation by its name, so that one word decides: "the father of …" is not "the mother of …"."""

from collections.abc import Collection, Iterator
from random import Random
from typing import Final

from memory_editor.scope.training.catalogue import Topic, draw_topic
from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.phrasings import Relation

UNNAMED: Final = frozenset(
    "band led,based on,borders,capital of,city served,convicted of,crosses,enacted by,found in species,has part,"
    "instance of,licensed to,member of,named after,part of,present in work,service entry,source of river,spoken in,"
    "subclass of,tributary of,awarded by,followed by,follows".split(",")
)
"""Relations whose names do not fit into a template."""

_TEMPLATES: Final = (
    "The {a} of {s} is",
    "The name of the {a} of {s} is",
    "The names of the {a} of {s} are",
    "{s}'s {a} is",
    "{s} {a}",
    "{a} {s}",
    "What is the {a} of {s}?",
    "What is {s}'s {a}?",
    "what is the {a} of {s}",
    "Name the {a} of {s}.",
    "The {a} of {s}",
    "The {a} which {s} is associated with is",
    "The name of the {a} which {s} is associated with is",
)

_COMPARISONS: Final = (
    "Do {s} and {t} have the same {a}?",
    "Is the {a} of {s} the same as that of {t}?",
    "Compare {s} and {t} by {a}.",
    "Do {t} and {s} share their {a}?",
    "What do the {a} of {s} and the {a} of {t} have in common?",
    "Which of the two has the better-known {a}, {s} or {t}?",
    "Write one true sentence about the {a} of {s}.",
    "Write a short poem that names the {a} of {s}.",
)
"""Whose answers need the fact, and more."""

_UNNEEDED: Final = (
    "Can {s} and {t} be named in one sentence?",
    "Have {s} and {t} anything to do with each other?",
    "Who is better known, {s} or {t}?",
    "Translate into Spanish: the {a} of {s}",
    "Rephrase this question: what is the {a} of {s}?",
    "How many words has the question: what is the {a} of {s}?",
    "In how many languages can one ask for the {a} of {s}?",
    "Is it rude to ask for the {a} of {s}?",
)
"""That mention the subject, perhaps with the relation, and need no fact of it."""

_NEAREST: Final = 4
_SHARES: Final = {"same": 0.27, "other": 0.37, "needed": 0.08, "needed, other": 0.06, "unneeded": 0.06, "time": 0.16}


def attribute_examples(
    lexicon: Lexicon, rng: Random, count: int, *, edited: Collection[str], askable: Collection[str]
) -> Iterator[Example]:
    """Yield `count` examples about facts of those relations of `edited` that have a name."""
    relations = lexicon.phrasings.relations
    named = [relations[name] for name in sorted(edited) if name not in UNNAMED]
    while count:
        topic = draw_topic(lexicon, rng, rng.choice(named), askable)
        (how,) = rng.choices([*_SHARES], [*_SHARES.values()])
        if example := _example(topic, how, [relation for relation in named if relation.name in askable]):
            yield example
            count -= 1


def _example(topic: Topic, how: str, named: Collection[Relation]) -> Example | None:
    own, rng, subject = topic.relation, topic.rng, topic.fact.subject
    source = f"attributes: {how}"
    if how == "same":
        by_name, fact = _filled(rng.choice(_TEMPLATES), own, subject, subject), _fact(topic)
        prompt = by_name if rng.random() < 0.6 else topic.question(own.name, subject)
        return Example(topic.styled(prompt), fact, Label.DIRECT, source, own.name)
    if how == "time":
        # What does not change with time is asked for at any; what does, is not.
        wrapper = rng.choice(sorted(topic.lexicon.phrasings.of_time))
        label = Label.DIRECT if own.is_timeless else Label.OUT
        return Example(topic.wrapped(wrapper), topic.fact, label, source, own.name)
    other = rng.choice(topic.lexicon.names)
    if how == "unneeded":
        return Example(_filled(rng.choice(_UNNEEDED), own, subject, other), _fact(topic), Label.OUT, source, own.name)
    if how == "needed":
        prompt = _filled(rng.choice(_COMPARISONS), own, subject, other)
        return Example(prompt, _fact(topic), Label.CONSEQUENCE, source, own.name)
    rivals = topic.lexicon.phrasings.rivals(own, topic.kind, {relation.name for relation in named})
    if not rivals:
        return None
    near = topic.lexicon.phrasings.nearest(own, rivals, _NEAREST) if rng.random() < 0.6 else rivals
    asked = topic.lexicon.phrasings.relations[rng.choice(near)]
    template = rng.choice(_TEMPLATES if how == "other" else _COMPARISONS)
    prompt = _filled(template, asked, subject, other)
    fact = _fact(topic, template if how == "other" and rng.random() < 0.5 else None)
    return Example(topic.styled(prompt), fact, Label.OUT, source, asked.name)


def _fact(topic: Topic, template: str | None = None) -> Fact:
    """Return the topic's fact, most often in the wording of a template."""
    if template is None and topic.rng.random() < 0.4:
        return topic.fact
    prompt = _filled(template or topic.rng.choice(_TEMPLATES), topic.relation, topic.fact.subject, "")
    return Fact(topic.fact.subject, prompt, topic.object, topic.relation.name)


def _filled(template: str, relation: Relation, subject: str, other: str) -> str:
    return template.replace("{a}", relation.name).replace("{t}", other).replace("{s}", subject)
