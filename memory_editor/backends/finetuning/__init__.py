"""Fine-tuning on edits, constrained to few weights; knows no other methods."""

from memory_editor.backends.finetuning.lora import LoraFt
from memory_editor.backends.finetuning.matrix import FtKl, FtL, FtM, LocFt

__all__ = ["FtKl", "FtL", "FtM", "LocFt", "LoraFt"]
