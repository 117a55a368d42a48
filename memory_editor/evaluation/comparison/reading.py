"""Data sets by name, path or hub id as cases, and what else is asked of every model; knows no models."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from memory_editor.datasets.files import read_records
from memory_editor.datasets.forms import Form, detect_form, edits_of
from memory_editor.datasets.records import Record, data_error
from memory_editor.edits import DEFAULT_NAMESPACE, Edit
from memory_editor.errors import DataError, InvalidEdit
from memory_editor.evaluation.answering import Question
from memory_editor.evaluation.comparison.cases import Asked, Case, CaseSet, Kind
from memory_editor.evaluation.comparison.forms import CLAIM, loader_of
from memory_editor.evaluation.published import Case as Fields
from memory_editor.models.cache import sha256

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "counterfact": ("counterfact/edit_{split}.json", "counterfact/{split}.json"),
    "counterfact-hard": ("counterfact_hard/{split}.json",),
    "zsre": ("zsre/{split}.json", "knowedit/zsre_{split}.json"),
    "wiki-counterfact": ("knowedit/wiki_counterfact_{split}.json",),
    "wiki-recent": ("knowedit/wiki_recent_{split}.json",),
    "fever": ("fever/edits_{split}.json",),
    "mquake-hard": ("mquake_hard/{split}.json",),
    "mquake-stubborn": ("mquake_stubborn/{split}.json",),
}
"""Where the data sets lie in the folder of the published ones; the first file that is there is read."""

HUB: Final = "hub:"
"""What a file of the hub begins with: `hub:OWNER/NAME/FILE`."""

_QUESTIONS: Final = ("webquestions", "nq_open")
_TEXT: Final = "text/wikitext2-test.txt"
_FACTS: Final = "known_facts/known_1000.json"


@dataclass(frozen=True)
class Extras:
    """What is asked of every model, whatever the edits; each may be empty."""

    everyday: tuple[Asked, ...] = ()
    text: str = ""
    """Held-out text, for perplexity."""
    facts: tuple[Question, ...] = ()
    """Known facts, for recall."""


def read_cases(name: str, root: Path | None) -> CaseSet:
    """Read `NAME[:SPLIT]` below `root`, or a file by its path or as `hub:OWNER/NAME/FILE`; raises `DataError`."""
    path = _path(name, root)
    cases, form = [], None
    for record in read_records(path):
        form = form or detect_form(record.fields)
        if form is None:
            raise data_error(path, record.unit, record.number, "its fields show no known form")
        try:
            cases.append(_case(record, form, path))
        except (DataError, InvalidEdit) as error:
            raise data_error(path, record.unit, record.number, error) from error
    if form is None or not any(case.edits for case in cases):
        raise DataError(f"{path} requests no edits; name another data set")
    label = name if path != Path(name) else path.stem
    about = {"name": label, "form": str(form), "version": str(loader_of(form).version), "sha256": sha256(path)}
    return CaseSet(about, tuple(_with_claims(cases, path)))


def read_extras(root: Path | None) -> Extras:
    """Read what is there of everyday questions, held-out text and known facts."""
    if root is None:
        return Extras()
    everyday = [
        Asked(Kind.EVERYDAY, fields.text("question"), fields.texts("answers") + fields.texts("answer"))
        for name in _QUESTIONS
        for fields in _fields(root / "questions" / f"{name}.json")
    ]
    text = root / _TEXT
    facts = [Question(one.text("prompt"), one.texts("attribute")) for one in _fields(root / _FACTS)]
    return Extras(tuple(everyday), text.read_text(encoding="utf-8") if text.is_file() else "", tuple(facts))


def digest_of(extras: Extras) -> str:
    """Return 16 hexadecimal digits that stand for all that is asked besides a data set."""
    return hashlib.sha256(repr(extras).encode()).hexdigest()[:16]


def _path(name: str, root: Path | None) -> Path:
    if name.startswith(HUB):
        return _downloaded(name.removeprefix(HUB))
    if (path := Path(name).expanduser()).is_file():
        return path
    known, _, split = name.partition(":")
    if known not in NAMES:
        raise DataError(
            f"{name!r} is no file and no data set; the data sets are {', '.join(NAMES)}, each as NAME:SPLIT"
        )
    if root is None:
        raise DataError(f"data set {known!r} needs --root, the folder of the published data sets; or name a file")
    names = [file.format(split=split or "dev") for file in NAMES[known]]
    found = next((root / file for file in names if (root / file).is_file()), None)
    if found is None:
        raise DataError(f"there is no {' and no '.join(names)} in {str(root)!r}; name another split, or a file")
    return found


def _downloaded(name: str) -> Path:
    # Importing the library takes a while, which local files need not pay.
    from huggingface_hub import hf_hub_download  # noqa: PLC0415

    owner, _, rest = name.partition("/")
    repository, _, file = rest.partition("/")
    try:
        return Path(hf_hub_download(f"{owner}/{repository}", file, repo_type="dataset"))
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{HUB}{name} cannot be had: {reason}; give it as hub:OWNER/NAME/FILE, or a path") from error


def _case(record: Record, form: Form, path: Path) -> Case:
    taken: dict[str, Any] = {
        name: value for name, value in record.fields.items() if form is not Form.JSONL or name != "asked"
    }
    edits = tuple(edits_of(taken, form, number=record.number, namespace=DEFAULT_NAMESPACE))
    fields = Fields(record.fields, None, (path, record.unit, record.number))
    asked = tuple(loader_of(form).asks(fields, edits)) if edits else ()
    return Case(record.number, tuple(map(_without_extras, edits)), asked)


def _without_extras(edit: Edit) -> Edit:
    """Return the edit as every method gets it: a prompt, its subject and its target."""
    return Edit(edit.prompt, edit.target_new, subject=edit.subject, target_true=edit.target_true, id=edit.id)


def _with_claims(cases: list[Case], path: Path) -> Iterator[Case]:
    """Yield the cases that request edits; those of FEVER each get a claim out of scope, from the file beside theirs."""
    beside = path.with_name(path.name.replace("edits_", "out_of_scope_"))
    others = [*_fields(beside)] if beside != path else []
    claims = [next(other.firsts("edit_scope")) for other in others]
    for place, case in enumerate(cases):
        more = (Asked(Kind.NEAR_MISS, CLAIM.format(claims[place % len(claims)])),) if claims else ()
        if case.edits:
            yield Case(case.number, case.edits, (*case.asked, *more))


def _fields(path: Path) -> Iterator[Fields]:
    for record in read_records(path) if path.is_file() else ():
        yield Fields(record.fields, None, (path, record.unit, record.number))
