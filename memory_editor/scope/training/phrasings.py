"""The hand-written phrasings of relations, as values; knows no data sets."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from memory_editor.text import STOP_WORDS, words

_FILE: Final = Path(__file__).with_name("phrasings.json")


@dataclass(frozen=True)
class Relation:
    """What can be said of subjects of some kinds, and how; `{}` stands for the subject in every form."""

    name: str
    kinds: tuple[str, ...]
    close: frozenset[str]
    """The relations, this one included, of which none is a clean negative of it."""
    is_timeless: bool
    """Whether the answer does not change with time."""
    forms: tuple[str, ...]
    """Questions, and prompts that the answer completes."""
    statement: str
    """With `{s}` for the subject and `{o}` for the object, as in `denial`."""
    denial: str
    objects: tuple[str, ...]
    degrees: tuple[str, ...]
    """What sounds like it and asks for something else."""
    consequences: tuple[str, ...]
    """What follows from it in one step."""
    reverse: tuple[str, ...]
    """What asks for the subject; `{o}` stands for the object."""
    pararel: str | None
    """What ParaRel calls it."""
    lre: tuple[str, ...]
    """The files of LRE that hold it."""


@dataclass(frozen=True)
class Phrasings:
    """All relations, subjects of every kind, and what can be put around a question."""

    relations: Mapping[str, Relation]
    subjects: Mapping[str, tuple[str, ...]]
    same: tuple[str, ...]
    """Wrappers that leave what is asked the same; they hold `{q}`, `{s}`, `{statement}` or `{not_statement}`."""
    other: tuple[str, ...]
    """Wrappers that make it something else."""
    of_time: frozenset[str]
    """Those of `other` that ask about another time."""
    ambiguous: Mapping[str, frozenset[str]]
    """The relations that a form may ask for, where they are several."""

    def rivals(self, relation: Relation, kind: str | None, among: Collection[str]) -> list[str]:
        """Return the relations that are clean negatives of one, for a subject of `kind` or of any of its kinds."""
        return [
            other.name
            for wanted in ([kind] if kind else relation.kinds)
            for other in self.relations.values()
            if wanted in other.kinds and other.name in among and other.name not in relation.close
        ]

    def nearest(self, relation: Relation, among: Collection[str], count: int) -> list[str]:
        """Return those `count` relations of `among` whose forms share most words with those of `relation`."""
        own = self._words[relation.name]
        likeness = {name: len(own & self._words[name]) / len(own | self._words[name]) for name in sorted(set(among))}
        return sorted(likeness, key=lambda name: -likeness[name])[:count]

    @cached_property
    def _words(self) -> dict[str, frozenset[str]]:
        return {
            name: frozenset(words(" ".join((*relation.forms, relation.statement)))) - STOP_WORDS
            for name, relation in self.relations.items()
        }


def read_phrasings() -> Phrasings:
    """Return the phrasings that come with the package."""
    raw = json.loads(_FILE.read_text(encoding="utf-8"))
    close = _symmetric({name: values["close"] for name, values in raw["relations"].items()})
    qualifiers = raw["qualifiers"]
    return Phrasings(
        relations={name: _relation(name, values, close[name], raw) for name, values in raw["relations"].items()},
        subjects={kind: tuple(names) for kind, names in raw["subjects"].items()},
        same=tuple(qualifiers["same"]),
        other=tuple(qualifiers["other"]),
        of_time=frozenset(qualifiers["time"]),
        ambiguous={form: frozenset(names) for form, names in raw["ambiguous"].items()},
    )


def _relation(name: str, values: Mapping[str, Any], close: frozenset[str], raw: Mapping[str, Any]) -> Relation:
    lre = values.get("lre", [])
    return Relation(
        name=name,
        kinds=tuple(values["kinds"]),
        close=close,
        is_timeless=values.get("timeless", False),
        forms=tuple(values["phrasings"]),
        statement=values["statement"],
        denial=values["not_statement"],
        objects=tuple(values["objects"]),
        degrees=tuple(raw["degrees"][name]),
        consequences=tuple(raw["consequences"][name]),
        reverse=tuple(raw["reverse"].get(name, ())),
        pararel=values.get("pararel"),
        lre=(lre,) if isinstance(lre, str) else tuple(lre),
    )


def _symmetric(close: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for name, others in close.items():
        found[name] |= {name, *others}
        for other in others:
            found[other].add(name)
    return {name: frozenset(names) for name, names in found.items()}
