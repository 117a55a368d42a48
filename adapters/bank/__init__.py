"""The adapter bank: a small LoRA for each cluster of edits, which answers with nothing in context."""

from memory_editor.adapters.bank.adapter import BankAdapter, bank_adapter
from memory_editor.adapters.bank.bank import Bank
from memory_editor.adapters.bank.versions import alone, bank_folder, current_bank, undo

__all__ = ["Bank", "BankAdapter", "alone", "bank_adapter", "bank_folder", "current_bank", "undo"]
