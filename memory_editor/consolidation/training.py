"""Trains the LoRA of one cluster of edits; knows no files and no verdicts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final

import torch
from peft import get_peft_model_state_dict
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.loss import loss_of
from memory_editor.adapter_training.sequences import Batch, Tokeniser, TokenRow, allowed_ids, batch_of
from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.consolidation.nothing import Nothing
from memory_editor.consolidation.settings import ConsolidationSettings
from memory_editor.consolidation.variations import Variations
from memory_editor.consolidation.writing import write
from memory_editor.edits import Edit, EditId
from memory_editor.language_model import LanguageModel
from memory_editor.scope.training.phrasings import read_phrasings
from memory_editor.token_rows import TokenRows

_KEPT: Final = 4
"""Of as many exercises of a batch, one is to stay as it is."""

_PARTS: Final = 2
"""In how many parts the exercises of a step are computed."""

_WARM_UP: Final = 5

_REST: Final = 12
"""How many tokens of what the base model would write behind a fact are to stay as they are."""

_GOES_ON: Final = 0.25
"""How often they stand behind an answer."""


def train_cluster(
    base: LanguageModel,
    edits: Sequence[Edit],
    others: Sequence[str],
    settings: ConsolidationSettings,
    report: Callable[[int], None],
) -> tuple[dict[str, Tensor], int]:
    """Return weights by which `base` answers as `edits` say, with nothing in context, and the steps that took.

    `others` are prompts to be answered as ever. `report` is told the steps done. The same arguments give the same
    weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        run = _Run(base, edits, others, settings)
        step = 0
        while step < settings.steps:
            run.step(step)
            step += 1
            report(step)
            if step % settings.check_every == 0 and run.is_learnt():
                break
    return run.weights(), step


def is_learnable(base: LanguageModel, edit: Edit, longest: int) -> bool:
    """Say whether weights can learn an edit: it has a target, and no prompt of it is too long."""
    return edit.target_new is not None and all(len(base.encode(edit.fact_as(key))) <= longest for key in edit.keys)


class _Run:
    """The model in training, its optimizer, and the exercises."""

    def __init__(
        self, base: LanguageModel, edits: Sequence[Edit], others: Sequence[str], settings: ConsolidationSettings
    ) -> None:
        self._base, self._edits, self._settings = base, edits, settings
        self._rng = Random(f"{settings.seed} {' '.join(edit.id for edit in edits)}")
        self._student: PreTrainedModel = with_lora(base.model, lora_config(base.model, settings.rank))
        self._learnt = [value for name, value in self._student.named_parameters() if "lora_" in name]
        for value in self._learnt:
            value.data = value.data.float()
        self._optimizer = torch.optim.AdamW(self._learnt, lr=settings.learning_rate, weight_decay=0.0)
        self._rests = _rests(base, edits)
        self._variations = Variations(edits, others, read_phrasings())
        self._tokeniser = Tokeniser(base, Nothing())
        self._allowed = allowed_ids(base)
        self._checked = [self._tokeniser.row(exercise) for exercise in self._checks()]
        self._turns = self._in_turn()

    def step(self, number: int) -> None:
        """Learn from the exercises of one step."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * min(1.0, (number + 1) / _WARM_UP)
        self._optimizer.zero_grad(set_to_none=True)
        for batch in self._batches():
            loss = loss_of(self._student, self._base.model, batch, self._allowed) / _PARTS
            loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._learnt, 1.0)
        self._optimizer.step()

    @torch.no_grad()
    def is_learnt(self) -> bool:
        """Say whether the likeliest tokens are the target's, at each of them, for every edit in several wordings."""
        size = self._settings.batch
        return all(
            _is_written(self._student, self._checked[start : start + size], self._base.device)
            for start in range(0, len(self._checked), size)
        )

    def weights(self) -> dict[str, Tensor]:
        """Return the weights under the names by which peft saves them."""
        weights = get_peft_model_state_dict(self._student, save_embedding_layers=False)
        return {name: value.detach().cpu() for name, value in weights.items()}

    def _checks(self) -> Iterator[Exercise]:
        rng = Random(f"checks {self._settings.seed}")
        for edit in self._edits:
            yield from (Exercise((edit,), key, edit.target_new or "", "checked") for key in edit.keys)
            drawn = self._variations.answered(edit, rng)
            yield Exercise((edit,), drawn.prompt, drawn.answer, "checked", is_chat=drawn.is_chat)

    def _batches(self) -> list[Batch]:
        """Return the exercises of a step in batches of like length, so that no work goes into padding."""
        count = self._settings.batch
        kept = [self._variations.kept(self._rng) for _ in range(count // _KEPT)]
        rows = [self._tokeniser.row(exercise) for exercise in kept if exercise]
        while len(rows) < count:
            rows.append(self._answered(next(self._turns)))
        rows.sort(key=lambda row: len(row.told))
        size = -(-count // _PARTS)
        return [batch_of(rows[start : start + size], self._base.device) for start in range(0, count, size)]

    def _answered(self, edit: Edit) -> TokenRow:
        """Return an exercise that an edit answers, at times with what the base model would write after it."""
        row = self._tokeniser.row(self._variations.answered(edit, self._rng))
        rest = () if row.ends or self._rng.random() >= _GOES_ON else self._rests[edit.id]
        return replace(row, told=(*row.told, *rest), plain=(*row.plain, *rest), rest=len(rest))

    def _in_turn(self) -> Iterator[Edit]:
        """Yield the edits over and over, each as often as the others, in a random order."""
        while True:
            yield from self._rng.sample(self._edits, len(self._edits))


def _rests(base: LanguageModel, edits: Sequence[Edit]) -> dict[EditId, tuple[int, ...]]:
    """Return the ids that the base model writes behind the fact of each edit."""
    facts = [edit.fact for edit in edits]
    texts = write(base, Nothing(), facts, [(edit,) for edit in edits], _REST)
    return {
        edit.id: tuple(base.encode(fact + text)[len(base.encode(fact)) :])
        for edit, fact, text in zip(edits, facts, texts, strict=True)
    }


def _is_written(model: PreTrainedModel, rows: Sequence[TokenRow], device: torch.device) -> bool:
    """Say whether a model, greedily, writes the answers of rows that end in them."""
    prompts, targets = ([row.told[: -row.tail] for row in rows], [row.told[-row.tail :] for row in rows])
    texts = TokenRows.of(prompts, targets, device=device)
    start = texts.ids.shape[1] - max(map(len, targets))
    said = model(**texts.inputs(model), use_cache=False).logits[:, start - 1 : -1].argmax(-1)
    return bool(((said == texts.ids[:, start:]) | (texts.mask[:, start:] == 0)).all())
