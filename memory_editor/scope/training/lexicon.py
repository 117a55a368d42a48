"""How every relation is asked for and stated, and facts of each: the phrasings joined with the published patterns."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from memory_editor.scope.training.phrasings import Phrasings, Relation
from memory_editor.scope.training.sources import Facts, Sources
from memory_editor.text import words

_OBJECTS: Final = 300
"""How many of a relation's facts give objects for others."""

_LONG: Final = 4
"""How many letters a word has by which two subjects are related."""

_RELATED: Final = 50


@dataclass(frozen=True)
class Lexicon:
    """What examples are written from; mappings go by the names of relations where nothing else is said."""

    phrasings: Phrasings
    forms: Mapping[str, tuple[str, ...]]
    """Questions, and prompts that the answer completes, with `{}` for the subject."""
    patterns: Mapping[str, tuple[str, ...]]
    """Statements with `{}` for the subject and `[Y]` for the object."""
    facts: Mapping[str, Facts]
    objects: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]
    """All subjects."""
    by_word: Mapping[str, tuple[str, ...]]
    """The subjects that have a word of some length."""
    sentences: tuple[str, ...]

    def related(self, subject: str, rng: Random) -> str:
        """Return another subject, one that shares a word where there is one."""
        sharing = [name for word in words(subject) for name in self.by_word.get(word, ()) if name != subject]
        return rng.choice(sharing or self.names)

    def relations_of(self, template: str, answers: Iterable[str]) -> frozenset[str]:
        """Return the relations that a prompt may ask for: those with that form, else the one with most such answers."""
        wanted = template.casefold()
        if named := frozenset(
            name for name, forms in self.forms.items() if wanted in (form.casefold() for form in forms)
        ):
            return named
        answers = frozenset(answers)
        shared = {
            name: len(answers & {answer for _, answer in self.facts[name]})
            for name, relation in self.phrasings.relations.items()
            if relation.pararel
        }
        best = max(shared, key=lambda name: (shared[name], name))
        return frozenset({best}) if shared[best] else frozenset()


def build_lexicon(phrasings: Phrasings, sources: Sources) -> Lexicon:
    """Join the phrasings with what ParaRel and LRE have for the same relations."""
    relations = phrasings.relations
    patterns = {name: sources.patterns.get(relation.pararel or "", ()) for name, relation in relations.items()}
    facts = {name: _facts(relation, sources) for name, relation in relations.items()}
    names = _distinct(
        [subject for found in facts.values() for subject, _ in found]
        + [subject for subjects in phrasings.subjects.values() for subject in subjects]
    )
    return Lexicon(
        phrasings=phrasings,
        forms={name: _forms(relation, patterns[name], sources) for name, relation in relations.items()},
        patterns=patterns,
        facts=facts,
        objects={
            name: _distinct([*relation.objects, *[answer for _, answer in facts[name]][:_OBJECTS]])
            for name, relation in relations.items()
        },
        names=names,
        by_word=_by_word(names),
        sentences=sources.sentences,
    )


def _facts(relation: Relation, sources: Sources) -> Facts:
    places = [relation.pararel, *relation.lre]
    return tuple(fact for place in places if place for fact in sources.facts.get(place, ()))


def _forms(relation: Relation, patterns: Iterable[str], sources: Sources) -> tuple[str, ...]:
    ends = [pattern.rstrip(" .") for pattern in patterns]
    completed = [end.removesuffix("[Y]").strip() for end in ends if end.endswith("[Y]")]
    templates = [template for name in relation.lre for template in sources.templates.get(name, ())]
    return _distinct([*relation.forms, *completed, *templates])


def _by_word(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        for word in dict.fromkeys(words(name)):
            if len(word) >= _LONG and len(found[word]) < _RELATED:
                found[word].append(name)
    return {word: tuple(sharing) for word, sharing in found.items()}


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
