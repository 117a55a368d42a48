"""How probable it is that a prompt is in scope of a candidate edit."""

import math
from dataclasses import dataclass
from typing import Final, Protocol

from memory_editor.scope.candidates import Candidate
from memory_editor.scope.route import ScoredEdit


class ScopeClassifier(Protocol):
    """What turns a candidate into a calibrated probability, with its reasons in words."""

    @property
    def threshold(self) -> float:
        """The probability from which an edit answers."""
        ...

    def score(self, prompt: str, candidate: Candidate) -> ScoredEdit:
        """Return the probability that the right answer to `prompt` depends on the candidate's edit."""
        ...


# Logistic regressions of scope on similarity, one for prompts that mention the subject and one for those that do not:
# (slope, similarity at which scope is as likely as not). How they were fitted is in docs/experiments.md.
_MENTIONED: Final = (12.5, 0.70)
_NOT_MENTIONED: Final = (27.2, 0.91)


@dataclass(frozen=True)
class SimilarityClassifier:
    """Scope from subject mention and similarity alone: an exact prompt is certain, an excluded one never in scope."""

    threshold: float = 0.5

    def score(self, prompt: str, candidate: Candidate) -> ScoredEdit:
        """Return the probability from similarity and mention; the prompt itself adds nothing to what was seen of it."""
        if candidate.is_exact:
            return ScoredEdit(candidate.edit, 1.0, ("the prompt is the edit's own",))
        seen = f"similarity {candidate.similarity:.2f}"
        if candidate.exclusion_similarity >= candidate.similarity:
            excluded = f"it is closer to an exclusion of the edit ({candidate.exclusion_similarity:.2f})"
            return ScoredEdit(candidate.edit, 0.0, (seen, excluded))
        slope, middle = _MENTIONED if candidate.mentions_subject else _NOT_MENTIONED
        probability = 1 / (1 + math.exp(-slope * (candidate.similarity - middle)))
        return ScoredEdit(candidate.edit, probability, (seen, _mention(candidate)))


def _mention(candidate: Candidate) -> str:
    if candidate.edit.subject is None:
        return "the edit has no subject to be mentioned"
    return f"the subject {candidate.edit.subject!r} is {'' if candidate.mentions_subject else 'not '}mentioned"
