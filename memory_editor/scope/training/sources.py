"""The files of the published data sets that may be trained on; reads no other, and no field meant for evaluation."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from memory_editor.datasets.records import Record, data_error, read_json, read_jsonl
from memory_editor.errors import DataError

Facts: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of subject and object."""

_LENGTHS: Final = range(31, 200)
"""How many characters a sentence has that is used."""

# WikiSplit's sentences are tokenised: what was taken apart is put together again.
_JOINED: Final = (
    (" ,", ","),
    (" .", "."),
    (" '' ", '" '),
    (" 's", "'s"),
    ("( ", "("),
    (" )", ")"),
    (" - ", "-"),
    (" ;", ";"),
    ("`` ", '"'),
)


@dataclass(frozen=True)
class Request:
    """An edit that a record requests, and another prompt of its scope."""

    subject: str
    prompt: str
    target_new: str
    rephrase: str
    target_true: str = ""
    near_miss: str = ""
    """A prompt of the same relation about another subject."""
    near_miss_true: str = ""

    @property
    def template(self) -> str:
        """The prompt, with `{}` for the subject."""
        return self.prompt.replace(self.subject, "{}")


@dataclass(frozen=True)
class Sources:
    """Everything that is read."""

    counterfact: tuple[Request, ...]
    counterfact_val: tuple[Request, ...]
    zsre: tuple[Request, ...]
    facts: Mapping[str, Facts]
    """By what ParaRel and LRE call a relation, as in the next two."""
    patterns: Mapping[str, tuple[str, ...]]
    """Statements with `{}` for the subject and `[Y]` for the object."""
    templates: Mapping[str, tuple[str, ...]]
    """Prompts with `{}` for the subject."""
    sentences: tuple[str, ...]


def read_sources(folder: Path) -> Sources:
    """Read the training files below the folder of the published data sets; raises `DataError`."""
    lre = {path.stem: (path, _object(path)) for path in _paths(folder, "lre/*.json")}
    pararel = {path.stem: tuple(_facts(path)) for path in _paths(folder, "pararel/facts/*.jsonl")}
    return Sources(
        counterfact=tuple(_counterfact(folder, "counterfact/train.json")),
        counterfact_val=tuple(_counterfact(folder, "counterfact/val.json")),
        zsre=tuple(_zsre(folder)),
        facts=pararel | {name: _samples(*place) for name, place in lre.items()},
        patterns={path.stem: tuple(_patterns(path)) for path in _paths(folder, "pararel/patterns/*.jsonl")},
        templates={name: _templates(*place) for name, place in lre.items()},
        sentences=tuple(line for path in _paths(folder, "text/wikipedia-sentences-*.txt") for line in _sentences(path)),
    )


def _paths(folder: Path, pattern: str) -> list[Path]:
    if paths := sorted(folder.glob(pattern)):
        return paths
    raise DataError(f"there is no {pattern} in {str(folder)!r}; give the folder of the published data sets")


def _counterfact(folder: Path, name: str) -> Iterator[Request]:
    names = ("subject", "prompt", "target_new", "rephrase_prompt", "ground_truth")
    near = ("locality_prompt", "locality_ground_truth")
    for path in _paths(folder, name):
        for record in read_json(path):
            yield Request(*(_text(path, record, field) for field in (*names, *near)))


def _zsre(folder: Path) -> Iterator[Request]:
    for path in _paths(folder, "zsre/train.json"):
        for record in read_json(path):
            # Some records request no answer at all, and so no edit.
            if record.fields.get("alt"):
                yield Request(*(_text(path, record, field) for field in ("subject", "src", "alt", "rephrase")))


def _facts(path: Path) -> Iterator[tuple[str, str]]:
    for record in read_jsonl(path):
        yield _text(path, record, "subject"), _text(path, record, "object")


def _patterns(path: Path) -> Iterator[str]:
    for record in read_jsonl(path):
        yield _text(path, record, "pattern").replace("[X]", "{}")


def _object(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no valid JSON: {error}; take it from its publisher anew") from error
    return found if isinstance(found, dict) else {}


def _samples(path: Path, found: Mapping[str, Any]) -> Facts:
    try:
        return tuple((str(sample["subject"]), str(sample["object"])) for sample in found["samples"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} must hold samples with subject and object; take it from its publisher anew") from error


def _templates(path: Path, found: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        templates = [*found["prompt_templates"], *found["prompt_templates_zs"]]
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} must hold prompt_templates; take it from its publisher anew") from error
    return tuple(template for template in templates if template.count("{}") == 1)


def _sentences(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8: {error.reason}; take it from its publisher anew") from error
    for line in lines:
        sentence = line.strip()
        for apart, joined in _JOINED:
            sentence = sentence.replace(apart, joined)
        if len(sentence) in _LENGTHS:
            yield sentence


def _text(path: Path, record: Record, name: str) -> str:
    value = record.fields.get(name)
    if not isinstance(value, str) or not value:
        raise data_error(path, record.unit, record.number, f"{name} must hold text, got {value!r}")
    return value
