"""What the untouched model writes, kept from run to run under the model's fingerprint; knows no methods."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from memory_editor.backends.routed_undo import unedited
from memory_editor.evaluation.comparison.asking import Answerer, Item, batch_key
from memory_editor.evaluation.comparison.lines import append, read_lines
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress

_FOLDER: Final = "evaluation"


class BaseAnswers:
    """The texts of the untouched model, by batch: on who stands beside whom in a batch depends how numbers are rounded.

    Kept in a file of `cache`, one line a batch, for the model's fingerprint and whatever else decides rounding.
    """

    def __init__(self, base: LanguageModel, new_tokens: int, cache: Path) -> None:
        self._answerer = Answerer(unedited(base), base, decides=False, new_tokens=new_tokens)
        made_by = (base.fingerprint(), base.device.type, torch.__version__, torch.get_num_threads(), new_tokens)
        folder = cache / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{'-'.join(map(str, made_by))}.jsonl"
        self._kept: dict[str, list[str]] = {line["batch"]: line["texts"] for line in read_lines(self._path)}

    def prepare(self, batches: Sequence[Sequence[Item]], progress: Progress) -> None:
        """Ask the untouched model every batch that is out of scope and not kept yet."""
        missing = [one for one in batches if _is_compared(one) and batch_key(one) not in self._kept]
        with progress("asking the untouched model", len(missing)) as report:
            for number, batch in enumerate(missing, 1):
                texts = [text for text, _ in self._answerer.texts(batch)]
                append(self._path, [{"batch": batch_key(batch), "texts": texts}])
                self._kept[batch_key(batch)] = texts
                report(number)

    def of(self, batch: Sequence[Item]) -> list[str]:
        """Return the texts for a batch that was prepared; nothing for one that is in scope."""
        return self._kept[batch_key(batch)] if _is_compared(batch) else [""] * len(batch)


def _is_compared(batch: Sequence[Item]) -> bool:
    return not batch[0].asked.kind.in_scope
