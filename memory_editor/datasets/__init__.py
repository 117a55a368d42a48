"""Files of edits: readers of the field's forms and of plain JSONL and CSV, a writer; knows no store and no models."""

from memory_editor.datasets.files import read_edits, write_edits
from memory_editor.datasets.forms import Form

__all__ = ["Form", "read_edits", "write_edits"]
