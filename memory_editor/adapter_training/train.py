"""Trains the edit-following adapter of a base model; resumes where it was cut off."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Final

import torch
from peft import LoraConfig, get_peft_model_state_dict
from transformers import PreTrainedModel

from memory_editor.adapter_training.checkpoint import NAME, Progressed, load_progressed
from memory_editor.adapter_training.continuing import continued
from memory_editor.adapter_training.drawing import draw_exercises
from memory_editor.adapter_training.loss import loss_of
from memory_editor.adapter_training.pool import Pool
from memory_editor.adapter_training.sequences import Batch, Tokeniser, TokenRow, allowed_ids, batch_of
from memory_editor.adapters.lora.adapter import LoraAdapter
from memory_editor.adapters.lora.files import LoraFiles
from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.models.bundled import BUNDLED
from memory_editor.progress import Progress
from memory_editor.scope.training.lexicon import build_lexicon
from memory_editor.scope.training.phrasings import read_phrasings
from memory_editor.scope.training.sources import Sources

_TOGETHER: Final = 16
"""How many batches are drawn at a time, so that rows of like length stand together."""

_HELD_BACK: Final = 10
"""Of as many requests of zsRE one is for validation; CounterFact has a file of its own for it."""

_WARM_UP: Final = 0.05
_FLOOR: Final = 0.05
"""The share of the learning rate that is left at the end."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Everything that decides what a run gives, the data aside."""

    seed: int = 0
    steps: int = 500
    batch: int = 16
    """Exercises a step."""
    learning_rate: float = 5e-4
    rank: int = 16
    longest: int = 128
    """How many tokens an exercise has at most: what goes on after the answer is cut there."""
    validate_every: int = 50
    validated: int = 128
    """How many exercises a validation has."""
    patience: int = 3
    """After how many validations without a better one the run ends."""


def train(
    base: LanguageModel,
    sources: Sources,
    folder: Path,
    settings: TrainingSettings,
    *,
    start: LoraFiles | None = None,
    progress: Progress,
) -> LoraFiles:
    """Train an adapter for `base`, with checkpoints in `folder`, and return its files with the best weights.

    Goes on from the adapter `start`, whose rank it keeps, where there is one. Raises `ModelError` where that is for
    another model, and where the folder holds a checkpoint of other settings.
    """
    if start and not start.is_for(base.model):
        raise ModelError(
            f"the adapter to start from is for {start.about.get('model')}, not for {base.name}; leave it out"
        )
    run = _Run(base, sources, settings, start)
    state = load_progressed(folder, run.told) or Progressed(0, [], {})
    run.restore(state)
    with _frozen(base.model), progress("training the adapter", settings.steps) as report:
        report(state.step)
        while state.step < settings.steps and not _is_over(state.losses, settings.patience):
            run.step(state.step)
            state.step += 1
            report(state.step)
            if state.step % settings.validate_every == 0 or state.step == settings.steps:
                run.validate(state)
                state.save(folder, run.told)
    files = run.files(state)
    (folder / NAME).unlink(missing_ok=True)
    return files


@contextmanager
def _frozen(model: PreTrainedModel) -> Iterator[None]:
    """Have no gradients computed for the weights of `model` during the block."""
    needed = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in needed:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in needed:
            parameter.requires_grad_(True)


class _Run:
    """The model in training, its optimizer, and the data."""

    def __init__(
        self, base: LanguageModel, sources: Sources, settings: TrainingSettings, start: LoraFiles | None
    ) -> None:
        self._base, self._settings = base, settings
        before = {"start": {name: value for name, value in start.about.items() if name != "base"}} if start else {}
        self.told = asdict(settings) | {"model": base.name} | before
        torch.manual_seed(settings.seed)
        self._config: LoraConfig = start.config if start else lora_config(base.model, settings.rank)
        self._student = with_lora(base.model, self._config, start.weights if start else None)
        self._learnt = {name: value for name, value in self._student.named_parameters() if "lora_" in name}
        for value in self._learnt.values():
            value.data = value.data.float()
        self._optimizer = torch.optim.AdamW(self._learnt.values(), lr=settings.learning_rate, weight_decay=0.0)
        lexicon = build_lexicon(read_phrasings(), sources)
        learnt = [request for number, request in enumerate(sources.zsre) if number % _HELD_BACK]
        self._pool = Pool(lexicon, sources.counterfact, learnt)
        self._held_back = Pool(lexicon, sources.counterfact_val, sources.zsre[::_HELD_BACK])
        self._tokeniser = Tokeniser(base, LoraAdapter(self._config, {}))
        self._allowed = allowed_ids(base)
        self._batches: tuple[int, list[list[TokenRow]]] = (-1, [])

    def step(self, number: int) -> None:
        """Learn from one batch."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * self._rate(number)
        loss = loss_of(self._student, self._base.model, self._batch(number), self._allowed)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._learnt.values(), 1.0)
        self._optimizer.step()

    @torch.no_grad()
    def validate(self, state: Progressed) -> None:
        """Add the loss on what is held back, and the tensors from which the run may go on, to `state`."""
        losses = [float(loss_of(self._student, self._base.model, batch, self._allowed)) for batch in self._validation]
        state.losses.append(sum(losses) / len(losses))
        weights = {f"weight {name}": value.detach().clone() for name, value in self._learnt.items()}
        is_best = state.losses[-1] == min(state.losses)
        best = weights if is_best else {name: state.tensors[f"best {name}"] for name in weights}
        moments = {
            f"{kind} {name}": self._optimizer.state[value][kind].clone()
            for name, value in self._learnt.items()
            for kind in ("exp_avg", "exp_avg_sq")
        }
        state.tensors = weights | {f"best {name}": value.clone() for name, value in best.items()} | moments

    @torch.no_grad()
    def restore(self, state: Progressed) -> None:
        """Take up the weights and the optimizer's moments of a state, if it has any."""
        for name, value in self._learnt.items() if state.tensors else ():
            value.copy_(state.tensors[f"weight {name}"])
            moments = {kind: state.tensors[f"{kind} {name}"].to(value.device) for kind in ("exp_avg", "exp_avg_sq")}
            self._optimizer.state[value] = {"step": torch.tensor(float(state.step)), **moments}

    @torch.no_grad()
    def files(self, state: Progressed) -> LoraFiles:
        """Return the best weights as an adapter."""
        for name, value in self._learnt.items():
            value.copy_(state.tensors[f"best weight {name}"])
        weights = get_peft_model_state_dict(self._student, save_embedding_layers=False)
        weights = {name: value.detach().cpu() for name, value in weights.items()}
        about = {
            "model": self._base.name,
            "names": _names(self._base.name),
            "settings": asdict(self._settings),
            "start": self.told.get("start"),
            "losses": state.losses,
        }
        return LoraFiles.of(self._config, weights, self._base.model, about)

    def _rate(self, number: int) -> float:
        """Return the share of the learning rate: a linear warm-up, then half a cosine."""
        warm_up = max(1, int(_WARM_UP * self._settings.steps))
        if number < warm_up:
            return (number + 1) / warm_up
        along = (number - warm_up) / max(1, self._settings.steps - warm_up)
        return _FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * along))

    def _batch(self, number: int) -> Batch:
        chunk, place = divmod(number, _TOGETHER)
        if self._batches[0] != chunk:
            seed = f"{self._settings.seed} {chunk}"
            rows = list(self._rows(self._pool, seed, _TOGETHER * self._settings.batch))
            self._batches = chunk, _alike(rows, self._settings.batch, seed)
        return batch_of(self._batches[1][place], self._base.device)

    @cached_property
    def _validation(self) -> list[Batch]:
        rows = list(self._rows(self._held_back, "validation", self._settings.validated))
        return [batch_of(batch, self._base.device) for batch in _alike(rows, self._settings.batch, "validation")]

    def _rows(self, pool: Pool, seed: str, count: int) -> Iterator[TokenRow]:
        """Yield exercises as ids, those with too long a prompt left out for others."""
        drawn = 0
        while count:
            chosen = f"{seed} {drawn}"
            for exercise in continued(self._base, self._tokeniser, draw_exercises(pool, chosen, count), chosen):
                if row := self._tokeniser.row(exercise).cut(self._settings.longest):
                    count -= 1
                    yield row
            drawn += 1


def _alike(rows: Sequence[TokenRow], size: int, seed: str) -> list[list[TokenRow]]:
    """Return batches of rows of like length, in a random order."""
    by_length = sorted(rows, key=lambda row: len(row.told))
    batches = [by_length[start : start + size] for start in range(0, len(by_length), size)]
    Random(seed).shuffle(batches)
    return batches


def _names(name: str) -> list[str]:
    """Return by what names the model can be asked for."""
    bundled = BUNDLED.get(name)
    return [name, bundled.hub_id] if bundled else [name]


def _is_over(losses: Sequence[float], patience: int) -> bool:
    """Say whether the last `patience` validations brought nothing better."""
    return len(losses) > patience and min(losses[:-patience]) <= min(losses[-patience:])
