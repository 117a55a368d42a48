"""The decision for one prompt, as a value that explains itself."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from memory_editor.edits import Edit


class Kind(StrEnum):
    """How the right answer depends on an edit."""

    DIRECT = "direct"
    """The prompt asks for the fact itself, or states or denies it."""
    CONSEQUENCE = "consequence"
    """What is asked follows from the fact in one step."""


@dataclass(frozen=True)
class ScoredEdit:
    """An edit, how probable it is that a prompt is in its scope, and the reasons in words."""

    edit: Edit
    probability: float
    kind: Kind
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """Which edits answer a prompt, most probable first; none means the untouched base model."""

    prompt: str
    """What was routed: the last user message of a chat, else the whole prompt."""
    edits: tuple[ScoredEdit, ...]
    runner_up: ScoredEdit | None
    """The most probable edit that does not answer."""
    threshold: float
    """The probability from which an edit answers."""
    abstained: bool = False
    """Whether none answers because two that disagree were too close to each other."""

    @property
    def in_scope(self) -> bool:
        """Whether an edit answers."""
        return bool(self.edits)

    @property
    def margin(self) -> float:
        """How clear the decision is.

        The lead of the edit that answers over the runner-up; where none answers, how far the best stays below the
        threshold, which is below 0 where the router abstained.
        """
        rival = self.runner_up.probability if self.runner_up else 0.0
        return self.edits[0].probability - rival if self.edits else self.threshold - rival

    def to_dict(self) -> dict[str, Any]:
        """Return the route as JSON values."""
        return {
            "prompt": self.prompt,
            "in_scope": self.in_scope,
            "edits": [_scored(scored) for scored in self.edits],
            "runner_up": _scored(self.runner_up) if self.runner_up else None,
            "margin": self.margin,
            "threshold": self.threshold,
            "abstained": self.abstained,
        }


def _scored(scored: ScoredEdit) -> dict[str, Any]:
    return {
        "id": scored.edit.id,
        "fact": scored.edit.fact,
        "probability": scored.probability,
        "kind": str(scored.kind),
        "reasons": list(scored.reasons),
    }
