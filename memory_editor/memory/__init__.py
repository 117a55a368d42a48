"""The edit memory: store, index and encoder in step."""

from memory_editor.memory.conflicts import OnConflict
from memory_editor.memory.followed_index import index_folder, index_problems
from memory_editor.memory.memory import Added, EditMemory

__all__ = ["Added", "EditMemory", "OnConflict", "index_folder", "index_problems"]
