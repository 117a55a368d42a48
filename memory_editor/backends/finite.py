"""Whether numbers that a method computes are still numbers; knows no method."""

from torch import Tensor

from memory_editor.errors import ModelError


def checked_finite(numbers: Tensor, what: str) -> Tensor:
    """Return numbers, called `what`, as they are; raises `ModelError` where they overflowed or are none."""
    if not numbers.isfinite().all():
        raise ModelError(f"{what} came out infinite or as no number; load the model in float32 or bfloat16")
    return numbers
