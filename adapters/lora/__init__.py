"""The edit-following adapter: a LoRA, trained once for a base model, that makes it follow the facts before a prompt."""

from memory_editor.adapters.lora.adapter import LoraAdapter

__all__ = ["LoraAdapter"]
