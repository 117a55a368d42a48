"""The codebook: for each edit the activation that finds it and the value that answers; knows no store.

GRACE (Hartvigsen et al. 2023, "Aging with GRACE: Lifelong Model Editing with Discrete Key-Value Adaptors").
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Self

import torch
from torch import Tensor

from memory_editor.adapters.codebook import files
from memory_editor.adapters.codebook.deferral import COVERED
from memory_editor.adapters.codebook.entries import Entries, Match
from memory_editor.adapters.codebook.learning import OnProgress, Request, learn_values
from memory_editor.adapters.codebook.wrapped import WrappedModel
from memory_editor.edits import Edit, EditId
from memory_editor.errors import ConfigError, InvalidEdit, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path, widths
from memory_editor.text import fingerprint

RADIUS: Final = 1.0
STEPS: Final = 100

_DEPTH: Final = 5 / 6
"""At what share of a model's blocks values come in: late, as published, but with blocks above that can use them."""

_ROWS: Final = 32


class Codebook:
    """Keys and values for edits of one language model, in the order in which they were added.

    The key of an edit is what a projection of the model is given at the last token of the edit's prompt, its value what
    the projection is to return there. How far keys reach, the deferral radii, follows from keys and labels, so that an
    edit that is removed leaves no trace. Safe to share between threads.
    """

    def __init__(
        self, base: LanguageModel, *, projection: str | None = None, radius: float = RADIUS, steps: int = STEPS
    ) -> None:
        """Make an empty codebook.

        `projection` is the path of a module of the model, by default the last one of the MLP at five sixths of its
        depth. Values are learnt in at most that many steps.
        """
        if not (radius > 0 and steps > 0):
            raise ConfigError(f"radius and steps of a codebook must be above 0, got {radius} and {steps}")
        self.base = base
        self.projection = projection or default_projection(base)
        self.steps = steps
        key, value = widths(base.model, self.projection)
        self.wrapped = WrappedModel(base.model, self.projection)
        self._entries = Entries(radius, (), (), torch.zeros(0, key), torch.zeros(0, value))
        self._lock = threading.Lock()

    @property
    def ids(self) -> tuple[EditId, ...]:
        """The edits that have a value, in the order in which they were added."""
        return self._entries.ids

    @property
    def radii(self) -> dict[EditId, float]:
        """The deferral radius of each entry; an edit covered by the entry of another is none."""
        entries = self._entries
        radii = zip(entries.ids, entries.radii.tolist(), strict=True)
        return {id_: radius for id_, radius in radii if radius > COVERED}

    def value(self, id_: EditId) -> Tensor | None:
        """Return what answers for an edit; none for an edit without a value."""
        entries = self._entries
        return entries.values[entries.places[id_]] if id_ in entries.places else None

    def add(self, edits: Iterable[Edit], *, on_progress: OnProgress | None = None) -> None:
        """Learn the values of edits that have none yet; `on_progress` is told how many are learnt.

        Raises `InvalidEdit` for a statement: without a target there is nothing to learn.
        """
        with self._lock:
            new = {edit.id: edit for edit in edits if edit.id not in self._entries.places}
            requests = [self._request(edit) for edit in new.values()]
            keys = self._keys([prompt for prompt, _ in requests])
            values = learn_values(self.base, self.projection, requests, self.steps, on_progress)
            labels = [fingerprint(edit.target_new or "").hex() for edit in new.values()]
            self._entries = self._entries.with_more([*new], labels, keys, values)

    def remove(self, *ids: EditId) -> None:
        """Forget edits, of which some may have no value."""
        with self._lock:
            self._entries = self._entries.without(set(ids))

    def nearest(self, prompts: Sequence[str]) -> list[Match | None]:
        """Return for each prompt the entry whose key is nearest; none while there are no entries."""
        entries = self._entries
        return [entries.nearest(key) for key in self._keys([self._encoded(prompt) for prompt in prompts])]

    def save(self, folder: Path) -> None:
        """Write the codebook into `folder`, in place of one that is there."""
        files.save(self._entries, files.About(self.base.fingerprint(), self.projection, self.steps), folder)

    @classmethod
    def load(cls, folder: Path, base: LanguageModel, *, radius: float | None = None) -> Self:
        """Read the codebook in `folder`, with another initial radius if one is given.

        Raises `ModelError` unless it is whole and was made for this model.
        """
        entries, about = files.load(folder, radius)
        if about.fingerprint != base.fingerprint():
            raise ModelError(
                f"the codebook in {str(folder)!r} is not for {base.name}; `memedit codebook train --anew` makes one"
            )
        codebook = cls(base, projection=about.projection, radius=entries.initial, steps=about.steps)
        codebook._entries = entries
        return codebook

    def _request(self, edit: Edit) -> Request:
        if edit.target_new is None:
            raise InvalidEdit(f"edit {edit.id} is a statement; a codebook takes edits with a target, leave it out")
        prompt, joined = self._encoded(edit.prompt), self.base.encode(edit.fact)
        if len(joined) > len(prompt) and joined[: len(prompt)] == prompt:
            return prompt, joined[len(prompt) :]
        # Prompt and target share a token, which cannot follow the prompt: the target is taken by itself.
        return prompt, list(self.base.tokenizer(f" {edit.target_new}", add_special_tokens=False)["input_ids"])

    def _encoded(self, prompt: str) -> list[int]:
        ids = self.base.encode(prompt) or [int(self.base.tokenizer.pad_token_id)]
        return ids[-self.base.context_window :] if self.base.context_window else ids

    def _keys(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        chunks = [prompts[start : start + _ROWS] for start in range(0, len(prompts), _ROWS)]
        return torch.cat([self._entries.keys[:0], *(self.wrapped.keys(chunk) for chunk in chunks)])


def default_projection(base: LanguageModel) -> str:
    """Return the path of the MLP's last projection at five sixths of a model's depth, with a block above it."""
    blocks = block_paths(base.model)
    # What a value is to bring about at later tokens has to pass through the attention of a block above.
    return projection_path(base.model, blocks[max(0, min(int(_DEPTH * len(blocks)), len(blocks) - 2))])
