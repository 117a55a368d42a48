"""The edit memory: store, index and encoder in step."""

from memory_editor.memory.adding import Added
from memory_editor.memory.conflicts import Judge, OnConflict, Pair
from memory_editor.memory.followed_index import index_folder, index_problems
from memory_editor.memory.memory import EditMemory

__all__ = ["Added", "EditMemory", "Judge", "OnConflict", "Pair", "index_folder", "index_problems"]
