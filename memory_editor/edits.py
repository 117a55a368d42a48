"""What an edit is: a frozen, validated request to change or add one fact; knows no store and no models."""

import json
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NewType, Self

from ulid import ULID

from memory_editor.errors import InvalidEdit
from memory_editor.text import fingerprint, infer_subject, normalised, relation, subject_key

EditId = NewType("EditId", str)
"""A ULID: 26 characters that sort by creation time."""

MAX_CHARACTERS: Final = 8_000
"""Upper limit of every text of an edit."""

MAX_TEXTS: Final = 64
"""Upper limit of the number of paraphrases, and of exclusions."""

DEFAULT_NAMESPACE: Final = "default"

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TEMPLATE_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜]{1,40}｜>|</?(?:s|bos|eos|pad|unk|mask|think)>"
    r"|<(?:start|end)_of_(?:turn|text)>|\[/?INST\]|<</?SYS>>"
)


class Status(StrEnum):
    """Where an edit stands: only live ones answer prompts."""

    LIVE = "live"
    SUPERSEDED = "superseded"
    REMOVED = "removed"


def new_edit_id() -> EditId:
    """Return an id that sorts after every id made before by this process."""
    return EditId(str(ULID()))


@dataclass(frozen=True)
class Edit:
    """One requested change: what `prompt` is to be answered with, or a statement to be held true.

    A cloze prompt ("The CEO of Twitter is") or a question ("Who runs Twitter?") comes with a `target_new`; a statement
    ("Linda Yaccarino runs Twitter.") is a prompt without one. Surrounding white space never counts. Construction raises
    `InvalidEdit` with the value and the rule; what is constructed is valid.
    """

    prompt: str
    target_new: str | None = None
    _: KW_ONLY
    subject: str | None = None
    """Whom or what the fact is about; inferred from the prompt when left out."""
    target_true: str | None = None
    """What the model is believed to answer without the edit."""
    paraphrases: tuple[str, ...] = ()
    """Other prompts that the edit's author wants answered alike."""
    exclusions: tuple[str, ...] = ()
    """Prompts, and others close to them, that the edit must not answer."""
    source: str | None = None
    """Where the fact comes from, in its author's words."""
    namespace: str = DEFAULT_NAMESPACE
    valid_until: datetime | None = None
    """The moment, with a time zone, after which the edit is out of scope everywhere."""
    supersedes: EditId | None = None
    """The edit whose place this one takes; set by an update."""
    id: EditId = field(default_factory=new_edit_id)

    def __post_init__(self) -> None:
        for name in ("prompt", "target_new", "subject", "target_true", "source"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked(name, value))
        for name in ("paraphrases", "exclusions"):
            object.__setattr__(self, name, _checked_texts(name, getattr(self, name)))
        if self.subject is None:
            object.__setattr__(self, "subject", infer_subject(self.prompt))
        object.__setattr__(self, "namespace", checked_namespace(self.namespace))
        if self.valid_until is not None:
            object.__setattr__(self, "valid_until", _checked_time(self.valid_until))
        object.__setattr__(self, "id", _checked_id("id", self.id))
        if self.supersedes is not None:
            object.__setattr__(self, "supersedes", _checked_id("supersedes", self.supersedes))
        self._check_targets()

    def _check_targets(self) -> None:
        if self.target_new is None and self.target_true is not None:
            raise InvalidEdit(
                f"a statement has no target_true, got {self.target_true!r}; give target_new as well, or neither"
            )
        if self.target_new and self.target_true and normalised(self.target_new) == normalised(self.target_true):
            raise InvalidEdit(f"target_new {self.target_new!r} equals target_true, so there is nothing to change")

    @property
    def is_statement(self) -> bool:
        """Whether the edit is a statement held true, without a prompt to complete."""
        return self.target_new is None

    @property
    def fact(self) -> str:
        """The fact as text: the prompt with its answer, or the statement."""
        return self.fact_as(self.prompt)

    def fact_as(self, key: str) -> str:
        """Return the fact in the wording of one of the edit's keys."""
        return key if self.target_new is None else f"{key} {self.target_new}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The prompts by which the edit is found: its own and its paraphrases, without repetition."""
        texts: dict[bytes, str] = {}
        for text in (self.prompt, *self.paraphrases):
            texts.setdefault(fingerprint(text), text)
        return tuple(texts.values())

    @property
    def subject_key(self) -> str:
        """The subject in the form in which it is looked up; empty without a subject."""
        return subject_key(self.subject or "")

    @property
    def relation(self) -> str:
        """What the prompt asks of its subject, in the form in which two edits are compared."""
        return relation(self.prompt, self.subject)

    @property
    def created_at(self) -> datetime:
        """When the edit was made, to the millisecond, from its id."""
        return ULID.from_str(self.id).datetime

    def is_valid(self, at: datetime | None = None) -> bool:
        """Say whether the edit has not expired at `at`, by default now."""
        return self.valid_until is None or (at or datetime.now(UTC)) < self.valid_until

    def says_the_same(self, other: "Edit") -> bool:
        """Say whether `other` requests the same in every respect but its identity and origin."""
        return self == replace(other, id=self.id, source=self.source, supersedes=self.supersedes)

    def to_dict(self) -> dict[str, Any]:
        """Return the edit as JSON values, leaving out what is not set."""
        raw = {name: getattr(self, name) for name in FIELDS}
        raw["valid_until"] = self.valid_until and self.valid_until.isoformat()
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in raw.items()
            if value or name == "prompt"
        }

    def to_json(self) -> str:
        """Return the edit as one line of JSON, readable by `from_dict`."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Build an edit from JSON values; an unknown field is refused rather than lost."""
        if unknown := sorted(set(raw) - set(FIELDS)):
            raise InvalidEdit(f"unknown field {unknown[0]!r}; an edit has {', '.join(FIELDS)}")
        if raw.get("prompt") is None:
            raise InvalidEdit(
                "an edit needs a prompt, e.g. {'prompt': 'The CEO of Twitter is', 'target_new': 'Linda Yaccarino'}"
            )
        return cls(**{name: value for name, value in raw.items() if value is not None})


FIELDS: Final = tuple(f.name for f in fields(Edit))


@dataclass(frozen=True)
class Conflict:
    """A requested edit that is held to ask for what a live one says: with another answer it may contradict that one."""

    edit: Edit
    live: Edit
    probability: float
    """How probable it is that it asks for that."""


def checked_namespace(value: object) -> str:
    """Return a namespace if it can be one, also as the name of a folder; raises `InvalidEdit`."""
    if not isinstance(value, str) or not _NAMESPACE.fullmatch(value):
        raise InvalidEdit(f"namespace {value!r} must match {_NAMESPACE.pattern}, e.g. 'default'")
    return value


def _checked(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidEdit(f"{name} must be text, got {type(value).__name__} {value!r}")
    text = value.strip()
    if not text:
        raise InvalidEdit(
            f"{name} must not be empty; leave it out instead" if name != "prompt" else "prompt must not be empty"
        )
    if len(text) > MAX_CHARACTERS:
        raise InvalidEdit(
            f"{name} has {len(text):,} characters, at most {MAX_CHARACTERS:,} are allowed: {text[:40]!r}…"
        )
    if control := _CONTROL.search(text):
        raise InvalidEdit(f"{name} contains the control character {control.group()!r}; remove it: {text[:60]!r}")
    if token := _TEMPLATE_TOKEN.search(text):
        raise InvalidEdit(
            f"{name} contains the chat-template token {token.group()!r}, which could change who speaks; remove it"
        )
    return text


def _checked_texts(name: str, values: object) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, (list, tuple)):
        raise InvalidEdit(f"{name} must be a list of texts, got {values!r}")
    if len(values) > MAX_TEXTS:
        raise InvalidEdit(f"{name} holds {len(values)} texts, at most {MAX_TEXTS} are allowed")
    return tuple(_checked(f"{name}[{number}]", value) for number, value in enumerate(values))


def _checked_time(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidEdit(f"valid_until {value!r} is no ISO 8601 time, e.g. '2027-01-31T00:00:00+00:00'") from error
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InvalidEdit(f"valid_until {value!r} must be a time with a zone, e.g. '2027-01-31T00:00:00+00:00'")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidEdit(f"valid_until {value!r} lies outside the calendar; give a year from 2 to 9998") from error


def _checked_id(name: str, value: object) -> EditId:
    try:
        return _ulid(str(value).upper())
    except ValueError as error:
        raise InvalidEdit(
            f"{name} {value!r} is no ULID (26 characters of Crockford's base 32); leave it out"
        ) from error


@lru_cache(maxsize=16_384)  # every route reads its candidates' ids anew
def _ulid(text: str) -> EditId:
    ulid = ULID.from_str(text)
    ulid.datetime.isoformat()  # some lie beyond the calendar
    return EditId(str(ulid))
