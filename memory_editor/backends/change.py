"""How one tensor came from another: what takes it there and back bit for bit, in few bytes; knows no models.

Where a method added a matrix of low rank, its factors are found again. What they leave off by rounding is kept as the
differences of the numbers' bit patterns, nearly all of which are zero or one, compressed.
"""

import zlib
from dataclasses import dataclass
from typing import Final, Self

import torch
from torch import Tensor

from memory_editor.errors import ModelError

_MAX_RANK: Final = 256
_INTEGERS: Final = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By the bytes of a floating-point number, what its bits are read as."""


@dataclass(frozen=True)
class Change:
    """The way from one tensor to another and back: left · right is added or taken away, then the bits are corrected."""

    left: Tensor
    """Shape (rows, rank), float32; of rank 0 where `forward` has the whole change."""
    right: Tensor
    """Shape (rank, columns), float32."""
    forward: Tensor
    """What is to be added to the bit patterns of the sum, packed."""
    backward: Tensor
    """The same for the way back; empty where that is the opposite of `forward`."""

    @classmethod
    def between(cls, before: Tensor, after: Tensor) -> Self:
        """Return the change that takes the fewest bytes; both are on the CPU, of one shape and floating-point dtype."""
        none = torch.zeros(0, 0)
        whole = cls(none, none, _packed(_bits(after) - _bits(before)), torch.zeros(0, dtype=torch.uint8))
        difference = after.double() - before.double()
        if difference.dim() != 2 or min(difference.shape) < 2 or not difference.isfinite().all():
            return whole
        left, right = _factors(difference)
        forward = _bits(after) - _bits(_moved(before, left, right))
        backward = _bits(before) - _bits(_moved(after, -left, right))
        return min(whole, cls(left, right, _packed(forward), _packed(backward)), key=lambda change: change.size)

    @property
    def rank(self) -> int:
        """The rank of what is added; 0 for a change without one that is low."""
        return len(self.right)

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return sum(part.nbytes for part in (self.left, self.right, self.forward, self.backward))

    def apply(self, before: Tensor) -> Tensor:
        """Return what a tensor on the CPU becomes; raises `ModelError` for one of another shape or dtype."""
        return _corrected(_moved(before, self.left, self.right), _unpacked(self.forward, before))

    def revert(self, after: Tensor) -> Tensor:
        """Return what a tensor on the CPU was; raises `ModelError` for one of another shape or dtype."""
        back = _unpacked(self.backward, after) if len(self.backward) else -_unpacked(self.forward, after)
        return _corrected(_moved(after, -self.left, self.right), back)


def _factors(difference: Tensor) -> tuple[Tensor, Tensor]:
    """Return the factors of a matrix up to where its singular values fall most steeply: from there on it is rounding.

    Halko et al. 2011, algorithm 4.4, finds the largest ones.
    """
    count = min(_MAX_RANK, min(difference.shape) // 2) + 1
    sketch = torch.randn(difference.shape[1], count, generator=torch.Generator().manual_seed(0), dtype=difference.dtype)
    for _ in range(3):
        basis = torch.linalg.qr(difference @ sketch).Q
        sketch = difference.T @ basis
    left, sizes, right = torch.linalg.svd(sketch.T, full_matrices=False)
    floor = torch.finfo(sizes.dtype).eps * sizes[0]
    rank = int((sizes[:-1] / sizes[1:].clamp(min=floor)).argmax()) + 1 if floor else 0
    return (basis @ left[:, :rank] * sizes[:rank]).float(), right[:rank].float()


def _moved(tensor: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return a tensor with left · right added to it, in steps that every machine rounds alike."""
    if not len(right):
        return tensor
    if tensor.shape != (shape := (len(left), right.shape[1])):
        rule = f"the change is for a weight of shape {shape}, not {tuple(tensor.shape)}"
        raise ModelError(f"{rule}; take the model that it was made for")
    total = tensor.double()
    for column, row in zip(left.T.double(), right.double(), strict=True):
        total = total + torch.outer(column, row)
    return total.to(tensor.dtype)


def _bits(tensor: Tensor) -> Tensor:
    """Return the bit patterns of numbers as integers, whose sums wrap around."""
    return tensor.contiguous().view(_INTEGERS[tensor.element_size()])


def _corrected(tensor: Tensor, difference: Tensor) -> Tensor:
    return (_bits(tensor) + difference).view(tensor.dtype)


def _packed(difference: Tensor) -> Tensor:
    """Return integers as compressed bytes: the first of all, then the second ones, and so on."""
    size = difference.element_size()
    # The sign goes to the end, so that small numbers of either sign begin with zeros.
    folded = (difference << 1) ^ (difference >> (8 * size - 1))
    planes = folded.flatten().view(torch.uint8).reshape(-1, size).T
    return _bytes(zlib.compress(planes.contiguous().numpy().tobytes()))


def _unpacked(packed: Tensor, like: Tensor) -> Tensor:
    """Return the integers that correct the bits of a tensor."""
    try:
        planes = zlib.decompressobj().decompress(packed.numpy().tobytes(), like.nbytes + 1)
    except zlib.error as error:
        raise ModelError(f"the change of a weight is damaged: {error}; make the delta again") from error
    if len(planes) != like.nbytes:
        raise ModelError(
            f"the change of a weight is not for {like.nbytes:,} bytes; take the model that it was made for"
        )
    kind = _INTEGERS[like.element_size()]
    folded = _bytes(planes).reshape(like.element_size(), -1).T.flatten().view(kind).reshape(like.shape)
    return ((folded >> 1) & torch.iinfo(kind).max) ^ -(folded & 1)


def _bytes(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.zeros(0, dtype=torch.uint8)
