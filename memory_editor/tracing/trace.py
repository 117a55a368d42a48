"""Causal tracing of one prompt (Meng et al. 2022, "Locating and Editing Factual Associations in GPT", section 2).

The subject's token embeddings are corrupted with noise; then the states of one token at one layer are restored. What
that brings back of the probability of the answer is the state's indirect effect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memory_editor.backends.target_tokens import request_of
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths
from memory_editor.progress import Progress, no_progress
from memory_editor.tracing.located import locate
from memory_editor.tracing.restoring import CorruptedRuns, probability
from memory_editor.tracing.states import Kind, Restoration, kind_named

Effects: TypeAlias = NDArray[np.float32]
"""Indirect effects, differences of probabilities: a row for each token or role, a column for each layer."""

_STANDARD_DEVIATIONS: Final = 3  # as published


@dataclass(frozen=True, kw_only=True)
class TraceSettings:
    """How a prompt is traced; the defaults are the paper's."""

    kinds: tuple[Kind, ...] = tuple(Kind)
    """Which states are restored."""
    samples: int = 10
    """How many corrupted runs the effects are the mean of."""
    noise: float | None = None
    """The standard deviation of the noise; by default three times that of the subjects' embeddings."""
    window: int = 10
    """Of how many layers around the one named the MLP or attention is restored; whole layers are restored singly."""
    seed: int = 0
    """Decides the noise."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(map(kind_named, dict.fromkeys(self.kinds))))
        if not self.kinds:
            raise ConfigError(f"kinds is empty; name one or more of {', '.join(Kind)}")
        for name in ("samples", "window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.noise is not None and not 0 < self.noise < float("inf"):
            raise ConfigError(f"noise must be a number above 0, got {self.noise}; leave it out for the paper's")


@dataclass(frozen=True, eq=False)
class Trace:
    """What restoring each state of a prompt brings back of its answer's probability."""

    model: str
    prompt: str
    subject: str
    target: str
    """The token whose probability is read."""
    tokens: tuple[str, ...]
    subject_tokens: range
    """Which of the tokens hold the subject."""
    clean: float
    """The probability of the target after the prompt as it is."""
    corrupted: float
    """With noise on the subject, as a mean over the samples."""
    effects: Mapping[Kind, Effects] = field(repr=False)
    """Of shape (tokens, layers) for each kind."""
    settings: TraceSettings
    """With the standard deviation of the noise that was added."""

    def to_dict(self) -> dict[str, Any]:
        """Return the trace as JSON values."""
        return {name: getattr(self, name) for name in ("model", "prompt", "subject", "target")} | {
            "tokens": [*self.tokens],
            "subject_tokens": [self.subject_tokens.start, self.subject_tokens.stop],
            "clean": self.clean,
            "corrupted": self.corrupted,
            "effects": {kind.value: effects.tolist() for kind, effects in self.effects.items()},
            "settings": asdict(self.settings),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Return the trace that `to_dict` made JSON values of."""
        effects = {Kind(kind): np.array(rows, np.float32) for kind, rows in raw["effects"].items()}
        own = {"tokens": tuple(raw["tokens"]), "subject_tokens": range(*raw["subject_tokens"]), "effects": effects}
        return cls(**{**raw, **own, "settings": TraceSettings(**raw["settings"])})


def trace(
    base: LanguageModel,
    prompt: str,
    subject: str,
    *,
    target: str | None = None,
    settings: TraceSettings | None = None,
    progress: Progress = no_progress,
) -> Trace:
    """Return what each state of a prompt does for its answer: a target's first token, or else the model's own next.

    Tokens before the subject have no effect. Raises `InvalidEdit` for a prompt that does not name the subject.
    """
    settings = settings or TraceSettings()
    spread = settings.noise or subject_noise(base, [(prompt, subject)])
    ids, columns = locate(base, prompt, subject)
    noise = _noise(settings, columns, _embeddings(base, ids)) * spread
    runs = CorruptedRuns(base.model, ids, noise, columns.start, settings.kinds)
    token = int(runs.clean.argmax()) if target is None else request_of(base, prompt, target.strip()).target[0]
    layers = len(block_paths(base.model))
    restorations = [
        Restoration(kind, _window(kind, layer, layers, settings.window))
        for kind in settings.kinds
        for layer in range(layers)
    ]
    with progress("Tracing", len(ids)) as show:
        found = runs.restored(restorations, token, show)
    corrupted = probability(runs.corrupted, token).mean().item()
    by_kind = (found - corrupted).view(len(ids), len(settings.kinds), layers).unbind(1)
    return Trace(
        model=base.name,
        prompt=prompt,
        subject=subject,
        target=base.decode([token], keep_special=True),
        tokens=tuple(base.decode([one], keep_special=True) for one in ids),
        subject_tokens=columns,
        clean=probability(runs.clean[None], token).item(),
        corrupted=corrupted,
        effects={kind: effects.numpy() for kind, effects in zip(settings.kinds, by_kind, strict=True)},
        settings=replace(settings, noise=spread),
    )


def subject_noise(base: LanguageModel, prompts: Iterable[tuple[str, str]]) -> float:
    """Return three times the standard deviation of the embeddings of the subjects of prompts, all numbers together."""
    found = []
    for prompt, subject in prompts:
        ids, columns = locate(base, prompt, subject)
        found.append(_embeddings(base, ids)[columns.start : columns.stop].flatten())
    return _STANDARD_DEVIATIONS * torch.cat(found).std().item()


@torch.no_grad()
def _embeddings(base: LanguageModel, ids: Iterable[int]) -> Tensor:
    """Return the token embeddings, without positions, shape (tokens, width), float32."""
    embed = base.model.get_input_embeddings()
    embedded: Tensor = embed(torch.tensor([*ids], device=base.device))
    return embedded.float()


def _noise(settings: TraceSettings, columns: range, embeddings: Tensor) -> Tensor:
    """Return noise for some columns, of standard deviation 1, and zero for the others; shape (samples, *embeddings)."""
    noise = torch.zeros(settings.samples, *embeddings.shape)
    drawn = torch.randn(len(columns), *noise[:, 0].shape, generator=torch.Generator().manual_seed(settings.seed))
    noise[:, columns.start : columns.stop] = drawn.transpose(0, 1)
    return noise.to(embeddings)


def _window(kind: Kind, layer: int, layers: int, window: int) -> range:
    """Return the layers that are restored around one, as the paper's code chooses them."""
    if kind is Kind.LAYER:
        return range(layer, layer + 1)
    return range(max(0, layer - window // 2), min(layers, layer + (window + 1) // 2))
