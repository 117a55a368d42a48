"""Which of a number of texts is nearest to a prompt, by exact search over vectors; knows no edits."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from memory_editor.encoder import Encoder, Vectors

_ENCODE_AT_ONCE: Final = 2_048


class Nearest(NamedTuple):
    """The place of the text nearest to a prompt, and the squared Euclidean distance of their unit vectors."""

    place: int
    squared: float


class NearestText:
    """Texts of which one is nearest to any prompt."""

    def __init__(self, texts: Sequence[str], encoder: Encoder) -> None:
        self._encoder = encoder
        starts = range(0, len(texts), _ENCODE_AT_ONCE)
        vectors = [encoder.encode(texts[start : start + _ENCODE_AT_ONCE]) for start in starts]
        self.vectors: Vectors = np.concatenate([np.empty((0, encoder.dimension), np.float32), *vectors])

    def find(self, prompts: Sequence[str]) -> list[Nearest]:
        """Return one nearest text a prompt; there must be texts."""
        cosines = self._encoder.encode(prompts) @ self.vectors.T
        places = cosines.argmax(1)
        # Rounding takes the cosine of equal vectors just above 1.
        squared = np.maximum(0, 2 - 2 * cosines[np.arange(len(prompts)), places])
        return [Nearest(int(place), float(distance)) for place, distance in zip(places, squared, strict=True)]
