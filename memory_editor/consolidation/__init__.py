"""Consolidation: what edits say is trained into a bank of LoRAs, verified, and swapped in; nothing here answers."""

from memory_editor.consolidation.consolidate import NEEDED, Report, consolidate
from memory_editor.consolidation.live import live_edits
from memory_editor.consolidation.settings import ConsolidationSettings

__all__ = ["NEEDED", "ConsolidationSettings", "Report", "consolidate", "live_edits"]
