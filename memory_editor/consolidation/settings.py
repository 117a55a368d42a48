"""What decides what a consolidation gives, the edits aside."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ConsolidationSettings:
    """How clusters are made, and how their LoRAs are trained."""

    seed: int = 0
    rank: int = 4
    cluster_size: int = 16
    """How many edits share a LoRA at most."""
    steps: int = 60
    """How many steps a cluster is trained at most."""
    batch: int = 16
    """Exercises a step."""
    learning_rate: float = 5e-3
    check_every: int = 5
    """After how many steps it is looked whether all edits are answered, which ends the training."""
    longest: int = 192
    """How many tokens a prompt and its answer have at most; the fallback answers for longer ones."""
