"""Examples of every relation of the phrasings: what asks for a fact, what follows from it, and what only seems to."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from memory_editor.scope.training.examples import Example, Fact, Label
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.phrasings import Relation
from memory_editor.scope.training.wording import alias, denied, longer, lowered, restyled

_IN_FICTION: Final = "In the novel about it, {q}"
"""Stands for wrappers of time around what does not change with time."""

_ALIKE: Final = 0.55
"""How often a negative asks for one of the relations that are worded most alike."""

_NEAREST: Final = 10
"""How many these are."""


@dataclass(frozen=True)
class Topic:
    """A fact, and what is at hand to ask about it."""

    lexicon: Lexicon
    rng: Random
    askable: Collection[str]
    """The relations that may be asked for besides the fact's own."""
    relation: Relation
    kind: str | None
    """What the subject is, where that is known."""
    object: str
    fact: Fact
    stated: str
    """A statement of the relation about the subject, not always with the fact's object."""
    denied: str

    def question(self, relation: str, subject: str) -> str:
        """Return a form of `relation` about `subject`, one that does not ask for the fact's own relation as well."""
        ambiguous = self.lexicon.phrasings.ambiguous
        forms = [
            form
            for form in self.lexicon.forms[relation]
            if relation == self.relation.name or self.relation.name not in ambiguous.get(form, ())
        ]
        return self.rng.choice(forms).replace("{}", subject)

    def rival(self) -> Relation | None:
        """Return a relation that is a clean negative, if there is one; often one that is worded much alike."""
        phrasings = self.lexicon.phrasings
        rivals = phrasings.rivals(self.relation, self.kind, self.askable)
        if rivals and self.rng.random() < _ALIKE:
            rivals = phrasings.nearest(self.relation, rivals, _NEAREST)
        return phrasings.relations[self.rng.choice(rivals)] if rivals else None

    def claims(self, relation: Relation) -> tuple[str, str]:
        """Return a statement of another relation about the subject, and its denial."""
        object_ = self.rng.choice(self.lexicon.objects[relation.name])
        stated, denial = (_filled(text, self.fact.subject, object_) for text in (relation.statement, relation.denial))
        return stated, denial

    def wrapped(self, wrapper: str, relation: Relation | None = None) -> str:
        """Return a wrapper around the question for the fact, or around the statement, or those of another relation."""
        stated, denial = self.claims(relation) if relation else (self.stated, self.denied)
        filled = wrapper.replace("{statement}", stated).replace("{not_statement}", denial)
        if "{q}" in filled:
            question = self.question((relation or self.relation).name, self.fact.subject)
            filled = filled.replace("{q}", question if wrapper.startswith("{q}") else lowered(question))
        return filled.replace("{s}", self.fact.subject)

    def styled(self, prompt: str) -> str:
        """Return the prompt as people may type it."""
        return restyled(prompt, self.lexicon.sentences, self.rng)


def catalogue_examples(
    lexicon: Lexicon, rng: Random, count: int, *, edited: Collection[str], askable: Collection[str]
) -> Iterator[Example]:
    """Yield `count` examples about facts of the relations `edited`; negatives ask for the relations `askable`."""
    names, makers, shares = sorted(edited), [*_MAKERS], [*_MAKERS.values()]
    while count:
        topic = draw_topic(lexicon, rng, lexicon.phrasings.relations[rng.choice(names)], askable)
        (maker,) = rng.choices(makers, shares)
        if example := maker(topic):
            yield example
            count -= 1


def draw_topic(lexicon: Lexicon, rng: Random, relation: Relation, askable: Collection[str]) -> Topic:
    """Return a fact of a relation, drawn at random, with what is at hand to ask about it."""
    subject, kind, object_ = _subject(lexicon, rng, relation)
    stated = rng.choice([object_, *lexicon.objects[relation.name][:20]])
    if lexicon.patterns[relation.name] and rng.random() < 0.4:
        statement = _from_pattern(lexicon, rng, relation.name, subject, stated).rstrip(" .")
        denial = denied(statement)
    else:
        statement, denial = (_filled(text, subject, stated) for text in (relation.statement, relation.denial))
    fact = _fact(lexicon, rng, relation, subject, object_)
    return Topic(lexicon, rng, askable, relation, kind, object_, fact, statement, denial)


def _subject(lexicon: Lexicon, rng: Random, relation: Relation) -> tuple[str, str | None, str]:
    """Return a subject, its kind where that is known, and an object that most often is not the true one."""
    object_ = rng.choice(lexicon.objects[relation.name])
    if (facts := lexicon.facts[relation.name]) and rng.random() < 0.6:
        subject, true = rng.choice(facts)
        return subject, None, object_ if rng.random() < 0.6 else true
    kind = rng.choice(relation.kinds)
    return rng.choice(lexicon.phrasings.subjects[kind]), kind, object_


def _fact(lexicon: Lexicon, rng: Random, relation: Relation, subject: str, object_: str) -> Fact:
    if lexicon.patterns[relation.name] and rng.random() < 0.25:
        text = _from_pattern(lexicon, rng, relation.name, subject, object_)
    elif rng.random() < 0.12:
        text = _filled(relation.statement, subject, object_)
    else:
        text = f"{rng.choice(lexicon.forms[relation.name]).replace('{}', subject)} {object_}"
    # What ends in its object is an edit with a target; what does not is a statement.
    prompt = text.removesuffix(f" {object_}")
    return Fact(subject, prompt, None if prompt == text else object_, relation.name)


def _from_pattern(lexicon: Lexicon, rng: Random, relation: str, subject: str, object_: str) -> str:
    return rng.choice(lexicon.patterns[relation]).replace("{}", subject).replace("[Y]", object_)


def _filled(statement: str, subject: str, object_: str) -> str:
    return statement.replace("{s}", subject).replace("{o}", object_)


def _example(topic: Topic, prompt: str, label: Label, how: str, asked: str | None = None) -> Example:
    return Example(prompt, topic.fact, label, f"catalogue: {how}", asked or topic.relation.name)


def _question(topic: Topic) -> Example:
    prompt = topic.question(topic.relation.name, topic.fact.subject)
    return _example(topic, topic.styled(prompt), Label.DIRECT, "question")


def _by_alias(topic: Topic) -> Example:
    prompt = topic.question(topic.relation.name, alias(topic.fact.subject, topic.rng))
    return _example(topic, topic.styled(prompt), Label.DIRECT, "alias")


def _wrapped(topic: Topic) -> Example:
    wrapper = topic.rng.choice(topic.lexicon.phrasings.same)
    return _example(topic, topic.wrapped(wrapper), Label.DIRECT, "wrapped")


def _claim(topic: Topic) -> Example:
    prompt = topic.rng.choice([topic.stated, topic.denied, f"{topic.stated}."])
    return _example(topic, prompt, Label.DIRECT, "claim")


def _other_relation(topic: Topic) -> Example | None:
    if not (asked := topic.rival()):
        return None
    prompt = topic.styled(topic.question(asked.name, topic.fact.subject))
    return _example(topic, prompt, Label.OUT, "other relation", asked.name)


def _other_wrapped(topic: Topic) -> Example | None:
    if not (asked := topic.rival()):
        return None
    prompt = topic.wrapped(topic.rng.choice(topic.lexicon.phrasings.same), asked)
    return _example(topic, prompt, Label.OUT, "other relation, wrapped", asked.name)


def _other_claim(topic: Topic) -> Example | None:
    if not (asked := topic.rival()):
        return None
    prompt = topic.rng.choice(topic.claims(asked))
    return _example(topic, prompt, Label.OUT, "other claim", asked.name)


def _other_consequence(topic: Topic) -> Example | None:
    if not (asked := topic.rival()):
        return None
    form = topic.rng.choice([*asked.consequences, *asked.consequences, *asked.degrees])
    prompt = topic.styled(form.replace("{}", topic.fact.subject))
    return _example(topic, prompt, Label.OUT, "other consequence", asked.name)


def _other_subject(topic: Topic, name: str, how: str) -> Example:
    return _example(topic, topic.styled(topic.question(topic.relation.name, name)), Label.OUT, how)


def _related_subject(topic: Topic) -> Example:
    return _other_subject(topic, topic.lexicon.related(topic.fact.subject, topic.rng), "related subject")


def _any_subject(topic: Topic) -> Example | None:
    name = topic.rng.choice(topic.lexicon.names)
    return None if name == topic.fact.subject else _other_subject(topic, name, "any subject")


def _longer_name(topic: Topic) -> Example:
    return _other_subject(topic, longer(topic.fact.subject, topic.rng), "longer name")


def _degree(topic: Topic) -> Example:
    prompt = topic.rng.choice(topic.relation.degrees).replace("{}", topic.fact.subject)
    return _example(topic, topic.styled(prompt), Label.OUT, "degree")


def _qualified(topic: Topic) -> Example:
    phrasings = topic.lexicon.phrasings
    wrapper = topic.rng.choice(phrasings.other)
    if topic.relation.is_timeless and wrapper in phrasings.of_time:
        wrapper = _IN_FICTION
    return _example(topic, topic.wrapped(wrapper), Label.OUT, "qualified")


def _consequence(topic: Topic) -> Example:
    if topic.relation.reverse and topic.rng.random() < 0.12:
        prompt = topic.rng.choice(topic.relation.reverse).replace("{o}", topic.object)
        return _example(topic, topic.styled(prompt), Label.CONSEQUENCE, "reverse")
    prompt = topic.rng.choice(topic.relation.consequences).replace("{}", topic.fact.subject)
    return _example(topic, topic.styled(prompt), Label.CONSEQUENCE, "consequence")


_Maker: TypeAlias = Callable[[Topic], Example | None]

_MAKERS: Final[dict[_Maker, float]] = {
    _question: 0.20,
    _by_alias: 0.04,
    _wrapped: 0.05,
    _claim: 0.04,
    _other_relation: 0.21,
    _other_wrapped: 0.04,
    _other_claim: 0.03,
    _related_subject: 0.04,
    _any_subject: 0.02,
    _longer_name: 0.04,
    _degree: 0.06,
    _qualified: 0.06,
    _consequence: 0.08,
    _other_consequence: 0.09,
}
"""How often an example is made in each way."""
