"""Distinct edits in any number, made of the published facts and templates; knows no memory and no vectors."""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from memory_editor.datasets.records import read_json, read_jsonl
from memory_editor.errors import DataError
from memory_editor.text import fingerprint, relation, subject_key

_SEEN_OFTEN: Final = 3
"""How often CounterFact must word a prompt alike, up to its subject, for that to be a template."""

_OWN: Final = 10_000
"""How many edits at the beginning are CounterFact's own prompts."""

_SENTENCE_END: Final = re.compile(r"(?<=[.?!])\s|\n")


@dataclass(frozen=True)
class Material:
    """Edits as JSON values, and paraphrases of the first ones: the number of its edit, and the prompt."""

    edits: list[dict[str, str]]
    paraphrases: list[tuple[int, str]]


def make_material(data: Path, count: int) -> Material:
    """Return `count` edits, the same every time, none of them the same up to spelling, nor of one subject and relation.

    The first are CounterFact's own. The others ask of every subject of CounterFact, ParaRel and LRE what their prompts
    ask, first what is known of it, then the same of anything else. Raises `DataError` where there is not enough.
    """
    records = [one for name in ("train", "val") for one in _records(data / f"counterfact/{name}.json")]
    distinct, chance = _Distinct(), random.Random(0)
    own = [one for one in records if distinct.takes(one["prompt"], one["subject"])][: min(_OWN, count)]
    for record in records:  # no paraphrase is an edit too
        distinct.takes(record["rephrase_prompt"], record["subject"])
    known = _known(data, records)
    new = (made for made in _made(known) if distinct.takes(*made))
    others, objects = list(islice(new, count - len(own))), sorted(known.objects)
    if len(own) + len(others) < count:
        raise DataError(f"{data} has facts for {len(own) + len(others):,} edits, not for {count:,}; ask for fewer")
    chance.shuffle(others)
    names = ("prompt", "target_new", "subject")
    edits = [{name: record[name] for name in names} for record in own]
    edits += [dict(zip(names, (prompt, chance.choice(objects), subject), strict=True)) for prompt, subject in others]
    return Material(edits, [(number, record["rephrase_prompt"]) for number, record in enumerate(own)])


@dataclass
class _Known:
    """Who edits can be about, the templates known to fit them, all templates and all objects."""

    own: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    templates: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)

    def take(self, subject: str, object_: str, templates: Iterable[str]) -> None:
        """Add a fact, and the templates that fit its subject."""
        self.own[subject].update(templates)
        self.templates.update(templates)
        self.objects.add(object_)


class _Distinct:
    """Takes a prompt only where no earlier one is the same up to spelling, or says the same of the same subject."""

    def __init__(self) -> None:
        self._taken: set[bytes | tuple[str, str]] = set()

    def takes(self, prompt: str, subject: str) -> bool:
        """Say whether the prompt is new, and count it as taken."""
        marks: set[bytes | tuple[str, str]] = {fingerprint(prompt), (subject_key(subject), relation(prompt, subject))}
        is_new = not marks & self._taken
        self._taken |= marks
        return is_new


def _known(data: Path, counterfact: list[dict[str, Any]]) -> _Known:
    found = _Known()
    for facts in sorted((data / "pararel/facts").glob("*.jsonl")):
        patterns = data / "pararel/patterns" / facts.name
        templates = [t for p in _records(patterns) if (t := _cloze(p["pattern"]))] if patterns.exists() else []
        for fact in _records(facts):
            found.take(fact["subject"], fact["object"], templates)
    for file in sorted((data / "lre").glob("*.json")):
        about = json.loads(file.read_text("utf-8"))
        templates = [template for template in about["prompt_templates"] if template.count("{}") == 1]
        for sample in about["samples"]:
            found.take(sample["subject"], sample["object"], templates)
    wordings = Counter(
        template
        for record in counterfact
        for name in ("prompt", "rephrase_prompt")
        if (template := _masked(record[name], record["subject"]))
    )
    for record in counterfact:
        found.take(record["subject"], record["target_new"], [])
    found.templates.update(template for template, times in wordings.items() if times >= _SEEN_OFTEN)
    return found


def _made(found: _Known) -> Iterator[tuple[str, str]]:
    """Yield prompts and their subjects: first what fits a subject, then every template with every subject."""
    chance = random.Random(0)
    fitting = [(template, subject) for subject, own in sorted(found.own.items()) for template in sorted(own)]
    chance.shuffle(fitting)
    yield from ((template.replace("{}", subject), subject) for template, subject in fitting)
    subjects, templates = sorted(found.own), sorted(found.templates)
    for _ in templates:
        chance.shuffle(subjects)
        yield from ((chance.choice(templates).replace("{}", subject), subject) for subject in subjects)


def _cloze(pattern: str) -> str | None:
    """Return what stands before the object of a ParaRel pattern, or none where the subject does not."""
    before = pattern.partition("[Y]")[0].strip()
    return before.replace("[X]", "{}") if before.count("[X]") == 1 and before != "[X]" else None


def _masked(text: str, subject: str) -> str | None:
    """Return the last sentence of `text` that names the subject, with a place for it."""
    before, named, after = text.rpartition(subject)
    template = (_SENTENCE_END.split(before)[-1] + "{}" + after).strip() if named else "{}"
    return template if template != "{}" and template.count("{}") == 1 else None


def _records(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise DataError(f"there is no {str(path)!r}; give the folder of the published data sets")
    return [record.fields for record in (read_jsonl if path.suffix == ".jsonl" else read_json)(path)]
