"""What exercises are drawn from: requests, facts of relations, and what is known of the objects of those facts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from memory_editor.edits import Edit
from memory_editor.scope.training.catalogue import Topic, draw_topic
from memory_editor.scope.training.examples import Fact
from memory_editor.scope.training.lexicon import Lexicon
from memory_editor.scope.training.phrasings import Relation
from memory_editor.scope.training.sources import Request


@dataclass(frozen=True)
class Pool:
    """Requests of one split, and the lexicon; everything is drawn by a generator that is passed in."""

    lexicon: Lexicon
    counterfact: Sequence[Request]
    zsre: Sequence[Request]

    def topic(self, rng: Random, relation: Relation | None = None) -> Topic:
        """Return a fact of a relation, by default of any, most often not a true one."""
        relations = self.lexicon.phrasings.relations
        chosen = relation or relations[rng.choice(self._names)]
        return draw_topic(self.lexicon, rng, chosen, relations)

    def linked(self, rng: Random) -> tuple[Topic, Relation, str] | None:
        """Return a fact, a relation of its object, and what the object really is in that relation to."""
        if not self._linking:
            return None
        while True:
            topic = self.topic(rng, self.lexicon.phrasings.relations[rng.choice(self._linking)])
            if known := self._about.get(topic.object):
                name, answer = rng.choice(known)
                return topic, self.lexicon.phrasings.relations[name], answer

    def true_fact(self, rng: Random, relation: Relation | None = None) -> tuple[Relation, str, str]:
        """Return a relation, a subject and its true object."""
        name = relation.name if relation and self.lexicon.facts[relation.name] else rng.choice(self._with_facts)
        return self.lexicon.phrasings.relations[name], *rng.choice(self.lexicon.facts[name])

    def known_of_same(self, rng: Random) -> tuple[Topic, Relation, str] | None:
        """Return a fact, and a relation with its true object that its subject has besides."""
        if not self._with_several:
            return None
        subject = rng.choice(self._with_several)
        (first, _), (second, object_) = rng.sample(self._about[subject], 2)
        relations = self.lexicon.phrasings.relations
        if second in relations[first].close or self.lexicon.phrasings.relations[second].close & {first}:
            return None
        return self.about(rng, relations[first], subject), relations[second], object_

    def about(self, rng: Random, relation: Relation, subject: str) -> Topic:
        """Return a fact of a relation about a given subject."""
        topic = self.topic(rng, relation)
        prompt, own = topic.fact.prompt, topic.fact.subject
        fact = Fact(subject, prompt.replace(own, subject), topic.fact.target, relation.name)
        stated, denied = (text.replace(own, subject) for text in (topic.stated, topic.denied))
        return Topic(self.lexicon, rng, topic.askable, relation, topic.kind, topic.object, fact, stated, denied)

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self.lexicon.phrasings.relations)

    @cached_property
    def _with_facts(self) -> list[str]:
        return [name for name in self._names if self.lexicon.facts[name]]

    @cached_property
    def _about(self) -> Mapping[str, list[tuple[str, str]]]:
        """By subject, the relations and objects known of it."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name in self._with_facts:
            for subject, object_ in self.lexicon.facts[name]:
                found[subject].append((name, object_))
        return found

    @cached_property
    def _with_several(self) -> list[str]:
        return sorted(subject for subject, known in self._about.items() if len({name for name, _ in known}) > 1)

    @cached_property
    def _linking(self) -> list[str]:
        return [name for name in self._names if any(object_ in self._about for object_ in self.lexicon.objects[name])]


def as_edit(fact: Fact) -> Edit:
    """Return the edit that says a fact."""
    return Edit(fact.prompt, fact.target, subject=fact.subject)


def request_edit(request: Request) -> Edit:
    """Return the edit that a record requests."""
    return Edit(request.prompt, request.target_new, subject=request.subject)
