"""Which edits of a row are live, and which of them a prompt belongs to; knows no router."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from memory_editor.edits import Edit, EditId
from memory_editor.evaluation.rows import Probe
from memory_editor.memory import Added
from memory_editor.text import fingerprint, normalised, spans

Owners: TypeAlias = tuple[Edit, ...]
"""The edits of which one has to answer a prompt; none: the base model has to."""


class Live:
    """The live edits of a row, by the ids with which they were to be added, by prompt and by what is true of them."""

    def __init__(self, requested: Sequence[Edit], added: Added) -> None:
        superseded = {edit.id for edit in added.superseded}
        stored = zip(requested, added.edits, strict=True)
        self._requested = {asked.id: edit for asked, edit in stored if edit.id not in superseded}
        self._by_prompt: dict[bytes, dict[EditId, Edit]] = defaultdict(dict)
        self._by_fact: dict[tuple[str, str], dict[EditId, Edit]] = defaultdict(dict)
        edits = {edit.id: edit for edit in self._requested.values()}
        for id_, edit in edits.items():
            for key in edit.keys:
                self._by_prompt[fingerprint(key)][id_] = edit
            if edit.target_true:
                self._by_fact[edit.subject_key, normalised(edit.target_true)][id_] = edit
        self.count = len(edits)
        self.superseded = len(superseded)

    def asks(self, probe: Probe) -> bool:
        """Say whether the edit that the probe was written for is live, if there is one."""
        return probe.about is None or probe.about in self._requested

    def owners(self, probe: Probe) -> Owners:
        """Return the edit that the probe belongs to, if it does."""
        return (self._requested[probe.about],) if probe.in_scope and probe.about else ()

    def covering(self, probe: Probe) -> Owners:
        """Return the edits with which a probe that belongs to none collides.

        It mentions their subject, and what is true of it is what was true of them.
        """
        truths = {normalised(truth) for truth in probe.truths}
        found: dict[EditId, Edit] = {}
        for subject in spans(probe.prompt) if truths and not probe.in_scope else ():
            for truth in truths:
                found |= self._by_fact.get((subject, truth), {})
        return tuple(found.values())

    def word_for_word(self, prompt: str) -> Owners:
        """Return the edits of which `prompt` is a key, up to spelling."""
        return tuple(self._by_prompt.get(fingerprint(prompt), {}).values())
