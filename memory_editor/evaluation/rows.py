"""What is asked of routing, as data: prompts and where each belongs, in the rows of a table; knows no files."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from memory_editor.edits import Edit, EditId


class RowName(StrEnum):
    """The rows of the table."""

    COUNTERFACT = "counterfact"
    COUNTERFACT_TRAIN = "counterfact+train"
    COUNTERFACT_HARD = "counterfact-hard"
    ZSRE = "zsre"
    WIKI_RECENT = "wiki-recent"
    WIKI_COUNTERFACT = "wiki-counterfact"
    FEVER = "fever"
    EVERYDAY = "everyday"
    QUALIFIED = "qualified"


@dataclass(frozen=True)
class Probe:
    """A prompt, and where it belongs."""

    prompt: str
    about: EditId | None = None
    """The edit that it was written for; it is asked only while that edit is live."""
    in_scope: bool = False
    """Whether it belongs to that edit; if not, it belongs to none."""
    truths: tuple[str, ...] = ()
    """The true answers to a prompt that belongs to none, where they are known: they show collisions."""
    kind: str = ""
    """What sort of prompt it is, where a set holds several."""


@dataclass(frozen=True)
class ProbeSet:
    """The prompts that make one figure."""

    name: str
    probes: tuple[Probe, ...]
    goal: str = ""
    """The share that is to be routed right, in words."""
    is_pooled: bool = True
    """Whether the prompts count in the metrics over all rows."""
    among: bool = False
    """Whether the edit may be any of those that answer; otherwise it must be the first."""


@dataclass(frozen=True)
class Row:
    """Edits that are live at once, in the order in which they are added, and what is asked meanwhile."""

    name: RowName
    edits: tuple[Edit, ...]
    sets: tuple[ProbeSet, ...]

    @property
    def line(self) -> str:
        """What weighs as one row in the metrics over all: KnowEdit's two wiki sets are one."""
        return "wiki" if self.name in (RowName.WIKI_RECENT, RowName.WIKI_COUNTERFACT) else self.name

    def sampled(self, limit: int) -> Self:
        """Return the row with at most `limit` prompts a set, evenly spaced."""
        return replace(self, sets=tuple(_sampled(probes, limit) for probes in self.sets))


def _sampled(asked: ProbeSet, limit: int) -> ProbeSet:
    step = max(1, -(-len(asked.probes) // limit))
    return replace(asked, probes=asked.probes[::step])
